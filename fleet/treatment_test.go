package fleet

import (
	"slices"
	"testing"
)

func TestTreatmentOf(t *testing.T) {
	type words = map[string]string
	const flux, argo = "kustomize.toolkit.fluxcd.io/", "argocd.argoproj.io/sync-options"
	for _, c := range []struct {
		name                string
		annotations, labels words
		want                Treatment
	}{
		{"nothing", nil, nil, Treatment{}},
		{"override", words{AnnotationApply: "override", flux + "ssa": "Ignore"}, nil, Treatment{}},
		{"merge", words{AnnotationApply: "merge"}, nil, Treatment{Mode: ModeMerge}},
		{"if not present", words{AnnotationApply: "if-not-present"}, nil, Treatment{Mode: ModeIfNotPresent}},
		{"ignore", words{AnnotationApply: "ignore"}, nil, Treatment{Mode: ModeIgnore, Keep: true}},
		{"no word", words{AnnotationApply: "whatever"}, nil, Treatment{}},
		{"recreate", words{AnnotationRecreate: "true"}, nil, Treatment{Recreate: true}},
		{"recreate enabled", words{AnnotationRecreate: "enabled"}, nil, Treatment{Recreate: true}},
		{"not recreate", words{AnnotationRecreate: "false", flux + "force": "enabled"}, nil, Treatment{}},
		{"Flux, Merge", words{flux + "ssa": "Merge"}, nil, Treatment{Mode: ModeMerge}},
		{"Flux, Override", words{flux + "ssa": "Override"}, nil, Treatment{}},
		{"Flux, as a label", nil, words{flux + "ssa": "IfNotPresent"}, Treatment{Mode: ModeIfNotPresent}},
		{"Flux, in another case", words{flux + "ssa": "ignore"}, nil, Treatment{Mode: ModeIgnore}},
		{"Flux, merge in another case", nil, words{flux + "ssa": "merge"}, Treatment{Mode: ModeMerge}},
		{"Flux, force in another case", words{flux + "force": "Enabled"}, nil, Treatment{Recreate: true}},
		{"Flux, reconcile in another case", nil, words{flux + "reconcile": "Disabled"}, Treatment{Mode: ModeIgnore, Keep: true}},
		{"Flux, prune in another case", words{flux + "prune": "DISABLED"}, nil, Treatment{Keep: true}},
		{"Drover, in another case", words{AnnotationApply: "Ignore"}, nil, Treatment{Mode: ModeIgnore, Keep: true}},
		{"Flux, force", words{flux + "force": "enabled"}, nil, Treatment{Recreate: true}},
		{"Flux, force as a label", nil, words{flux + "force": "enabled"}, Treatment{Recreate: true}},
		{"Flux, reconcile", words{flux + "reconcile": "disabled"}, nil, Treatment{Mode: ModeIgnore, Keep: true}},
		{"Flux, prune", nil, words{flux + "prune": "disabled"}, Treatment{Keep: true}},
		{"Argo CD, force", words{argo: "Replace=true, Force=true"}, nil, Treatment{Recreate: true}},
		{"Argo CD, replace alone", words{argo: "Replace=true"}, nil, Treatment{}},
		{"Argo CD, prune", words{argo: "Prune=false"}, nil, Treatment{Keep: true}},
		{"Argo CD, confirmed prune", words{argo: "ServerSideApply=true,Prune=confirm"}, nil, Treatment{Keep: true}},
		{"Argo CD, delete", words{argo: "Delete=false"}, nil, Treatment{Keep: true}},
		{"Argo CD, what it does anyway", words{argo: "Prune=true,Delete=true,nonsense"}, nil, Treatment{}},
	} {
		if got := TreatmentOf(c.annotations, c.labels); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	odd := map[string]any{AnnotationApply: 7, argo: []any{"Force=true"}}
	if got := TreatmentOf(odd, odd); got != (Treatment{}) {
		t.Errorf("annotations that are no strings ask for %+v", got)
	}
}

func TestPaused(t *testing.T) {
	const flux = "kustomize.toolkit.fluxcd.io/"
	for _, c := range []struct {
		annotations map[string]string
		want        bool
	}{
		{nil, false},
		{map[string]string{AnnotationApply: "ignore"}, true},
		{map[string]string{AnnotationApply: "merge", flux + "reconcile": "disabled"}, false},
		{map[string]string{flux + "reconcile": "disabled"}, true},
		{map[string]string{flux + "ssa": "Ignore"}, true},
		{map[string]string{flux + "ssa": "IfNotPresent"}, false},
		{map[string]string{flux + "ssa": "IGNORE"}, true},
		{map[string]string{flux + "reconcile": "Disabled"}, true},
	} {
		if got := Paused(c.annotations, nil); got != c.want {
			t.Errorf("%v: %t", c.annotations, got)
		}
	}
}

func TestUnmetBy(t *testing.T) {
	got := UnmetBy(map[string]string{AnnotationApply: "sometimes", "argocd.argoproj.io/sync-options": "Force=true, Validate=false,Prune=confirm,ServerSideApply=true"})
	var keys []string
	for _, u := range got {
		keys = append(keys, u.Annotation)
	}
	if !slices.Equal(keys, []string{AnnotationApply, "argocd.argoproj.io/sync-options", "argocd.argoproj.io/sync-options"}) {
		t.Errorf("%+v", got)
	}
	if got := UnmetBy(map[string]string{AnnotationApply: "merge", "argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true,CreateNamespace=true"}); len(got) > 0 {
		t.Errorf("what is done is named: %+v", got)
	}
}

func TestFormerManagers(t *testing.T) {
	for _, c := range []struct {
		manager, operation, subresource string
		first, later                    Tool
	}{
		{"kubectl-client-side-apply", "Update", "", ToolPerson, ToolPerson},
		{"before-first-apply", "Update", "", ToolPerson, ToolPerson},
		{"kubectl", "Apply", "", ToolPerson, ToolPerson},
		{"kubectl", "Update", "", ToolPerson, ToolNone},
		{"kubectl-create", "Update", "", ToolPerson, ToolNone},
		{"kubectl-edit", "Update", "", ToolPerson, ToolNone},
		{"kubectl", "Update", "scale", ToolNone, ToolNone},
		{"kubectl-rollout", "Update", "", ToolNone, ToolNone},
		{"helm", "Apply", "", ToolPerson, ToolPerson},
		{"helm-operator", "Update", "", ToolNone, ToolNone},
		{"kustomize-controller", "Apply", "", ToolFlux, ToolFlux},
		{"helm-controller", "Update", "", ToolRelease, ToolRelease},
		{"argocd-controller", "Apply", "", ToolArgo, ToolArgo},
		{"kube-controller-manager", "Update", "", ToolNone, ToolNone},
		{"drover", "Apply", "", ToolNone, ToolNone},
	} {
		if got := FormerManager(c.manager, c.operation, c.subresource, true); got != c.first {
			t.Errorf("%s %s %s, at first: %d, want %d", c.manager, c.operation, c.subresource, got, c.first)
		}
		if got := FormerManager(c.manager, c.operation, c.subresource, false); got != c.later {
			t.Errorf("%s %s %s, later: %d, want %d", c.manager, c.operation, c.subresource, got, c.later)
		}
	}
}

func TestOwnerOf(t *testing.T) {
	tracking := func(id string) map[string]string { return map[string]string{"argocd.argoproj.io/tracking-id": id} }
	for _, c := range []struct {
		tool                Tool
		labels, annotations map[string]string
		namespace, name     string
	}{
		{ToolFlux, map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, nil, "flux-system", "apps"},
		{ToolRelease, map[string]string{"helm.toolkit.fluxcd.io/name": "db", "helm.toolkit.fluxcd.io/namespace": "shop"}, nil, "shop", "db"},
		{ToolArgo, nil, tracking("guestbook:apps/Deployment:default/ui"), "", "guestbook"},
		{ToolArgo, nil, tracking("teams_guestbook:apps/Deployment:default/ui"), "teams", "guestbook"},
		{ToolArgo, map[string]string{"app.kubernetes.io/instance": "guestbook"}, nil, "", "guestbook"},
		{ToolArgo, nil, nil, "", ""},
		{ToolPerson, nil, nil, "", ""},
	} {
		if ns, name := OwnerOf(c.tool, c.labels, c.annotations); ns != c.namespace || name != c.name {
			t.Errorf("%d %v %v: %s/%s", c.tool, c.labels, c.annotations, ns, name)
		}
	}
}
