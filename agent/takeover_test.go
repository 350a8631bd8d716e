package agent_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// settings is a ConfigMap with these keys, each of the value "1".
func settings(ns, name string, keys ...string) string {
	var data []string
	for _, k := range keys {
		data = append(data, fmt.Sprintf(`%q:"1"`, k))
	}
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"namespace":%q},"data":{%s}}`, name, ns, strings.Join(data, ","))
}

// marked is an object with labels and annotations that a tool puts on it.
func marked(t *testing.T, text string, labels, annotations map[string]any) testenv.Object {
	t.Helper()
	list, err := testenv.Objects(text)
	if err != nil {
		t.Fatal(err)
	}
	meta := list[0].Field("metadata").(map[string]any)
	meta["labels"], meta["annotations"] = labels, annotations
	return list[0]
}

// former applies an object as a tool does.
type former struct {
	name  string
	apply func(t *testing.T, cp *testenv.ControlPlane, text string)
}

// created is by POST, edited by PATCH: both are updates to managedFields.
func created(manager string) func(*testing.T, *testenv.ControlPlane, string) {
	return func(t *testing.T, cp *testenv.ControlPlane, text string) {
		o := marked(t, text, nil, map[string]any{"kubectl.kubernetes.io/last-applied-configuration": "{}"})
		mustCreate(t, cp, manager, o.String())
	}
}

func serverSide(manager string) func(*testing.T, *testenv.ControlPlane, string) {
	return func(t *testing.T, cp *testenv.ControlPlane, text string) {
		mustApplyAs(t, cp, manager, marked(t, text, map[string]any{
			"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
			"helm.toolkit.fluxcd.io/name": "apps", "helm.toolkit.fluxcd.io/namespace": "flux-system",
		}, map[string]any{"argocd.argoproj.io/tracking-id": "apps:/ConfigMap:x/y"}))
	}
}

func mustApplyAs(t *testing.T, cp *testenv.ControlPlane, manager string, o testenv.Object) {
	t.Helper()
	if _, err := cp.Kube().ApplyObject(t.Context(), manager, o); err != nil {
		t.Fatal(err)
	}
}

var formers = []former{
	{"kubectl apply", created("kubectl-client-side-apply")},
	{"kubectl apply over something older", func(t *testing.T, cp *testenv.ControlPlane, text string) {
		created("before-first-apply")(t, cp, text)
		list, err := testenv.Objects(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cp.Kube().Patch(t.Context(), "kubectl-client-side-apply", list[0].Ref(), `{"data":{"shared":"0"}}`); err != nil {
			t.Fatal(err)
		}
	}},
	{"kubectl apply --server-side", serverSide("kubectl")},
	{"kubectl create", created("kubectl-create")},
	{"kubectl replace", created("kubectl-replace")},
	{"kubectl edit", created("kubectl-edit")},
	{"Helm 3", created("helm")},
	{"Helm 4", serverSide("helm")},
	{"Flux, Kustomization", serverSide("kustomize-controller")},
	{"Flux, HelmRelease of Helm 3", created("helm-controller")},
	{"Flux, HelmRelease of Helm 4", serverSide("helm-controller")},
	{"Argo CD", created("argocd-controller")},
	{"Argo CD, older", created("argocd-application-controller")},
	{"Argo CD, server-side", serverSide("argocd-controller")},
}

// managers are the field managers of an object.
func managers(o testenv.Object) string {
	var out []string
	for _, e := range o.Items("metadata", "managedFields") {
		out = append(out, e.Text("manager"))
	}
	return strings.Join(out, " ")
}

// keys are the keys of a ConfigMap's data.
func keys(o testenv.Object) string {
	data, _ := o.Field("data").(map[string]any)
	text, _ := json.Marshal(data)
	return string(text)
}

// What another tool applied becomes Drover's without being recreated: what Git does not have goes, what leaves Git later goes, and what
// others set on purpose stays.
func TestTakesOverFromFormerTools(t *testing.T) {
	t.Parallel()
	for _, f := range formers {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			f.apply(t, cp, settings(ns, "a", "shared", "later", "theirs"))
			if _, err := cp.Kube().Patch(t.Context(), "an-operator", mapRef(ns, "a"), `{"data":{"operator":"1"}}`); err != nil {
				t.Fatal(err)
			}
			uid := still(t, cp, mapRef(ns, "a")).Text("metadata", "uid")
			hub.Apply(t, hub.App(t, "web", settings(ns, "a", "shared", "later")))
			o := still(t, cp, mapRef(ns, "a"))
			if got := keys(o); got != `{"later":"1","operator":"1","shared":"1"}` || managers(o) != "drover an-operator" && managers(o) != "an-operator drover" {
				t.Errorf("the data are %s, managed by %s", got, managers(o))
			}
			if got := o.Text("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"); got != "" {
				t.Errorf("what kubectl applied last still stands there: %s", got)
			}
			mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"person":"1"}}`) // kubectl edit
			hub.Apply(t, hub.App(t, "web", settings(ns, "a", "shared")))
			o = still(t, cp, mapRef(ns, "a"))
			if got := keys(o); got != `{"operator":"1","person":"1","shared":"1"}` {
				t.Errorf("after a field left Git the data are %s", got)
			}
			if o.Text("metadata", "uid") != uid {
				t.Error("it was recreated")
			}
		})
	}
}

