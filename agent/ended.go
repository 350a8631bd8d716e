package agent

import (
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Outcome is how an object that runs once, such as a Job, has ended.
type Outcome uint8

// The outcomes.
const (
	OutcomeNone      Outcome = iota // it has not ended, or is of a kind that does not end
	OutcomeCompleted                // it completed
	// OutcomeFailed: it failed for good, and asks to be deleted after that. A Job that failed and does not ask for that
	// is recreated when a user deletes it, which is how people run it again.
	OutcomeFailed
)

// Ended says that an object has run for its content. Its deletion afterwards, by whomever, is no drift.
type Ended struct {
	Line   Sum    `json:"line"`             // that was applied when it ended
	Failed string `json:"failed,omitempty"` // how, if it failed
}

// Verdict is the health of an object that ended and was deleted.
func (e *Ended) Verdict() fleet.Verdict {
	if e.Failed != "" {
		return fleet.Verdict{Health: protocol.HealthDegraded,
			Message: e.Failed + "; it was deleted since, as its ttlSecondsAfterFinished asks, and runs again when it changes in Git"}
	}
	return fleet.Verdict{Health: protocol.HealthCurrent, Message: "it completed, and was deleted since"}
}
