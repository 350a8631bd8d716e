// Package hook is the state machine of an app's hooks and waves. It is pure: it makes no request, starts no goroutine,
// does not read the time, and changes nothing that it is given.
//
// Next decides from the recorded progress, the plan and what is known of the cluster what is due now: to store the
// progress, create or release the object of a hook, apply a wave, or wait. The caller keeps the returned Progress,
// executes the actions in their order, records the answers (Progress.Created, Placed, Explained, Released) and calls
// Next again, until there is no action left:
//
//	Begin ─▶ Prepare ─▶ Progress.Enter ─▶ Deliver ─▶ Complete     an app that Git has
//	Leave ─▶ BeforeDelete ─▶ AfterDelete ─▶ Erase                 an app that was removed from Git
//
// Tidy may come between any two of them. A hook runs once wherever the agent stops, because Store precedes Create and
// Release: a hook that may have been created is always known, its object carries the mark of its run, and it is held by
// a finalizer until it is stored how it ended.
//
// It may import agent, agent/plan, agent/guard, fleet, protocol and internal/phrase.
package hook
