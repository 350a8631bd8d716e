package watch

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// Objects are the watches of objects: one per kind that there are objects of, or in a scope per kind and namespace.
type Objects struct {
	session *Session
	told    Listener

	mu    sync.Mutex // guards kinds
	kinds map[agent.Watched]*kindWatch
}

// Tracker is what parts of an app need of Objects.
type Tracker interface {
	// Track counts an object for the watch of its kind.
	Track(ref protocol.ObjectRef)
	// Untrack ends that.
	Untrack(ref protocol.ObjectRef)
	// Watch has a watch begun, unless there is one.
	Watch(res agent.Resource, key agent.Watched)
}

// Listener is told what the watches of objects see.
type Listener struct {
	Objects, Hooks *inventory.Index // whose they are
	// Rules are the health rules for a kind that apps bring, by app.
	Rules func(group, kind string) map[string]protocol.HealthRule
	// Sight is told of an object. owner is the app that has it, hooks the one that has a hook of its name; one of them
	// may be "".
	Sight    func(sg agent.Sighting, owner, hooks string)
	Listed   func() // everything that a complete list says was told
	Synced   func() // and AllSynced may be true now
	Regained func() // a watch holds again that was lost
	Changed  func() // since when watches are lost may be another time
}

// NewObjects makes the watches of a session, of which there are none yet.
func NewObjects(s *Session, told Listener) *Objects {
	return &Objects{session: s, told: told, kinds: map[agent.Watched]*kindWatch{}}
}

// kindWatch is the watch of one kind, or of that in one namespace.
type kindWatch struct {
	objects int // in inventories
	stop    context.CancelFunc
	epoch   uint32 // counts its lists
	listed  bool
	lost    time.Time // since when; zero while it holds

	resource agent.Resource                 // as which it is watched
	rules    map[string]protocol.HealthRule // that apps brought when it began, by app
}

// Track counts an object for the watch of its kind.
func (w *Objects) Track(ref protocol.ObjectRef) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of(w.session.Scope.Covering(ref)).objects++
}

// Untrack reverses track. It ends the watch of the object's kind if it was the last.
func (w *Objects) Untrack(ref protocol.ObjectRef) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.of(w.session.Scope.Covering(ref))
	if k.objects--; k.objects <= 0 {
		if k.stop != nil {
			k.stop()
		}
		delete(w.kinds, w.session.Scope.Covering(ref))
	}
}

// of finds a watch. The lock is held.
func (w *Objects) of(key agent.Watched) *kindWatch {
	k := w.kinds[key]
	if k == nil {
		k = &kindWatch{}
		w.kinds[key] = k
	}
	return k
}

// Watch begins to watch a kind, unless it is watched.
func (w *Objects) Watch(res agent.Resource, key agent.Watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.of(key); k.stop == nil {
		w.begin(res, key, k)
	}
}

// begin begins a watch. The lock is held.
func (w *Objects) begin(res agent.Resource, key agent.Watched, k *kindWatch) {
	watching, stop := context.WithCancel(w.session.Life)
	rules, brought := w.RulesFor(key)
	if w.session.Start(func() {
		w.session.Cluster.Watch(watching, res, key.Namespace, rules, func(sg agent.Sighting) {
			if watching.Err() == nil {
				w.sight(key, sg)
			}
		})
	}) {
		k.stop, k.resource, k.rules = stop, res, brought
	} else {
		stop()
	}
}

// RulesFor prepares the health rules for a kind, as the apps have them now.
func (w *Objects) RulesFor(key agent.Watched) (agent.Rules, map[string]protocol.HealthRule) {
	brought := w.told.Rules(key.Group, key.Kind)
	r := agent.Rules{Apps: make(map[string]*health.Rule, len(brought)), Bundled: health.Bundled(key.Group, key.Kind)}
	for app, rule := range brought {
		r.Apps[app] = health.New(rule)
	}
	return r, brought
}

// Rejudge opens those watches again whose rules have changed: nothing is kept of an object that it could be judged by
// again.
func (w *Objects) Rejudge() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, k := range w.kinds {
		if k.stop != nil && !reflect.DeepEqual(k.rules, w.told.Rules(key.Group, key.Kind)) {
			k.stop()
			k.stop = nil
			w.begin(k.resource, key, k)
		}
	}
}

