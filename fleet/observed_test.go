package fleet

import "testing"

// A status that was written before the last change says nothing about it. The generation is a number, with Argo
// Rollouts a text, and with some kinds only in their conditions.
func TestStatusOfAnOtherGenerationIsNoticed(t *testing.T) {
	t.Parallel()
	const rollouts, certs = "argoproj.io/v1alpha1", "cert-manager.io/v1"
	const gateway = "gateway.networking.k8s.io/v1"
	stamp := func(generations ...int64) []any {
		var out []any
		for _, g := range generations {
			c := cond("Ready", "True", "", "")
			c["observedGeneration"] = g
			out = append(out, c)
		}
		return out
	}
	parents := func(generation int64) []any { return []any{map[string]any{"conditions": stamp(generation)}} }
	unstamped := []any{cond("Ready", "True", "", "")}
	for name, c := range map[string]struct {
		obj  map[string]any // of generation 3
		want bool
	}{
		"a number, current":          {live("apps/v1", "Deployment", "status.observedGeneration", int64(3)), false},
		"a number, behind":           {live("apps/v1", "Deployment", "status.observedGeneration", int64(2)), true},
		"a number, ahead":            {live("apps/v1", "Deployment", "status.observedGeneration", int64(4)), true},
		"a text, current":            {live(rollouts, "Rollout", "status.observedGeneration", "3"), false},
		"a text, behind":             {live(rollouts, "Rollout", "status.observedGeneration", "2"), true},
		"a text, ahead":              {live(rollouts, "Rollout", "status.observedGeneration", "4"), false},
		"a hash":                     {live(rollouts, "Rollout", "status.observedGeneration", "6c8b7d"), false},
		"an empty text":              {live(rollouts, "Rollout", "status.observedGeneration", ""), false},
		"none":                       {live("apps/v1", "Deployment"), false},
		"no generation":              {live("v1", "Service", "metadata", map[string]any{}), false},
		"conditions, current":        {live(certs, "Certificate", "status.conditions", stamp(2, 3, 1)), false},
		"conditions, behind":         {live(certs, "Certificate", "status.conditions", stamp(1, 2)), true},
		"conditions of another kind": {live("apps/v1", "Deployment", "status.conditions", stamp(1)), false},
		"conditions without":         {live(certs, "Certificate", "status.conditions", unstamped), false},
		"of a parent, behind":        {live(gateway, "HTTPRoute", "status.parents", parents(2)), true},
		"of a parent, current":       {live(gateway, "HTTPRoute", "status.parents", parents(3)), false},
		"of an ancestor, behind":     {live(gateway, "BackendTLSPolicy", "status.ancestors", parents(2)), true},
	} {
		if got := (object(c.obj)).unobserved(); got != c.want {
			t.Errorf("%s: unobserved is %t", name, got)
		}
	}
}

// A Rollout that takes its pods from a Deployment has two generations to see.
func TestARolloutSeesTheWorkloadItRefersTo(t *testing.T) {
	t.Parallel()
	of := func(apiVersion, kind, want, seen string, ref bool) object {
		obj := live(apiVersion, kind)
		if want != "" {
			obj["metadata"].(map[string]any)["annotations"] = map[string]any{
				"rollout.argoproj.io/workload-generation": want}
		}
		if seen != "" {
			obj["status"] = map[string]any{"workloadObservedGeneration": seen}
		}
		if ref {
			obj["spec"] = map[string]any{"workloadRef": map[string]any{"kind": "Deployment", "name": "web"}}
		}
		return object(obj)
	}
	const argo, rollout = "argoproj.io/v1alpha1", "Rollout"
	for name, c := range map[string]struct {
		obj  object
		want bool
	}{
		"behind":          {of(argo, rollout, "5", "4", true), true},
		"current":         {of(argo, rollout, "5", "5", true), false},
		"not written yet": {of(argo, rollout, "5", "", true), false},
		"not asked for":   {of(argo, rollout, "", "4", true), false},
		"without a ref":   {of(argo, rollout, "5", "4", false), false},
		"another kind":    {of(argo, "AnalysisRun", "5", "4", true), false},
		"another group":   {of("example.com/v1", rollout, "5", "4", true), false},
	} {
		if got := c.obj.unobservedWorkload(); got != c.want {
			t.Errorf("%s: unobserved is %t", name, got)
		}
	}
}
