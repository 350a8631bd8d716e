package deliver

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// scaling is what the agent knows of autoscalers: spec.replicas of what they scale is theirs. They are watched from the time on that Drover applies
// something that has replicas, because whose they are is not seen from the object itself before an autoscaler first changes them.
type scaling map[string]*scalers // by the namespace that is watched; "" for all

type scalers struct {
	asked   bool // there was an answer, if only that there is none
	listed  bool // there was a list
	targets map[scalerName]protocol.ObjectRef
	listing map[scalerName]protocol.ObjectRef // of a list that is not complete yet
}

type scalerName struct{ namespace, name string }

// scalersTime is how long an apply waits for the first list of autoscalers.
const scalersTime = 5 * time.Second

// knowScalers sees to it that autoscalers are watched, waits for the first list of them, and says whether there was one.
func (s *session) knowScalers(ctx context.Context, namespace string) bool {
	limit := time.NewTimer(scalersTime)
	defer limit.Stop()
	for {
		s.mu.Lock()
		k, moved := s.followScalers(ctx, namespace), s.moved
		asked, listed := k.asked, k.listed
		s.mu.Unlock()
		if asked {
			return listed
		}
		select {
		case <-ctx.Done():
			return false
		case <-limit.C:
			return false
		case <-moved:
		}
	}
}

// followScalers begins to watch autoscalers, if they are not watched. s.mu is held.
func (s *session) followScalers(ctx context.Context, namespace string) *scalers {
	if len(s.scope) == 0 {
		namespace = ""
	}
	k := s.scaling[namespace]
	if k == nil {
		k = &scalers{targets: map[scalerName]protocol.ObjectRef{}}
		s.scaling[namespace] = k
		s.spawn(func() {
			s.cluster.Scalers(ctx, namespace, func(kind agent.SightingKind, sc agent.Scaler) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.scalerSeen(ctx, k, kind, sc)
			})
		})
	}
	return k
}

// resumeScalers watches the autoscalers again that mattered before. s.mu is held.
func (s *session) resumeScalers(ctx context.Context) {
	for ref, o := range s.all {
		if o.item.Scaled {
			s.followScalers(ctx, ref.Namespace)
		}
	}
}

// scalerSeen takes what the watch of autoscalers tells. s.mu is held.
func (s *session) scalerSeen(ctx context.Context, k *scalers, kind agent.SightingKind, sc agent.Scaler) {
	name := scalerName{sc.Namespace, sc.Name}
	before, known := k.targets[name]
	switch kind {
	case agent.SightListing:
		k.listing = map[scalerName]protocol.ObjectRef{}
		return
	case agent.SightLost:
		k.listing = nil // what is known stays known
	case agent.SightListed:
		k.targets, k.listing, k.listed = k.listing, nil, true
	case agent.SightObject:
		if k.listing != nil {
			k.listing[name] = sc.Target
			return
		}
		k.targets[name] = sc.Target
	case agent.SightGone:
		delete(k.targets, name)
	}
	if kind == agent.SightLost || kind == agent.SightListed {
		k.asked = true
		s.announce()
	}
	if kind == agent.SightListed || known && k.targets[name] != before { // most changes are of an autoscaler's status
		s.unscaled(ctx)
	}
}

// unscaled applies the replicas again of what no autoscaler scales any more. s.mu is held.
func (s *session) unscaled(ctx context.Context) {
	for _, a := range s.apps {
		for _, o := range a.own {
			if o.item.Scaled && o.want != nil && !s.scaled(o.item.Ref) {
				o.again()
				s.kick(ctx, a)
			}
		}
	}
}

// scaled says whether an autoscaler scales an object. s.mu is held.
func (s *session) scaled(ref protocol.ObjectRef) bool {
	for _, k := range s.scaling {
		for _, target := range k.targets {
			if target == ref {
				return true
			}
		}
	}
	return false
}
