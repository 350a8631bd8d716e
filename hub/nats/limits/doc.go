// Package limits is what a client of the bus may cost, and notices who costs more: sizes of messages, what a
// cluster may
// publish (Speech), what a credential may request and read (Meter), how many requests of one client wait (Lanes), and
// lines in the log (Once).
//
// It knows no server: what went over connections is passed in, with the time. It imports the standard library alone.
package limits
