// Package mailbox is how goroutines tell each other something: queues of messages, signals, and the goroutines of a
// session. Nothing in it blocks but what says so.
//
// It may import agent and protocol.
package mailbox
