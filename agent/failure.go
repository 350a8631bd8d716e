package agent

import (
	"errors"
	"time"
)

// Reason says what kind of Failure it was, for those who act on it.
type Reason int

// The reasons.
const (
	ReasonOther           Reason = iota
	ReasonUnreachable            // the API server did not answer
	ReasonKind                   // the kind is not served
	ReasonMissing                // the object is not there
	ReasonConflict               // another client changed it first
	ReasonNamespace              // its namespace is not there
	ReasonNamespaceEnding        // its namespace is being deleted
	ReasonForbidden              // the agent may not
	ReasonDenied                 // an admission webhook or policy said no
	ReasonInvalid                // the object is not valid
	ReasonExpired                // the version asked for is no longer known
	ReasonScope                  // it is outside of what the agent may touch
	ReasonImmutable              // a field changed that cannot be while the object lives
	ReasonManaged                // others have fields of it, and it was to be applied politely
	ReasonEnding                 // it is being deleted, to be recreated
	ReasonWebhook                // a webhook that must be asked did not answer
	ReasonQuota                  // a quota is used up
)

// Failure is why something asked of the API server was not done, in plain words with the next step.
type Failure struct {
	Reason Reason
	Text   string
	Brief  string        // what is wrong, without what to do about it; "" if Text alone says it
	Said   string        // what the API server said; "" if it said nothing
	After  time.Duration // the server asked for this pause
}

// Error gives the text.
func (f *Failure) Error() string { return f.Text }

// ReasonOf is the reason of a Failure somewhere in err, or ReasonOther.
func ReasonOf(err error) Reason {
	var f *Failure
	if errors.As(err, &f) {
		return f.Reason
	}
	return ReasonOther
}

// ErrOffline says that there is no session with the hub.
var ErrOffline = errors.New("there is no connection to the hub")

var errBadSum = errors.New("it is no sum of 16 bytes in hexadecimal")
