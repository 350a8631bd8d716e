package deliver

import (
	"context"
	"reflect"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// ruled are the rules that apps bring for a kind, by app. There are none for Secrets, which are never read back. s.mu is held.
func (s *session) ruled(key agent.Watched) map[string]protocol.HealthRule {
	out := map[string]protocol.HealthRule{}
	if key.Group == "" && key.Kind == "Secret" {
		return out
	}
	for name, a := range s.apps {
		for _, r := range a.spec.Health {
			_, known := out[name]
			if r.Group == key.Group && (r.Kind == key.Kind || r.Kind == "" && !known) {
				out[name] = r
			}
		}
	}
	return out
}

// rulesFor prepares the rules for a kind, as the apps have them now. s.mu is held.
func (s *session) rulesFor(key agent.Watched) (agent.Rules, map[string]protocol.HealthRule) {
	brought := s.ruled(key)
	r := agent.Rules{Apps: make(map[string]*health.Rule, len(brought)), Bundled: health.Bundled(key.Group, key.Kind)}
	for app, rule := range brought {
		r.Apps[app] = health.New(rule)
	}
	return r, brought
}

// judged says whether a kind has a health beyond being there, which its watch tells. s.mu is held.
func (s *session) judged(ref protocol.ObjectRef) bool {
	return fleet.HasHealth(ref) || len(s.kindOf(ref).rules) > 0
}

// rejudge opens those watches anew whose rules have changed: nothing is kept of an object that it could be judged by again. s.mu is held.
func (s *session) rejudge(ctx context.Context) {
	for key, k := range s.kinds {
		if k.stop != nil && !reflect.DeepEqual(k.rules, s.ruled(key)) {
			k.stop()
			k.stop = nil
			s.watch(ctx, k.resource, key)
		}
	}
}
