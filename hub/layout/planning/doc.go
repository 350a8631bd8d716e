// Package planning is what the planner and the dialects share: the Plan that is being made, the objects that are
// declared in it, the tables of fields, and Dialect, the port behind which each dialect stands. Nothing in it is of one
// dialect.
//
// It may import document beside it, hub, fleet and protocol.
package planning
