package appset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/rollout/amount"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// fieldSteps is the field of an ApplicationSet with its steps.
const fieldSteps = "spec.strategy.rollingSync.steps"

// maxFollowed is how many steps may be followed.
const maxFollowed = 20

// rollingSync is the type of a strategy that has steps.
const rollingSync = "RollingSync"

// strategy is how Argo CD synchronizes the Applications of a set (argo-cd, ApplicationSetStrategy).
type strategy struct {
	Type        string
	RollingSync struct{ Steps []step }
}

// step is one of a RollingSync (argo-cd, ApplicationSetRolloutStep).
type step struct {
	MatchExpressions []struct {
		Key, Operator string
		Values        []string
	}
	MaxUpdate json.RawMessage // a number or a share
}

// Steps are those of an ApplicationSet with the strategy RollingSync, read as policies: one for each step, which comes
// after that of the step before it. Which Applications a step is for follows Argo CD (v3.6,
// applicationset/controllers, buildAppDependencyList): the first whose expressions all match the Application's labels.
type Steps struct {
	selectors []selector.Selector
	policies  []rollout.Policy
}

// Unread is why steps are not read as policies.
type Unread struct {
	Text  string // "" if there are none
	Wrong bool   // Argo CD does not take them either, so that what was followed before goes on
}

// ReadSteps reads the steps of an ApplicationSet; nil if it has none, or some that cannot be followed: unread says why.
func ReadSteps(o model.Rendered) (*Steps, Unread) {
	var h document.Head
	var s struct {
		Spec struct{ Strategy json.RawMessage }
	}
	var of strategy
	if json.Unmarshal(o.JSON, &h) != nil || json.Unmarshal(o.JSON, &s) != nil || len(s.Spec.Strategy) == 0 {
		return nil, Unread{}
	}
	if err := json.Unmarshal(s.Spec.Strategy, &of); err != nil {
		return nil, Unread{"not followed: it cannot be read; write steps as the reference of Argo CD has them", true}
	}
	steps := of.RollingSync.Steps
	if of.Type != rollingSync || len(steps) == 0 {
		return nil, Unread{}
	}
	if len(steps) > maxFollowed {
		return nil, Unread{fmt.Sprintf("not followed: there are %d steps, and %d may be", len(steps), maxFollowed), false}
	}
	out := &Steps{}
	namespace, prefix := string(h.Metadata.Namespace), "appset--"
	if namespace == "" {
		namespace = fields.Home
	}
	if namespace != fields.Home {
		prefix += namespace + "--"
	}
	origin := &rollout.Origin{Object: planning.ObjectKey(fields.ApplicationSet, namespace, string(h.Metadata.Name)),
		Field: fieldSteps}
	after := ""
	for i, step := range steps {
		p := rollout.Policy{Name: fmt.Sprintf("%s%s--%d", prefix, h.Metadata.Name, i+1), OnFailure: rollout.Halt,
			After: after, Offline: rollout.Offline{Quorum: rollout.All}, Origin: origin}
		if err := protocol.CheckName(p.Name); err != nil {
			return nil, Unread{fmt.Sprintf("not followed: the policy would have a name that is none (%v); give the set a "+
				"shorter one", err), false}
		}
		chosen, wave, wrong := step.read()
		if wrong != "" {
			return nil, Unread{fmt.Sprintf("not followed: step %d: %s", i+1, wrong), true}
		}
		p.Waves, after = []rollout.Wave{wave}, p.Name
		out.selectors, out.policies = append(out.selectors, chosen), append(out.policies, p)
	}
	return out, Unread{}
}

// read gives which Applications a step is for, and how many are released at once: none is a step that waits for a
// person. wrong says what Argo CD does not take.
func (s step) read() (chosen selector.Selector, wave rollout.Wave, wrong string) {
	var all []selector.Requirement
	for _, e := range s.MatchExpressions {
		if e.Operator != "In" && e.Operator != "NotIn" {
			return chosen, wave, fmt.Sprintf("the operator %.80q is not known: write In or NotIn", e.Operator)
		}
		all = append(all, selector.Requirement{Key: e.Key, Operator: e.Operator, Values: e.Values})
	}
	chosen, err := selector.New(nil, all)
	if err != nil {
		return chosen, wave, err.Error()
	}
	wave.Name = "all"
	switch most := strings.Trim(string(s.MaxUpdate), `"`); most {
	case "", "null":
	case "0", "0%":
		wave.Approval = &rollout.Approval{Count: 1}
	default:
		if wave.AtOnce, err = amount.Parse(most); err != nil {
			return chosen, wave, fmt.Sprintf("maxUpdate: %v", err)
		}
	}
	return chosen, wave, ""
}

// Policy is the name of the policy of the step for an Application with these labels; "" if no step is for it: Argo CD
// then never synchronizes it by itself.
func (s *Steps) Policy(labels map[string]string) string {
	i := slices.IndexFunc(s.selectors, func(chosen selector.Selector) bool { return chosen.Matches(labels) })
	if i < 0 {
		return ""
	}
	return s.policies[i].Name
}

// Policies are those of the steps, in order.
func (s *Steps) Policies() []rollout.Policy { return s.policies }
