package watch

import (
	"context"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// Scalers is what the agent knows of autoscalers: spec.replicas of what they scale is theirs. They are watched from the
// time on that Drover applies something that has replicas, because whose they are is not seen from the object itself
// before an autoscaler first changes them.
type Scalers struct {
	session *Session
	changed func() // something may be scaled by another one, or none

	mu  sync.Mutex          // guards all
	all map[string]*scalers // by the namespace that is watched; "" for all
}

type scalers struct {
	answered chan struct{} // closed when there was an answer, if only that there is none
	asked    bool          // so it is
	listed   bool          // there was a list
	targets  map[scalerName]protocol.ObjectRef
	listing  map[scalerName]protocol.ObjectRef // of a list that is not complete yet
}

type scalerName struct{ namespace, name string }

// scalersTime is how long an apply waits for the first list of autoscalers.
const scalersTime = 5 * time.Second

// NewScalers makes the watches of a session, of which there are none yet.
func NewScalers(s *Session, changed func()) *Scalers {
	return &Scalers{session: s, changed: changed, all: map[string]*scalers{}}
}

// Known watches autoscalers, waits for the first list of them, and says whether there was one.
func (s *Scalers) Known(ctx context.Context, namespace string) bool {
	k := s.follow(namespace)
	limit := time.NewTimer(scalersTime)
	defer limit.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-limit.C:
		return false
	case <-k.answered:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return k.listed
}

// Follow begins to watch autoscalers, if they are not watched.
func (s *Scalers) Follow(namespace string) { s.follow(namespace) }

// follow is Follow, and gives what is known.
func (s *Scalers) follow(namespace string) *scalers {
	if len(s.session.Scope) == 0 {
		namespace = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.all[namespace]
	if k == nil {
		k = &scalers{answered: make(chan struct{}), targets: map[scalerName]protocol.ObjectRef{}}
		s.all[namespace] = k
		s.session.Start(func() {
			s.session.Cluster.Scalers(s.session.Life, namespace, func(kind agent.SightingKind, sc agent.Scaler) {
				if s.seen(k, kind, sc) {
					s.changed()
				}
			})
		})
	}
	return k
}

// seen takes what the watch of autoscalers tells, and says whether something may be scaled by another one, or none.
func (s *Scalers) seen(k *scalers, kind agent.SightingKind, sc agent.Scaler) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := scalerName{sc.Namespace, sc.Name}
	before, known := k.targets[name]
	switch kind {
	case agent.SightListing:
		k.listing = map[scalerName]protocol.ObjectRef{}
		return false
	case agent.SightLost:
		k.listing = nil // what is known stays known
	case agent.SightListed:
		k.targets, k.listing, k.listed = k.listing, nil, true
	case agent.SightObject:
		if k.listing != nil {
			k.listing[name] = sc.Target
			return false
		}
		k.targets[name] = sc.Target
	case agent.SightGone:
		delete(k.targets, name)
	}
	if (kind == agent.SightLost || kind == agent.SightListed) && !k.asked {
		k.asked = true
		close(k.answered)
	}
	return kind == agent.SightListed || known && k.targets[name] != before // most changes are of an autoscaler's status
}

// Scales says whether an autoscaler scales an object.
func (s *Scalers) Scales(ref protocol.ObjectRef) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.all {
		for _, target := range k.targets {
			if target == ref {
				return true
			}
		}
	}
	return false
}
