package inventory

import (
	"sync"

	"github.com/drover-dev/drover/protocol"
)

// Index says of objects which app owns them. It is safe for concurrent use.
type Index struct {
	mu     sync.Mutex // guards what follows
	owners map[protocol.ObjectRef]entry
	number uint64 // of the last claim
}

// entry is one object of an Index.
type entry struct {
	owner  string
	number uint64 // of the claim by which it has it
	epoch  uint32 // of the list that it was last seen in
}

// Owned is one object and its owner.
type Owned struct {
	Ref   protocol.ObjectRef
	Owner string
}

// Claim is the answer to a claim of an object.
type Claim int

// The answers.
const (
	Mine  Claim = iota // the claimer had it before
	Free               // nobody had it; it is the claimer's now
	Taken              // another app had it and no longer wants it; it is the claimer's now
	Kept               // another app has it and keeps it
)

// New makes an empty index.
func New() *Index { return &Index{owners: map[protocol.ObjectRef]entry{}} }

// Answer is what became of a claim.
type Answer struct {
	Claim  Claim
	Owner  string // who has, or had, the object
	Before uint64 // the claim by which it has, or had, it
	Number uint64 // the claim by which the claimer has it; 0 if it does not
}

// Claim makes an object an app's own, unless another app has it and keeps it. keeps says of an app whether it does; it
// is called with the index locked, so that the answer and the decision are one step. No two claims that succeed have
// the same number, and a later one has a greater one.
func (x *Index) Claim(app string, ref protocol.ObjectRef, keeps func(owner string) bool) Answer {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, known := x.owners[ref]
	switch {
	case known && e.owner == app:
		return Answer{Mine, app, e.number, e.number}
	case known && keeps(e.owner):
		return Answer{Kept, e.owner, e.number, 0}
	}
	x.number++
	x.owners[ref] = entry{owner: app, number: x.number, epoch: e.epoch}
	if !known {
		return Answer{Free, app, 0, x.number}
	}
	return Answer{Taken, e.owner, e.number, x.number}
}

// Holds says whether an object is owned by a claim.
func (x *Index) Holds(ref protocol.ObjectRef, number uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return number != 0 && x.owners[ref].number == number
}

// Release gives up an object that is owned by a claim.
func (x *Index) Release(ref protocol.ObjectRef, number uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if number == 0 || x.owners[ref].number != number {
		return false
	}
	delete(x.owners, ref)
	return true
}

// Rename is for an object of an app that turns out to have another name. It is the app's under the new name, unless
// another app has that: then nothing changes, and owner is this other app.
func (x *Index) Rename(app string, from, to protocol.ObjectRef) (owner string, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, known := x.owners[to]; known && e.owner != app {
		return e.owner, false
	}
	e, known := x.owners[from]
	if !known || e.owner != app {
		return e.owner, false
	}
	delete(x.owners, from)
	x.owners[to] = e
	return app, true
}

// Owner is the app that owns an object; "" if there is none.
func (x *Index) Owner(ref protocol.ObjectRef) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.owners[ref].owner
}

// Len is how many objects are owned.
func (x *Index) Len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.owners)
}

// See notes that an object is in the list of an epoch, or was seen after it, and gives its owner.
func (x *Index) See(ref protocol.ObjectRef, epoch uint32) (owner string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, known := x.owners[ref]
	if !known {
		return ""
	}
	e.epoch = epoch
	x.owners[ref] = e
	return e.owner
}

// Unseen are the owned objects that were not in the complete list of an epoch, of those that the list covers.
func (x *Index) Unseen(epoch uint32, covers func(protocol.ObjectRef) bool) (out []Owned) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for ref, e := range x.owners {
		if e.epoch != epoch && covers(ref) {
			out = append(out, Owned{ref, e.owner})
		}
	}
	return out
}

// All are all owned objects.
func (x *Index) All() (out []Owned) {
	x.mu.Lock()
	defer x.mu.Unlock()
	out = make([]Owned, 0, len(x.owners))
	for ref, e := range x.owners {
		out = append(out, Owned{ref, e.owner})
	}
	return out
}
