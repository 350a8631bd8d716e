package wire

import (
	"bytes"
	"maps"
	"slices"
	"sync"

	"github.com/drover-dev/drover/hub/model"
)

const (
	// maxHabits is of how many folders it is remembered what their last build asked for.
	maxHabits = 4096
	// maxAsks is how many questions of one build are remembered. One that asks more is told the others one by one.
	maxAsks = 512
	// maxKnown is how many bytes of files are sent with a job.
	maxKnown = 4 << 20
)

// Habits remembers what the last build of each folder asked of the tree. The next one asks the same, as a rule: the
// answers go with the job, for each question costs a way to the hub and back. It is safe for concurrent use; its zero
// value is ready.
type Habits struct {
	mu    sync.Mutex
	asked map[string][]Ask // by folder
}

// Of gives the answers that a build of a folder will ask for, as far as that is known, from the tree as it is now.
func (h *Habits) Of(tree model.Tree, dir string) []Known {
	h.mu.Lock()
	asks := h.asked[dir]
	h.mu.Unlock()
	out, size := make([]Known, 0, len(asks)), 0
	for _, a := range asks {
		r := Answer(tree, a)
		if size += len(r.Data); size > maxKnown {
			break
		}
		out = append(out, Known{a, *r})
	}
	return out
}

// Note remembers what a build of a folder has asked for.
func (h *Habits) Note(dir string, asks []Ask) {
	asks = slices.Clip(asks[:min(len(asks), maxAsks)])
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked == nil {
		h.asked = map[string][]Ask{}
	}
	if _, has := h.asked[dir]; !has && len(h.asked) >= maxHabits {
		for other := range maps.Keys(h.asked) { // any one: it is only slower the next time
			delete(h.asked, other)
			break
		}
	}
	h.asked[dir] = asks
}

// Answers are those that came with a job.
type Answers map[Ask]*given

type given struct {
	Known
	number int
	asked  bool
}

// NewAnswers takes what came with a job.
func NewAnswers(all []Known) Answers {
	out := make(Answers, len(all))
	for i, k := range all {
		out[k.Ask] = &given{Known: k, number: i}
	}
	return out
}

// Of gives the answer to a question, or nil if it did not come with the job.
func (a Answers) Of(q Ask) *Reading {
	g := a[q]
	if g == nil {
		return nil
	}
	g.asked = true
	r := g.Reading
	r.Data = bytes.Clone(r.Data) // whom it is given to may write to it
	return &r
}

// Used are the numbers of those that were asked for, in no order.
func (a Answers) Used() (out []int) {
	for _, g := range a {
		if g.asked {
			out = append(out, g.number)
		}
	}
	return out
}
