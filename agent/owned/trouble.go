package owned

import (
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// Trouble is why an object is not as it should be, and when that is tried again.
type Trouble struct {
	Err   error
	Line  agent.Sum // of the content that could not be applied; zero for a delete
	Next  time.Time
	Pause backoff.Backoff
	Final bool // trying again is of no use
}

// NewTrouble is one that is yet to be noted.
func NewTrouble() *Trouble {
	return &Trouble{Pause: backoff.Backoff{Min: time.Second, Max: maxPause}}
}

// maxPause is how long something that fails again and again rests at most.
const maxPause = 5 * time.Minute

// absentPause is the same where somebody is likely to bring what is missing.
const absentPause = time.Minute

// ServedSoon is how a kind is asked for that may be served at any moment.
func ServedSoon() backoff.Backoff { return backoff.Backoff{Min: 50 * time.Millisecond, Max: maxPause} }

// Note takes down another failure.
func (t *Trouble) Note(err error, now time.Time) {
	if t.Err == nil && agent.ReasonOf(err) == agent.ReasonKind {
		t.Pause = ServedSoon() // a definition is served a moment after it says that it is
	}
	next := t.Pause.Next()
	switch agent.ReasonOf(err) {
	case agent.ReasonNamespace, agent.ReasonForbidden, agent.ReasonWebhook, agent.ReasonQuota:
		// nobody tells of it when they are there, or answer
		next = min(next, absentPause)
	}
	t.Err, t.Line, t.Next, t.Final = err, agent.Sum{}, now.Add(next), agent.ReasonOf(err) == agent.ReasonScope
}

// Quota says whether a quota does not let an object be applied.
func (t *Trouble) Quota() bool { return agent.ReasonOf(t.Err) == agent.ReasonQuota }

// CodeOf is the code of a Failure somewhere in err; otherwise for any other error.
func CodeOf(err error, otherwise protocol.Reason) protocol.Reason {
	if code, ok := Codes[agent.ReasonOf(err)]; ok {
		return code
	}
	return otherwise
}

// Codes are the codes of failures, as reports give them. What is not here has no code of its own.
var Codes = map[agent.Reason]protocol.Reason{
	agent.ReasonUnreachable:     protocol.ReasonAPIServerUnreachable,
	agent.ReasonKind:            protocol.ReasonKindNotServed,
	agent.ReasonConflict:        protocol.ReasonConflict,
	agent.ReasonNamespace:       protocol.ReasonNamespaceNotFound,
	agent.ReasonNamespaceEnding: protocol.ReasonNamespaceTerminating,
	agent.ReasonForbidden:       protocol.ReasonForbidden,
	agent.ReasonDenied:          protocol.ReasonWebhookDenied,
	agent.ReasonInvalid:         protocol.ReasonApplyRefused,
	agent.ReasonScope:           protocol.ReasonOutOfScope,
	agent.ReasonImmutable:       protocol.ReasonImmutableField,
	agent.ReasonManaged:         protocol.ReasonConflict,
	agent.ReasonEnding:          protocol.ReasonObjectTerminating,
	agent.ReasonWebhook:         protocol.ReasonWebhookUnavailable,
	agent.ReasonQuota:           protocol.ReasonQuotaExceeded,
}

// Fact is one with a text, or none without.
func Fact(reason protocol.Reason, text string) fleet.Fact {
	if text == "" {
		return fleet.Fact{}
	}
	return fleet.Fact{Reason: reason, Text: text}
}
