package resolve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
	"github.com/drover-dev/drover/protocol"
)

// maxVariants is how many results are remembered for one question: enough that a revert, or a branch
// that goes back and forth, finds what it had before.
const maxVariants = 4

// Render is the remembered result of a render.
type Render struct {
	Ref     protocol.Blob        `json:"ref"`
	Refs    []protocol.ObjectRef `json:"refs"`              // of the objects in the blob, in its order
	Cluster *model.Cluster       `json:"cluster,omitempty"` // of a folder, or of a plan
	// Declared are objects beside the blob that declare apps, or what apps need.
	Declared []model.Rendered   `json:"declared,omitempty"`
	Problems []string           `json:"problems,omitempty"` // of the files that declare apps for many clusters
	Notes    []fleet.Note       `json:"notes,omitempty"`
	Ignored  []protocol.Ignored `json:"ignored,omitempty"`  // of ignore rules that were made out
	AsksAPIs bool               `json:"asksAPIs,omitempty"` // of a chart: it looks at what the API server serves
	// Encrypted names the first object of the blob that is encrypted with SOPS; "" if none is.
	Encrypted string `json:"encrypted,omitempty"`
	// Files are where the objects of the blob come from, in its order, of those that may have variables; "" for others.
	Files []string `json:"files,omitempty"`
	// Opaque are the values that the agent puts into the objects of the blob.
	Opaque []protocol.Opaque `json:"opaque,omitempty"`
	// Sealed is the blob of a chart that was rendered with values that the hub decrypted; Ref is without them.
	Sealed *protocol.Blob `json:"sealed,omitempty"`
	// Ciphertext names the first object of the blob with a value that is encrypted with SOPS and that nothing decrypts;
	// "" if there is none.
	Ciphertext string `json:"ciphertext,omitempty"`
	// Needs are published charts that are to be in the tree: nothing is rendered before they are. They are remembered
	// in this process only.
	Needs []model.Needed `json:"-"`
	Err   string         `json:"-"` // failures are remembered in this process only
	// Reason is Err for programs; "" where that is that it cannot be rendered.
	Reason protocol.Reason `json:"-"`
	// Transient: something could not be read, so that another try may end differently.
	Transient bool         `json:"-"`
	Away      bool         `json:"-"` // what was to be rendered is not at hand
	Pending   bool         `json:"-"` // it is being rendered
	Deps      []record.Dep `json:"deps"`
}

// Unsaved is what the store has yet to be told.
type Unsaved struct {
	Memos map[string][]byte
	Blobs []model.Packed
}

// Flush gives save what the store has yet to be told: the outcome of renders, and their blobs. What it saved without an
// error is not given again.
func (r *Resolver) Flush(save func(Unsaved) error) error { return r.memo.flush(save) }

// memo remembers renders by what was asked, and finds those whose dependencies still hold. What it does
// not find in memory it looks for in the store.
type memo struct {
	store Memos

	mu    sync.Mutex
	known map[string]*question
	fresh int                    // questions that were not known at the last sweep
	batch Unsaved                // what the store has yet to be told
	round uint64                 // see sweep
	uses  map[*question]struct{} // what was asked since trace; nil if nobody wants to know
}

// question is what was asked, with its answers so far, newest first.
type question struct {
	variants []*Render
	// The answer that was found for a revision needs no second look at the same revision: a base
	// that ten thousand clusters share is checked once.
	revision string
	answer   *Render
	asked    uint64 // the round in which it was asked last
}

func newMemo(store Memos) *memo { return &memo{store: store, known: map[string]*question{}} }

// memoFormat changes whenever what a Render means does, so that nothing is found that another release remembered.
const memoFormat = "7"

// memoKey names a question.
func memoKey(kind string, params any) string {
	data, err := json.Marshal(params)
	if err != nil {
		panic("hub: memo parameters that are not JSON: " + err.Error()) // plain data: cannot happen
	}
	sum := sha256.Sum256(append([]byte(memoFormat+kind+"\x00"), data...))
	return kind + "-" + hex.EncodeToString(sum[:16])
}

