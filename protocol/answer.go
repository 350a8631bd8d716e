package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	maxAnswerParts = 1 << 16
	maxAnswerText  = 8 << 10 // bytes of Answer.Message and Answer.Cut
)

// AnswerReason is why a question was not answered, for programs. A reader treats one that it does not know like
// AnswerFailed.
type AnswerReason string

// The reasons. They are append-only.
const (
	AnswerUnknown    AnswerReason = "UnknownQuestion" // the agent is older than the question
	AnswerNotGranted AnswerReason = "NotGranted"      // the agent was installed without the right to answer this
	AnswerForbidden  AnswerReason = "Forbidden"       // the cluster's RBAC does not allow the agent to read it
	AnswerRefused    AnswerReason = "Refused"         // nobody is shown this
	AnswerNotFound   AnswerReason = "NotFound"        // what was asked about is not there
	AnswerBusy       AnswerReason = "Busy"            // the agent answers as many questions as it may at a time
	AnswerExpired    AnswerReason = "Expired"         // the question came too late, or a clock is wrong
	AnswerFailed     AnswerReason = "Failed"          // reading failed
)

// Answer is one part of the answer to a Question.
type Answer struct {
	Version int    `json:"version"`
	Cluster string `json:"cluster"`
	ID      string `json:"id"`             // of the question
	Part    int    `json:"part"`           // from 0
	Data    []byte `json:"data,omitempty"` // whole lines, but for QuestionGet
	// Last ends the answer. Reason and Message say then why there is none, Cut what of it was left out and why.
	Last    bool         `json:"last,omitempty"`
	Reason  AnswerReason `json:"reason,omitempty"`
	Message string       `json:"message,omitempty"`
	Cut     string       `json:"cut,omitempty"`
}

// The reasons for which a part of an answer is not taken.
var (
	ErrRepeated  = errors.New("this part came before")
	ErrGap       = errors.New("a part before it is missing")
	ErrOversized = errors.New("larger than an answer may be")
	ErrOver      = errors.New("the answer has ended")
)

// Transcript takes the parts of one answer in their order. What it is given was spoken by the cluster's agent.
type Transcript struct {
	Cluster string
	ID      string
	next    int
	bytes   int
	over    bool
}

// Take takes the next part. After ErrGap and ErrOversized the answer is over, because it cannot be whole any more; a
// part with any other error is as if it had never come.
func (t *Transcript) Take(payload []byte) (Answer, error) {
	var a Answer
	if len(payload) > 2*MaxAnswerPart+2*maxAnswerText {
		return a, fmt.Errorf("%w: a part has %d bytes", ErrMalformed, len(payload))
	}
	err := json.Unmarshal(payload, &a)
	if newer := checkVersion("answer", a.Version, "this program"); newer != nil {
		return Answer{}, newer
	}
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	case a.Cluster != t.Cluster || a.ID != t.ID:
		return Answer{}, fmt.Errorf("%w: it answers %.80s of %.80s, and this is %s of %s", ErrForeign, a.ID, a.Cluster, t.ID,
			t.Cluster)
	case t.over:
		return Answer{}, ErrOver
	case a.Part < t.next:
		return Answer{}, fmt.Errorf("%w: number %d", ErrRepeated, a.Part)
	case a.Part > t.next:
		t.over = true
		return Answer{}, fmt.Errorf("%w: number %d came in place of number %d", ErrGap, a.Part, t.next)
	}
	t.bytes += len(a.Data)
	if len(a.Data) > MaxAnswerPart || t.bytes > MaxAnswer || t.next >= maxAnswerParts ||
		len(a.Message) > maxAnswerText || len(a.Cut) > maxAnswerText {
		t.over = true
		return Answer{}, fmt.Errorf("%w: %d bytes in %d parts", ErrOversized, t.bytes, t.next+1)
	}
	t.next++
	t.over = a.Last
	return a, nil
}

// Over says whether the answer has ended.
func (t *Transcript) Over() bool { return t.over }

// TreeNode is an object of an answer to QuestionTree. Nodes come before those that they own.
type TreeNode struct {
	Object  ObjectRef `json:"object"`
	Depth   int       `json:"depth,omitempty"` // 0 for what the app has
	Health  Health    `json:"health"`
	Message string    `json:"message,omitempty"`
	// Missing: the app has it, and it is not in the cluster. Unread says why it is not known.
	Missing bool   `json:"missing,omitempty"`
	Unread  string `json:"unread,omitempty"`
}

// The changes of an ObjectDiff.
const (
	DiffCreate = "create" // it is not there, and would be created
	DiffChange = "change" // it differs
	DiffDelete = "delete" // Git has it no longer
	DiffFailed = "failed" // it is not known; Message says why
	DiffSame   = "same"   // only in the summary line, see ObjectDiff.Same
)

// ObjectDiff is an object of an answer to QuestionDiff, desired against live. An object that is as desired is counted.
type ObjectDiff struct {
	App     string      `json:"app"`
	Object  ObjectRef   `json:"object,omitzero"`
	Change  string      `json:"change"`
	Fields  []FieldDiff `json:"fields,omitempty"`
	More    int         `json:"more,omitempty"` // fields that differ beyond those
	Message string      `json:"message,omitempty"`
	Same    int         `json:"same,omitempty"` // of a summary, how many objects of the app are as desired
}

// FieldDiff is one field that differs. Values of Secrets are masked.
type FieldDiff struct {
	Path    string          `json:"path"`
	Live    json.RawMessage `json:"live,omitempty"`
	Desired json.RawMessage `json:"desired,omitempty"`
}

// ObjectEvent is an event of an answer to QuestionEvents.
type ObjectEvent struct {
	Time    time.Time `json:"time,omitzero"`
	Type    string    `json:"type,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Object  ObjectRef `json:"object"`
	Count   int       `json:"count,omitempty"`
	Message string    `json:"message,omitempty"`
}

// LogLine is a line of an answer to QuestionLogs.
type LogLine struct {
	Pod       string `json:"pod"`
	Container string `json:"container,omitempty"`
	Text      string `json:"text,omitempty"`
	// Problem says why the output of the container is not there, or not to its end.
	Problem string `json:"problem,omitempty"`
}
