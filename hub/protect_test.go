package hub_test

import (
	"strings"
	"testing"
)

// TestWhatProtectsADeclarationProtectsWhatItDelivers: in Flux and in Argo CD the declaration stays in the
// cluster, and goes on delivering.
func TestWhatProtectsADeclarationProtectsWhatItDelivers(t *testing.T) {
	t.Parallel()
	const helm = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: inner, namespace: flux-system}\n" +
		"spec: {interval: 1m, chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system}}}}\n"
	const native = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: inner}\nspec: {path: inner}\n"
	inner := strings.TrimPrefix(kustomization("inner", "  path: inner\n"), "-- clusters/staging/inner.yaml --\n")
	argo := applicationObject("inner", argoSource("inner", ""))
	with := func(object, kind, pair string) string {
		if strings.Contains(object, "metadata: {") {
			return strings.Replace(object, "metadata: {", "metadata: {"+kind+": {"+pair+"}, ", 1)
		}
		return strings.Replace(object, "metadata:\n", "metadata:\n  "+kind+": {"+pair+"}\n", 1)
	}
	const prune = "kustomize.toolkit.fluxcd.io/prune: "
	for _, c := range []struct {
		name, object string
		unpruned     bool // the parent does not prune
		want         bool
	}{
		{"a Kustomization", inner, false, false},
		{"a Kustomization with an annotation", with(inner, "annotations", prune+"disabled"), false, true},
		{"a Kustomization with an annotation in another case", with(inner, "annotations", prune+"Disabled"), false, true},
		{"a Kustomization with a label", with(inner, "labels", prune+"Disabled"), false, true},
		{"a Kustomization that is not reconciled", with(inner, "annotations", "kustomize.toolkit.fluxcd.io/reconcile: Disabled"), false, true},
		{"a Kustomization with another value", with(inner, "annotations", prune+"enabled"), false, false},
		{"a Kustomization of a parent that does not prune", inner, true, true},
		{"a policy that orphans", inner + "  deletionPolicy: Orphan\n", false, true},
		{"a policy that mirrors", inner + "  deletionPolicy: MirrorPrune\n", false, false},
		{"a policy that deletes", inner + "  deletionPolicy: Delete\n", false, false},
		{"a policy that waits", inner + "  deletionPolicy: WaitForTermination\n", false, false},
		{"a policy that deletes, protected", with(inner, "annotations", prune+"disabled") + "  deletionPolicy: Delete\n", false, true},
		{"a HelmRelease", helm, false, false},
		{"a HelmRelease with an annotation", with(helm, "annotations", prune+"Disabled"), false, true},
		{"a HelmRelease that Helm keeps", with(helm, "annotations", "helm.sh/resource-policy: Keep"), false, true},
		{"a HelmRelease of a parent that does not prune", helm, true, true},
		{"an App", native, false, false},
		{"an App with an annotation", with(native, "annotations", "drover.dev/prune: Disabled"), false, true},
		{"an App of a parent that does not prune", native, true, true},
		{"an Application", argo, false, false},
		{"an Application with an option", with(argo, "annotations", "argocd.argoproj.io/sync-options: Prune=false"), false, true},
		{"an Application that is not deleted", with(argo, "annotations", "argocd.argoproj.io/sync-options: 'Replace=true,Delete=false'"), false, true},
		{"an Application without finalizer", strings.Replace(argo, "  finalizers: [resources-finalizer.argocd.argoproj.io]\n", "", 1), false, true},
		{"an Application with the finalizer of the background", strings.Replace(argo, "resources-finalizer.argocd.argoproj.io", "resources-finalizer.argocd.argoproj.io/background", 1), false, false},
		{"an Application of a parent that does not prune", argo, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			parent := kustomization("parent", "  path: parent\n")
			if c.unpruned {
				parent = strings.Replace(parent, "prune: true", "prune: false", 1)
			}
			b := newArgoScene(t, bootstrap+parent+"-- parent/inner.yaml --\n"+c.object+manifest("inner/cm.yaml", "inner", "{a: b}")+
				"-- charts/web/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n-- charts/web/templates/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
			for _, a := range b.resolve("staging").Apps {
				if strings.HasSuffix(a.App.Name, "inner") {
					if a.Err != "" || a.App.Handling.Orphan != c.want {
						t.Errorf("error %q, orphan is %t", a.Err, a.App.Handling.Orphan)
					}
					return
				}
			}
			t.Errorf("there is no such app:\n%s", b.summary(b.resolve("staging")))
		})
	}
}
