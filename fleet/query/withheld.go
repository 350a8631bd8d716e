package query

import "time"

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
