package query

import "time"

// Reason is a code for why the hub publishes nothing. Scripts may match it.
type Reason string

// The reasons.
const (
	ReasonDeciding    Reason = "Deciding"           // the hub has started and asks which other hubs there are
	ReasonTakingOver  Reason = "TakingOver"         // a new or restored hub waits whether another one answers
	ReasonOtherHub    Reason = "OtherHub"           // another hub publishes
	ReasonNewerEpoch  Reason = "NewerEpoch"         // another hub has taken the fleet over
	ReasonStaleMirror Reason = "StaleMirror"        // the repository was not reached, and its mirror is too old
	ReasonUnknown     Reason = "UnknownCommit"      // the agent has a commit that this hub does not know
	ReasonAgentEpoch  Reason = "NewerEpochReported" // the agent has accepted a bundle of a newer epoch
	ReasonFlood       Reason = "TooManyGenerations" // too many generations without a new commit
)

// Withheld says why nothing is published for a cluster, or for any.
type Withheld struct {
	Reason  Reason    `json:"reason"`
	Message string    `json:"message"`           // what is waited for, and why
	Command string    `json:"command,omitempty"` // what a person can do
	Since   time.Time `json:"since"`
}

// String is the reason, the message and the command in one line.
func (w Withheld) String() string {
	text := "nothing is published (" + string(w.Reason) + "): " + w.Message
	if w.Command != "" {
		text += "; what to do: " + w.Command
	}
	return text
}

// Same says whether two say the same, since whenever. Either may be nil.
func (w *Withheld) Same(other *Withheld) bool {
	if w == nil || other == nil {
		return w == other
	}
	return w.Reason == other.Reason && w.Message == other.Message
}
