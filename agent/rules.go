package agent

import (
	"github.com/drover-dev/drover/fleet/health"
)

// Rules are the health rules for the objects of one kind. An app's rule judges its own objects alone.
type Rules struct {
	Apps    map[string]*health.Rule
	Bundled *health.Rule // for objects of apps that bring none; nil if there is none
}

// None says whether there is no rule for any object.
func (r Rules) None() bool { return len(r.Apps) == 0 && r.Bundled == nil }

// For gives the rule for an app's objects; nil if there is none, and the agent judges by itself.
func (r Rules) For(app string) *health.Rule {
	if rule, ok := r.Apps[app]; ok {
		return rule
	}
	return r.Bundled
}
