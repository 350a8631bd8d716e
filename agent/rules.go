package agent

import (
	"context"
	"reflect"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// Rules are the health rules for the objects of one kind. An app's rule judges its own objects alone.
type Rules struct {
	apps    map[string]*health.Rule
	bundled *health.Rule // for objects of apps that bring none; nil if there is none
}

// None says whether there is no rule for any object.
func (r Rules) None() bool { return len(r.apps) == 0 && r.bundled == nil }

// For gives the rule for an app's objects; nil if there is none, and the agent judges by itself.
func (r Rules) For(app string) *health.Rule {
	if rule, ok := r.apps[app]; ok {
		return rule
	}
	return r.bundled
}

// ruled are the rules that apps bring for a kind, by app. There are none for Secrets, which are never read back. s.mu is held.
func (s *session) ruled(key watched) map[string]protocol.HealthRule {
	out := map[string]protocol.HealthRule{}
	if key.group == "" && key.kind == "Secret" {
		return out
	}
	for name, a := range s.apps {
		for _, r := range a.spec.Health {
			_, known := out[name]
			if r.Group == key.group && (r.Kind == key.kind || r.Kind == "" && !known) {
				out[name] = r
			}
		}
	}
	return out
}

// rulesFor prepares the rules for a kind, as the apps have them now. s.mu is held.
func (s *session) rulesFor(key watched) (Rules, map[string]protocol.HealthRule) {
	brought := s.ruled(key)
	r := Rules{apps: make(map[string]*health.Rule, len(brought)), bundled: health.Bundled(key.group, key.kind)}
	for app, rule := range brought {
		r.apps[app] = health.New(rule)
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
