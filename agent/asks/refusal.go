package asks

import (
	"context"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// errFull says that an answer is as large as it may be. What was written before is sent.
var errFull = errors.New("the answer is as large as it may be")

// maxText is how much of a message is sent.
const maxText = 2000

func brief(text string) string {
	if len(text) > maxText {
		return text[:maxText] + "…"
	}
	return text
}

// refusal is why a question is not answered.
type refusal struct {
	reason protocol.AnswerReason
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(reason protocol.AnswerReason, format string, args ...any) error {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// reasoned says of an error why a question was not answered, for programs too. namespace is the agent's own, over is
// why the time of the question is over, if it is.
func reasoned(namespace string, err, over error) (protocol.AnswerReason, string) {
	var r *refusal
	var f *agent.Failure
	switch {
	case err == nil, errors.Is(err, errFull):
		return "", ""
	case errors.Is(over, context.Canceled):
		return protocol.AnswerFailed, "the question was stopped, or the agent ends"
	case over != nil:
		return protocol.AnswerFailed, "the answer took too long: ask for less"
	case errors.As(err, &r):
		return r.reason, r.text
	case !errors.As(err, &f):
		return protocol.AnswerFailed, err.Error()
	}
	switch f.Reason {
	case agent.ReasonForbidden:
		return protocol.AnswerForbidden, fmt.Sprintf("the cluster does not allow the agent to read this: give its "+
			"service account %s/drover-leader the right (%s)", namespace, f.Said)
	case agent.ReasonMissing, agent.ReasonKind, agent.ReasonNamespace:
		return protocol.AnswerNotFound, f.Text
	case agent.ReasonScope:
		return protocol.AnswerNotGranted, f.Text
	}
	return protocol.AnswerFailed, f.Text
}
