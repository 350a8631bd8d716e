package fleet

import "testing"

func TestKeptBy(t *testing.T) {
	type words = map[string]any
	const flux, argo = "kustomize.toolkit.fluxcd.io/", "argocd.argoproj.io/sync-options"
	for _, c := range []struct {
		name                string
		annotations, labels words
		want                string
	}{
		{"nothing", nil, nil, ""},
		{"Drover's annotation", words{"drover.dev/prune": "disabled"}, nil, "annotation drover.dev/prune: disabled"},
		{"in another case", words{"drover.dev/prune": "Disabled"}, nil, "annotation drover.dev/prune: Disabled"},
		{"with space", words{"drover.dev/prune": "disabled\n"}, nil, "annotation drover.dev/prune: disabled"},
		{"Flux' annotation", words{flux + "prune": "disabled"}, nil, "annotation kustomize.toolkit.fluxcd.io/prune: disabled"},
		{"Flux' annotation in another case", words{flux + "prune": "Disabled"}, nil, "annotation kustomize.toolkit.fluxcd.io/prune: Disabled"},
		{"Flux' label", nil, words{flux + "prune": "DISABLED"}, "label kustomize.toolkit.fluxcd.io/prune: DISABLED"},
		{"Flux' reconcile", nil, words{flux + "reconcile": "Disabled"}, "label kustomize.toolkit.fluxcd.io/reconcile: Disabled"},
		{"Helm's", words{"helm.sh/resource-policy": "Keep "}, nil, "annotation helm.sh/resource-policy: Keep"},
		{"Argo CD's", words{argo: "Replace=true, Prune=false"}, nil, "annotation " + argo + ": Replace=true, Prune=false"},
		{"Argo CD's in another case", words{argo: "prune=False"}, nil, "annotation " + argo + ": prune=False"},
		{"Argo CD's for the deletion of an app", words{argo: "Delete=false"}, nil, "annotation " + argo + ": Delete=false"},
		{"Argo CD's that asks", words{argo: "Delete=confirm"}, nil, "annotation " + argo + ": Delete=confirm"},
		{"another value", words{"drover.dev/prune": "enabled", flux + "prune": true, argo: "Prune=true,Delete=true"}, nil, ""},
		{"Drover's as a label", nil, words{"drover.dev/prune": "disabled", "helm.sh/resource-policy": "keep"}, ""},
	} {
		got := KeptBy(c.annotations, c.labels)
		if got != c.want || NeverPruned(c.annotations, c.labels) != (c.want != "") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
