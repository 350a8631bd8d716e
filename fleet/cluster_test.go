package fleet

import "testing"

func TestWhoeverSaysItAnObjectIsNeverPruned(t *testing.T) {
	for _, c := range []struct {
		name                string
		annotations, labels map[string]any
		want                bool
	}{
		{"nothing", nil, nil, false},
		{"Drover's annotation", map[string]any{"drover.dev/prune": "disabled"}, nil, true},
		{"Flux' annotation", map[string]any{"kustomize.toolkit.fluxcd.io/prune": "disabled"}, nil, true},
		{"Flux' label", nil, map[string]any{"kustomize.toolkit.fluxcd.io/prune": "disabled"}, true},
		{"another value", map[string]any{"drover.dev/prune": "enabled", "kustomize.toolkit.fluxcd.io/prune": true}, nil, false},
	} {
		if got := NeverPruned(c.annotations, c.labels); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