// With merge, what others applied stays theirs.
func TestMergeTakesNothingOver(t *testing.T) {
	t.Parallel()
	for _, key := range [][2]string{{"drover.dev/apply", "merge"}, {"kustomize.toolkit.fluxcd.io/ssa", "Merge"}} {
		cp, ns, hub, _ := scene(t)
		created("kubectl-client-side-apply")(t, cp, settings(ns, "a", "key", "theirs"))
		hub.Apply(t, hub.App(t, "web", annotated(ns, "a", "2", key[0], key[1])))
		if got := keys(still(t, cp, mapRef(ns, "a"))); got != `{"key":"2","theirs":"1"}` {
			t.Errorf("%s: the data are %s", key[0], got)
		}
	}
}

// Managers that the app leaves their fields keep them, whoever they are.
func TestManagersThatAreLeftAloneAreNotTakenOver(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	mustCreate(t, cp, "kubectl-create", settings(ns, "a", "a", "theirs"))
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"a":"edited"}}`) // kubectl-edit
	app := hub.App(t, "web", settings(ns, "a", "a", "b"))
	app.Ignored = []protocol.Ignored{{Object: protocol.ObjectRef{Kind: "ConfigMap", Namespace: ns, Name: "a"}, Managers: []string{"kubectl-edit"}}}
	hub.Apply(t, app)
	if got := keys(still(t, cp, mapRef(ns, "a"))); got != `{"a":"edited","b":"1"}` {
		t.Errorf("the data are %s", got)
	}
}

const kustomizations = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kustomizations.kustomize.toolkit.fluxcd.io}
spec:
  group: kustomize.toolkit.fluxcd.io
  scope: Namespaced
  names: {plural: kustomizations, singular: kustomization, kind: Kustomization, listKind: KustomizationList}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: applications.argoproj.io}
spec:
  group: argoproj.io
  scope: Namespaced
  names: {plural: applications, singular: application, kind: Application, listKind: ApplicationList}
  versions:
  - {name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// A Flux or an Argo CD that still delivers an object keeps its fields; once it does not, they are taken over with the next change.
func TestToolThatRunsIsNotDisturbed(t *testing.T) {
	t.Parallel()
	cp := testenv.ControlPlaneT(t, testenv.WithControllers(), testenv.WithAudit())
	home := testenv.NamespaceT(t, cp)
	if _, err := cp.Kube().Apply(t.Context(), "test", kustomizations); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the definitions", func() bool {
		_, err := cp.Kube().List(t.Context(), "kustomize.toolkit.fluxcd.io/v1", "Kustomization", home, url.Values{})
		_, err2 := cp.Kube().List(t.Context(), "argoproj.io/v1alpha1", "Application", home, url.Values{})
		return err == nil && err2 == nil
	})
	for _, c := range []struct{ name, manager, api, kind string }{
		{"Flux", "kustomize-controller", "kustomize.toolkit.fluxcd.io/v1", "Kustomization"},
		{"Argo CD", "argocd-controller", "argoproj.io/v1alpha1", "Application"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ns := testenv.NamespaceT(t, cp)
			hub := agenttest.NewHub(t, "east-1")
			running := agenttest.Start(t, cp, ns, hub)
			delivery := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":"apps","namespace":%q},"spec":{}}`, c.api, c.kind, ns)
			mustCreate(t, cp, "test", delivery)
			theirs := marked(t, settings(ns, "a", "shared", "theirs"), map[string]any{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": ns},
				map[string]any{"argocd.argoproj.io/tracking-id": "apps:/ConfigMap:x/y"})
			mustApplyAs(t, cp, c.manager, theirs)
			hub.Apply(t, hub.App(t, "web", settings(ns, "a", "shared")))
			if o := still(t, cp, mapRef(ns, "a")); keys(o) != `{"shared":"1","theirs":"1"}` || !strings.Contains(managers(o), c.manager) {
				t.Errorf("a tool that runs was disturbed: %s, managed by %s", keys(o), managers(o))
			}
			before := applies(t, cp, ns)
			mustApplyAs(t, cp, c.manager, theirs) // as it does all the time
			hub.Apply(t, hub.App(t, "web", settings(ns, "a", "shared"), configMap(ns, "b", "1")))
			if got := applies(t, cp, ns) - before; got != 1 {
				t.Errorf("%d applies while both are there, want 1: b", got)
			}
			running.Stop(t) // whether a tool runs is remembered for a while
			agenttest.Start(t, cp, ns, hub)
			if c.name == "Flux" {
				mustPatch(t, cp, testenv.Ref{APIVersion: c.api, Kind: c.kind, Namespace: ns, Name: "apps"}, `{"spec":{"suspend":true}}`)
			} else {
				mustDelete(t, cp, testenv.Ref{APIVersion: c.api, Kind: c.kind, Namespace: ns, Name: "apps"})
			}
			hub.Apply(t, hub.App(t, "web", settings(ns, "a", "shared", "new")))
			if o := still(t, cp, mapRef(ns, "a")); keys(o) != `{"new":"1","shared":"1"}` || managers(o) != "drover" {
				t.Errorf("it was not taken over: %s, managed by %s", keys(o), managers(o))
			}
		})
	}
}