// Renew has the watches of kinds that are served now, and were lost, begun again by the next apply, at once. Where
// there is a scope there are no definitions, and so every kind is watched as a whole.
func (w *Objects) Renew(served []agent.Resource) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range served {
		if k := w.kinds[agent.Watched{Group: r.Group, Kind: r.Kind}]; k != nil && !k.lost.IsZero() && k.stop != nil {
			k.stop()
			k.stop, k.lost = nil, time.Time{}
		}
	}
}

// Judged says whether a kind has a health beyond being there, which its watch tells.
func (w *Objects) Judged(ref protocol.ObjectRef) bool {
	if fleet.HasHealth(ref) {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.kinds[w.session.Scope.Covering(ref)]
	return k != nil && len(k.rules) > 0
}

// Synced says whether the watch of an object has listed.
func (w *Objects) Synced(ref protocol.ObjectRef) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.kinds[w.session.Scope.Covering(ref)]
	return k != nil && k.listed
}

// AllSynced says whether all watches have listed.
func (w *Objects) AllSynced() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.kinds {
		if !k.listed {
			return false
		}
	}
	return true
}

// LostSince says since when a watch is lost; zero if all hold.
func (w *Objects) LostSince() (since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.kinds {
		if !k.lost.IsZero() && (since.IsZero() || k.lost.Before(since)) {
			since = k.lost
		}
	}
	return since
}

// sight takes what a watch tells.
func (w *Objects) sight(key agent.Watched, sg agent.Sighting) {
	w.mu.Lock()
	k := w.kinds[key]
	if k == nil {
		w.mu.Unlock()
		return
	}
	regained, lost := false, false
	switch sg.Kind {
	case agent.SightListing:
		k.epoch++
	case agent.SightWatching:
		regained = !k.lost.IsZero()
		k.lost = time.Time{}
	case agent.SightLost:
		if lost = k.lost.IsZero(); lost {
			k.lost = sg.At
		}
	}
	epoch := k.epoch
	w.mu.Unlock()
	switch sg.Kind {
	case agent.SightListed:
		w.listed(key, k, sg)
	case agent.SightWatching:
		if regained {
			w.session.Log.Info("the watch holds again", "kind", sg.Resource.Kind)
			w.told.Changed()
			w.told.Regained()
		}
	case agent.SightLost:
		if lost {
			w.session.Log.Warn("a watch broke; it is opened again by itself", "kind", sg.Resource.Kind, "err", sg.Err)
		}
		w.told.Changed()
	case agent.SightObject, agent.SightGone:
		w.told.Sight(sg, w.told.Objects.See(sg.Live.Ref, epoch), w.told.Hooks.See(sg.Live.Ref, epoch))
	}
}

// listed finds what should be there and was not in a complete list.
func (w *Objects) listed(key agent.Watched, k *kindWatch, sg agent.Sighting) {
	w.mu.Lock()
	epoch := k.epoch
	w.mu.Unlock()
	covers := func(ref protocol.ObjectRef) bool { return w.session.Scope.Covering(ref) == key }
	absent := map[protocol.ObjectRef][2]string{}
	for i, x := range [...]*inventory.Index{w.told.Objects, w.told.Hooks} {
		for _, o := range x.Unseen(epoch, covers) {
			who := absent[o.Ref]
			who[i] = o.Owner
			absent[o.Ref] = who
		}
	}
	for ref, who := range absent {
		w.told.Sight(agent.Sighting{Kind: agent.SightGone, Resource: sg.Resource, Live: agent.Live{Ref: ref, Version: sg.Live.Version}, At: time.Now()},
			who[0], who[1])
	}
	w.told.Listed()
	w.mu.Lock()
	k.listed = true
	w.mu.Unlock()
	w.told.Synced()
}

// Unserved is for a kind that the cluster no longer has: there is nothing to list.
func (w *Objects) Unserved(key agent.Watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of(key).listed = true
}
