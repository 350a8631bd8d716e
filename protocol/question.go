package protocol

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A person asks something of a cluster that the hub does not keep. The hub puts the Question into an Ask, which it
// signs and seals to the cluster; the agent answers in parts, each of which is spoken as reports are (see Speak):
// signed by the cluster's own key and sealed to the hub.

// QuestionKind says what a Question is about.
type QuestionKind string

// The kinds of questions. An agent answers those that it does not know with AnswerUnknown.
const (
	QuestionGet  QuestionKind = "get"  // one object as it is now, as JSON
	QuestionTree QuestionKind = "tree" // the objects of an app and what they own, as a TreeNode in each line
	// what applying the desired state would change now, as an ObjectDiff in each line
	QuestionDiff QuestionKind = "diff"
	// the Kubernetes events about the objects of an app, as an ObjectEvent in each line
	QuestionEvents QuestionKind = "events"
	QuestionLogs   QuestionKind = "logs" // what containers write, as a LogLine in each line
)

// QuestionKinds are all kinds that this version knows, in the order of documents.
func QuestionKinds() []QuestionKind {
	return []QuestionKind{QuestionGet, QuestionTree, QuestionDiff, QuestionEvents, QuestionLogs}
}

// Question is a live question. The Ask that carries it has the cluster, the hub's clock and the nonce.
type Question struct {
	// ID is of this question alone. It ends the subject of the answer, see AnswerSubject.
	ID   string       `json:"id"`
	Kind QuestionKind `json:"kind,omitempty"`
	// Expires is when an agent no longer begins to answer, by the hub's clock.
	Expires time.Time `json:"expires,omitzero"`
	By      string    `json:"by,omitempty"`  // who asks, for the agent's log
	App     string    `json:"app,omitempty"` // the name by which the agent has the app
	// Resource is a kind as people write it: its name, plural or short name in any case, and its group behind a dot.
	Resource  string `json:"resource,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// What follows is for logs.
	Container string `json:"container,omitempty"`
	Tail      int    `json:"tail,omitempty"`   // lines of each container to begin with; 0 means as many as are kept
	Follow    bool   `json:"follow,omitempty"` // go on until the question is stopped, or MaxFollow is over
	Previous  bool   `json:"previous,omitempty"`
}

// The bounds of questions and answers.
const (
	MaxQuestionWord = 253              // bytes of each word of a question
	QuestionLife    = 30 * time.Second // from Ask.Time to Question.Expires
	MaxAnswerPart   = 64 << 10         // bytes of Answer.Data
	MaxAnswer       = 4 << 20          // bytes of all parts together
	MaxAnswerTime   = time.Minute      // from the question to the last part, unless it follows
	MaxFollow       = 15 * time.Minute // the same for one that follows
	maxQuestionID   = 64
	maxTail         = 100_000
)

// ErrQuestion marks a question that is none.
var ErrQuestion = errors.New("this is no question")

// Check says what is wrong with q.
func (q Question) Check() error {
	if err := checkQuestionID(q.ID); err != nil {
		return err
	}
	for _, word := range [...]string{string(q.Kind), q.App, q.Resource, q.Namespace, q.Name, q.Container} {
		if len(word) > MaxQuestionWord || strings.ContainsFunc(word, func(r rune) bool {
			return r <= ' ' || r == 0x7f ||
				r == '\\'
		}) {
			return fmt.Errorf("%w: the word %.40q is too long or has characters that no name has", ErrQuestion, word)
		}
	}
	for _, word := range [...]string{q.Namespace, q.Name, q.Container, q.App} {
		if strings.ContainsAny(word, "/?#%") || word == "." || word == ".." {
			return fmt.Errorf("%w: %.40q can be no name", ErrQuestion, word)
		}
	}
	if q.Tail < 0 || q.Tail > maxTail {
		return fmt.Errorf("%w: the last %d lines: choose 1 to %d", ErrQuestion, q.Tail, maxTail)
	}
	if len(q.By) > MaxQuestionWord {
		return fmt.Errorf("%w: the name of who asks has %d bytes", ErrQuestion, len(q.By))
	}
	return nil
}

// checkQuestionID says whether an id can be the last token of a subject.
func checkQuestionID(id string) error {
	if id == "" || len(id) > maxQuestionID {
		return fmt.Errorf("%w: its id has %d bytes", ErrQuestion, len(id))
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return fmt.Errorf("%w: its id has characters that are neither letters nor digits", ErrQuestion)
		}
	}
	return nil
}

// Limit is how long the answer may take.
func (q Question) Limit() time.Duration {
	if q.Follow {
		return MaxFollow
	}
	return MaxAnswerTime
}

// AnsweredByDefault are the kinds that an agent answers if its installation says nothing: what containers write may
// hold anything, and is granted by name.
func AnsweredByDefault() []QuestionKind {
	return []QuestionKind{QuestionGet, QuestionTree, QuestionDiff, QuestionEvents}
}

// ParseQuestionKinds reads kinds as people write them: separated by commas, or none.
func ParseQuestionKinds(list string) (out []QuestionKind, err error) {
	if list == "none" {
		return []QuestionKind{}, nil
	}
	for word := range strings.SplitSeq(list, ",") {
		kind := QuestionKind(word)
		if !slices.Contains(QuestionKinds(), kind) {
			return nil, fmt.Errorf("there is no question %.40q: choose of get, tree, diff, events and logs, separated by "+
				"commas, or none", word)
		}
		if !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	return out, nil
}
