package deliver

import (
	"context"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/watch"
)

// listener is what watches tell the session of objects.
func (s *session) listener() watch.Listener {
	return watch.Listener{Objects: s.objects, Hooks: s.hooks, Rules: s.board.Rules, Sight: s.sight, Listed: s.listed, Synced: s.moved.Announce,
		Regained: s.regained, Changed: func() { s.out.Changed(false) }}
}

// listed has the apps take what a complete list said into account, before it is reported.
func (s *session) listed() {
	s.tellAll(func(a *app) { a.assessIdle(s.life) })
}

// regained tries again what failed because the API server did not answer, or refused.
func (s *session) regained() {
	s.retry(func(o *owned.Object) bool {
		r := agent.ReasonOf(o.Trouble.Err)
		return r == agent.ReasonUnreachable || r == agent.ReasonForbidden
	})
}

// watchAll starts the watches of all kinds that there are objects of.
func (s *session) watchAll(ctx context.Context) {
	versions := map[agent.Watched]string{}
	for _, a := range s.board.All() {
		a.Do(func() {
			for ref, o := range a.ByRef {
				if !s.scope.Outside(ref) {
					versions[s.scope.Covering(ref)] = o.Item.APIVersion
				}
			}
			for ref, l := range a.hooks.lookouts {
				versions[s.scope.Covering(ref)] = l.apiVersion
			}
		})
	}
	for key, apiVersion := range versions {
		res, err := s.cluster.Resolve(ctx, apiVersion, key.Kind)
		if err == nil {
			s.watches.Watch(res, key)
		} else {
			s.unserved(key)
		}
	}
}

// unserved is for objects whose kind the cluster no longer has: they do not exist, and are applied when it has it
// again.
func (s *session) unserved(key agent.Watched) {
	s.watches.Unserved(key)
	s.tellAll(func(a *app) {
		for ref, o := range a.ByRef {
			if s.scope.Covering(ref) == key && o.Want != nil && !o.Ended() {
				o.Drifted = true
				a.Kick()
			}
		}
	})
	s.moved.Announce()
}

// unscaled applies the replicas again of what no autoscaler scales any more.
func (a *app) unscaled() {
	for _, o := range a.Own {
		if o.Item.Scaled && o.Want != nil && !a.env.scaling.Scales(o.Item.Ref) {
			o.Again()
			a.Kick()
		}
	}
}

// defined tries what waits for a kind of the group of a definition that came or changed.
func (s *session) defined(name string) {
	_, group, _ := strings.Cut(name, ".")
	s.tellAll(func(a *app) {
		a.retry(func(o *owned.Object) bool {
			if !o.Kindless() || o.Item.Ref.Group != group {
				return false
			}
			o.Trouble.Pause = owned.ServedSoon() // a definition is served a moment after it says that it is
			return true
		})
		for ref, l := range a.hooks.lookouts {
			if l.trouble != nil && ref.Group == group {
				l.trouble.Next = time.Time{}
				a.Kick()
			}
		}
	})
}
