package layout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/model"
)

// declared is an object of Flux or Argo CD that declares an app.
func declared(kind, namespace, name string) model.Declaration {
	group := map[string]string{"Kustomization": "kustomize.toolkit.fluxcd.io/v1", "HelmRelease": "helm.toolkit.fluxcd.io/v2",
		"Application": "argoproj.io/v1alpha1"}[kind]
	spec := "{}"
	if kind == "Application" { // one without a destination is no cluster's
		spec = `{"destination":{"server":"https://kubernetes.default.svc"}}`
	}
	return model.Declaration{App: model.RootApp, Rendered: model.Rendered{File: "clusters/staging/x.yaml",
		JSON: fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":%q},"spec":%s}`, group, kind, name, namespace, spec)}}
}

// plannedNames are the names of the apps of declarations, by what declares them.
func plannedNames(t *testing.T, natives []string, in []model.Declaration) map[string]string {
	t.Helper()
	c := model.Cluster{Name: "staging", Folder: "clusters/staging"}
	for _, name := range natives {
		c.Apps = append(c.Apps, model.App{Name: name})
	}
	got, err := (&Layout{}).Plan(t.Context(), tree(payment), model.Declarations{Cluster: c, Declared: in, Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	out, seen := map[string]string{}, map[string]bool{}
	for _, a := range got.Apps {
		if seen[a.Name] {
			t.Errorf("two apps are called %s", a.Name)
		}
		seen[a.Name] = true
		if a.Declared != "" {
			out[a.Declared] = a.Name
		}
	}
	return out
}

// No two declarations have one name, and none has another when others come or go, whatever these are called: native
// apps that have the names of old among them.
func TestNoNameDependsOnWhatElseThereIs(t *testing.T) {
	t.Parallel()
	var all []model.Declaration
	for _, kind := range []string{"Kustomization", "HelmRelease", "Application"} {
		for _, namespace := range []string{"flux-system", "argocd", "a", "a-b"} {
			for _, name := range []string{"a", "b", "b-c", "a-b-c", "A.b", strings.Repeat("x", 63) + "1", strings.Repeat("x", 63) + "2"} {
				all = append(all, declared(kind, namespace, name))
			}
		}
	}
	natives := []string{"a", "b", "a-b", "a-a-b", "a-b-c", "flux-system-a"}
	alone := map[string]string{}
	for _, d := range all {
		for by, name := range plannedNames(t, nil, []model.Declaration{d}) {
			alone[by] = name
		}
	}
	if len(alone) != len(all) {
		t.Fatalf("%d declarations make %d apps", len(all), len(alone))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		some := slices.Clone(all)
		random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		some = some[:1+random.IntN(len(some))]
		got := plannedNames(t, natives[:random.IntN(len(natives)+1)], some)
		if len(got) != len(some) {
			t.Errorf("%d declarations make %d apps", len(some), len(got))
		}
		for by, name := range got {
			if name != alone[by] {
				t.Errorf("%s is called %s, and %s where it is alone", by, name, alone[by])
			}
		}
	}
}

// A native App cannot have the key of an app that another tool declares, nor one that looks like one.
func TestANativeAppWithTheNameOfAKeyIsRefused(t *testing.T) {
	t.Parallel()
	key := identity.ID{Kind: "Kustomization", Namespace: "flux-system", Name: "apps"}.Key()
	f := read(t, "-- clusters/staging/app.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: "+key+"}\nspec: {path: apps/payment}\n"+
		"-- apps/payment/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
	want := "clusters/staging/app.yaml:3: the app's metadata.name: the name \"" + key + "\" ends as the keys of apps do that other tools " +
		"declare, in -- and 20 letters and digits: choose another, such as apps"
	if len(f.Cluster.Problems) != 1 || f.Cluster.Problems[0] != want || len(f.Cluster.Apps) != 0 {
		t.Errorf("apps %+v, problems %q, want %q", f.Cluster.Apps, f.Cluster.Problems, want)
	}
}

// An App that depends on one of another tool may name it by what declares it, by its key or by its former name.
func TestAnAppDependsOnOneOfAnotherTool(t *testing.T) {
	t.Parallel()
	in := []model.Declaration{declared("Kustomization", "media", "plex"), declared("Kustomization", "team", "two"),
		declared("HelmRelease", "team", "two")}
	plex := identity.ID{Kind: "Kustomization", Namespace: "media", Name: "plex"}.Key()
	for on, want := range map[string]string{"plex": "plex", "kustomization/media/plex": plex, "media-plex": plex, plex: plex, "web": "web", "two": "two", "none": "none"} {
		c := model.Cluster{Name: "staging", Folder: "clusters/staging", Apps: []model.App{{Name: "web"}, {Name: "late", DependsOn: []string{on}}}}
		got, err := (&Layout{}).Plan(t.Context(), tree(payment), model.Declarations{Cluster: c, Declared: in, Branch: "main"})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(got.Apps, func(a model.App) bool { return a.Name == "late" })
		if !slices.Equal(got.Apps[at].DependsOn, []string{want}) {
			t.Errorf("%s is %v, want %s", on, got.Apps[at].DependsOn, want)
		}
	}
}
