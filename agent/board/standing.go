package board

import (
	"maps"
	"slices"
	"sync"

	"github.com/drover-dev/drover/protocol"
)

// Standing is what matters of an object to those that are applied after it.
type Standing struct {
	Wanted  bool
	Current bool
	Wave    int
	Text    string // what it is, while it is not current
	After   []protocol.ObjectRef
}

// Equal says whether two standings are the same.
func (s Standing) Equal(other Standing) bool {
	return s.Wanted == other.Wanted && s.Current == other.Current && s.Wave == other.Wave && s.Text == other.Text &&
		slices.Equal(s.After, other.After)
}

// Standings are how objects stand that objects of other apps than their own are applied after.
type Standings struct {
	mu      sync.Mutex // guards what follows
	awaited map[protocol.ObjectRef]*awaited
}

// awaited is one such object.
type awaited struct {
	shown *Standing       // nil while its owner has not told
	apps  map[string]bool // which are told when it is another
}

// NewStandings has none.
func NewStandings() *Standings { return &Standings{awaited: map[protocol.ObjectRef]*awaited{}} }

// Await has an app told when an object changes, and gives how that stands; nil if its owner has not told.
func (s *Standings) Await(app string, ref protocol.ObjectRef) *Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.awaited[ref]
	if w == nil {
		w = &awaited{apps: map[string]bool{}}
		s.awaited[ref] = w
	}
	w.apps[app] = true
	return w.shown
}

// Awaited says whether objects of other apps are, or were, applied after an object.
func (s *Standings) Awaited(ref protocol.ObjectRef) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.awaited[ref] != nil
}

// Show takes down how an object stands, nil for nothing that is known, and gives the apps that wait for that.
func (s *Standings) Show(ref protocol.ObjectRef, st *Standing) (waiting []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.awaited[ref]
	if w == nil {
		return nil
	}
	w.shown = st
	waiting = slices.Sorted(maps.Keys(w.apps))
	clear(w.apps)
	return waiting
}