// do answers a question from memory, or by make, which is given a recording tree.
func (m *memo) do(ctx context.Context, snap model.View, key string, make func(*record.Recorder) (Render, []model.Packed, error)) (*Render, error) {
	if r, err := m.find(snap, key); r != nil || err != nil {
		return r, err
	}
	rec := record.New(snap)
	r, blobs, err := make(rec)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return m.settle(snap, key, rec, r, blobs, err), nil
}

// settle takes in how a render ended that was recorded by rec.
func (m *memo) settle(snap model.View, key string, rec *record.Recorder, r Render, blobs []model.Packed, err error) *Render {
	if r.Needs = append(r.Needs, rec.Needs()...); err != nil && len(rec.Needs()) > 0 {
		r, err = Render{Needs: rec.Needs()}, nil
	} else if err != nil {
		r = Render{Err: err.Error(), Reason: reasonOf(err), AsksAPIs: r.AsksAPIs}
	}
	r.Deps = rec.Deps()
	if _, transient := errors.AsType[*model.TransientError](err); transient || rec.Failed() || r.Transient {
		r.Transient = true
		m.hold(blobs)
		return &r // used once, and tried again at the next revision
	}
	m.keep(snap, key, &r, blobs)
	return &r
}

// reasonOf is an error for programs.
func reasonOf(err error) protocol.Reason {
	if _, ok := errors.AsType[*model.CiphertextError](err); ok {
		return protocol.ReasonCiphertext
	}
	if _, ok := errors.AsType[*model.ForbiddenError](err); ok {
		return protocol.ReasonProjectForbids
	}
	return ""
}

func (m *memo) find(snap model.View, key string) (*Render, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	q, err := m.question(key)
	if err != nil {
		return nil, err
	}
	if q.asked = m.round; m.uses != nil {
		m.uses[q] = struct{}{}
	}
	revision := snap.Revision().Hash
	if q.revision == revision && revision != "" {
		return q.answer, nil
	}
	for _, r := range q.variants {
		if record.Holds(snap, r.Deps) {
			q.revision, q.answer = revision, r
			return r, nil
		}
	}
	return nil, nil
}

// question gives what is known under key, asking the store once.
func (m *memo) question(key string) (*question, error) {
	if q, ok := m.known[key]; ok {
		return q, nil
	}
	q := &question{}
	data, err := m.store.Memo(key)
	if err != nil {
		return nil, err
	}
	if data != nil && json.Unmarshal(data, &q.variants) != nil {
		q.variants = nil // written by another release: render again
	}
	m.known[key] = q
	m.fresh++
	return q, nil
}

func (m *memo) keep(snap model.View, key string, r *Render, blobs []model.Packed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	q, err := m.question(key)
	if err != nil { // the store cannot be read, so that it is not overwritten either
		m.batch.Blobs = append(m.batch.Blobs, blobs...)
		return
	}
	q.revision, q.answer = snap.Revision().Hash, r
	q.variants = append([]*Render{r}, q.variants...)
	q.variants = q.variants[:min(len(q.variants), maxVariants)]
	if r.Err != "" || len(r.Needs) > 0 {
		return
	}
	good := []*Render{}
	for _, v := range q.variants {
		if v.Err == "" && len(v.Needs) == 0 {
			good = append(good, v)
		}
	}
	data, err := json.Marshal(good)
	if err != nil {
		panic("hub: a memo that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	if m.batch.Memos == nil {
		m.batch.Memos = map[string][]byte{}
	}
	m.batch.Memos[key] = data
	m.batch.Blobs = append(m.batch.Blobs, blobs...)
}

// hold keeps blobs for the store without remembering how they came about.
func (m *memo) hold(blobs []model.Packed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batch.Blobs = append(m.batch.Blobs, blobs...)
}

// flush gives save what the store has yet to be told, and forgets it when that is done.
func (m *memo) flush(save func(Unsaved) error) error {
	m.mu.Lock()
	batch := m.batch
	m.mu.Unlock()
	if err := save(batch); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batch = Unsaved{}
	return nil
}

// pending gives a blob that was made but is not in the store yet.
func (m *memo) pending(id string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.batch.Blobs {
		if p.Ref.ID() == id {
			return p.Sealed
		}
	}
	return nil
}
