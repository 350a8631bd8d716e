package tally

import "time"

// Part is how a cluster takes part in a target.
type Part uint8

// The parts.
const (
	None       Part = iota // it takes none
	Unreleased             // it has yet to be released to the target
	Flying                 // it has yet to settle
	Waiting                // something in it is paused
	Settled
	Failed
	Ill  // what was bad before still is
	Away // it has yet to settle, and is offline
)

// Decided says whether it is known how the cluster does.
func (p Part) Decided() bool { return p == Settled || p == Failed || p == Ill }

// Counts are numbers of clusters by their parts.
type Counts struct {
	All, Unreleased, Flying, Waiting, Settled, Failed, Ill, Away int
	// Last is when the last of them was decided, of those that a step looked at.
	Last time.Time
}

// Add adds clusters of a part; by is negative for taking them off.
func (n *Counts) Add(p Part, by int) {
	if p == None {
		return
	}
	n.All += by
	of := [...]*int{Unreleased: &n.Unreleased, Flying: &n.Flying, Waiting: &n.Waiting, Settled: &n.Settled,
		Failed: &n.Failed, Ill: &n.Ill, Away: &n.Away}
	*of[p] += by
}

// Blind says whether nothing shows whether a target works, nor will.
func (n Counts) Blind() bool { return n.All > 0 && n.Ill+n.Failed == n.All }
