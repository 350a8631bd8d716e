package drift

import (
	"github.com/drover-dev/drover/agent"
)

// Finding is what a sighting of an object shows.
type Finding int

// The findings.
const (
	Unknown Finding = iota // nothing was applied that it could be compared with, or the object is to be deleted
	Own                    // the very state that Drover's own apply left
	Drifted                // the fields that Drover owns are not those that it applied
	Matches                // they are
)

// Known is what is known of an object that is seen.
type Known struct {
	Wanted bool      // it is in the plan
	Line   agent.Sum // that was applied last; zero if none was, or it is to be applied again
	Fields agent.Sum // that the apply left
	Own    bool      // the version that is seen is that of Drover's own apply
}

// Judge compares the field set of an object that is seen with what is known of it.
func Judge(k Known, fields agent.Sum) Finding {
	switch {
	case k.Own:
		return Own
	case k.Line == agent.Sum{} || !k.Wanted:
		return Unknown
	case fields != k.Fields:
		return Drifted
	}
	return Matches
}

// Action is what is done about an object that drifted.
type Action int

// The actions.
const (
	Wait   Action = iota // the app's next turn does what is due
	Keep                 // the drift is left, and told
	Retry                // the content that was refused before may be accepted now
	Repair               // what was applied is applied again
)

// State is what matters for what is done about an object that drifted.
type State struct {
	// it may be changed: it is wanted, no request for it is under way, it is not being deleted, its app is not suspended
	Ready bool
	Known bool // the content is known that was applied last
	Heals bool // its drift is undone
	Newer bool // there is newer content, which was not accepted
	Gone  bool // it does not exist
	Fails bool // it could not be applied
}

// Decide says what is done about an object that drifted. Without the old object, newer content may be accepted that was
// refused before; if it is not, the turn falls back to what was applied last.
func Decide(s State) Action {
	switch {
	case !s.Ready || !s.Known:
		return Wait
	case !s.Heals:
		return Keep
	case s.Newer && s.Gone || !s.Newer && s.Fails:
		return Retry
	}
	return Repair
}
