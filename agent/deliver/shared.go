package deliver

import (
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/protocol"
)

// shared is what the apps share, each with a lock of its own.
type shared struct {
	board   *board.Board[*app]
	stands  *board.Standings
	objects *inventory.Index // whose objects are
	hooks   *inventory.Index // whose objects of hooks that are under way are
	moved   mailbox.Beacon   // tells that something of these is another
}

// tellAll has every app told something.
func (s *shared) tellAll(what func(*app)) {
	for _, a := range s.board.All() {
		a.Post(func() { what(a) })
	}
}

// tellApp has one app told something, if there is one of that name.
func (s *shared) tellApp(name string, what func(*app)) {
	if a := s.board.App(name); a != nil {
		a.Post(func() { what(a) })
	}
}

// retry makes what failed due at once, where the reason may be gone.
func (s *shared) retry(why func(*owned.Object) bool) {
	s.tellAll(func(a *app) { a.retry(why) })
}

// inForce is the accepted bundle.
func (s *shared) inForce() orders.Accepted {
	acc, _ := s.board.Current()
	return acc
}

// waitsForKinds says whether objects of any app wait for their kind to be served.
func (s *shared) waitsForKinds() bool {
	return len(s.board.Where(func(e *board.Entry[*app]) bool { return e.Facts.Kindless })) > 0
}

// sight tells the app that has an object, and the one that has a hook of its name.
func (s *shared) sight(sg agent.Sighting, owner, hooks string) {
	if hooks == owner {
		hooks = ""
	}
	for _, name := range [...]string{owner, hooks} {
		if a := s.board.App(name); a != nil {
			a.Box.Sight(sg)
		}
	}
}

// release lets the apps begin that wait for an app.
func (s *shared) release(name string) {
	for _, a := range s.board.Where(func(e *board.Entry[*app]) bool {
		return e.Next() != nil && slices.Contains(e.Order.Spec.DependsOn, name)
	}) {
		a.Post(a.Kick)
	}
}

// reconsider has those apps look again that have a condition on an app.
func (s *shared) reconsider(name string) {
	for _, a := range s.board.Where(func(e *board.Entry[*app]) bool {
		return e.Next() != nil && slices.ContainsFunc(e.Order.Spec.Ready,
			func(r protocol.Readiness) bool { return r.App == name })
	}) {
		a.Post(a.Kick)
	}
}

// uncounted are the apps whose stored state is that of an agent which did not count deletions.
func (s *shared) uncounted() []*app {
	return slices.DeleteFunc(s.board.All(), func(a *app) bool { return a.deletions.Counts() })
}

// watching is what a session follows in the cluster.
type watching struct {
	watches *watch.Objects
	kinds   *watch.Definitions
	inputs  *watch.Inputs
	scaling *watch.Scalers
	looks   *watch.Looks
}
