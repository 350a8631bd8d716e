package hub_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// argoRepository is the address by which Argo CD knows the repository.
const argoRepository = "https://git.example.com/acme/fleet.git"

// application is an Application in the cluster's folder, synced by itself.
func application(name, spec string) string {
	return "-- clusters/staging/" + name + ".yaml --\n" + applicationObject(name, spec)
}

func applicationObject(name, spec string) string {
	const automated = "  syncPolicy: {automated: {prune: true, selfHeal: true}}\n"
	if !strings.Contains(spec, "syncPolicy") {
		spec += automated
	}
	if !strings.Contains(spec, "destination") {
		spec += "  destination: {server: https://kubernetes.default.svc, namespace: shop}\n"
	}
	return "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: " + name +
		"\n  namespace: argocd\n  finalizers: [resources-finalizer.argocd.argoproj.io]\nspec:\n  project: default\n" + spec
}

// argoSource is spec.source over a folder of the repository, with more of its fields.
func argoSource(path, more string) string {
	return "  source: {repoURL: " + argoRepository + ", targetRevision: HEAD, path: " + path + more + "}\n"
}

// newArgoScene is a scene whose repository is known by the address that Argo CD knows.
func newArgoScene(t *testing.T, tree string) *scene {
	b := newScene(t, tree)
	b.with(func(cfg *resolve.Config) { cfg.Repository = []string{argoRepository} })
	return b
}

const guestbook = `
-- guestbook/service.yaml --
apiVersion: v1
kind: Service
metadata: {name: guestbook}
spec: {ports: [{port: 80}]}
---
# nothing
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: listed}}
-- guestbook/config.json --
{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "from-json"}, "data": {"n": "1"}}
-- guestbook/values.yaml --
this: is no manifest
-- guestbook/skipped.yaml --
# +argocd:skip-file-rendering
apiVersion: v1
kind: ConfigMap
metadata: {name: skipped}
-- guestbook/deeper/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: deeper}
`

func TestApplications(t *testing.T) {
	t.Parallel()
	const jsonMap, listed, deeper = `{"apiVersion":"v1","data":{"n":"1"},"kind":"ConfigMap","metadata":{"name":"from-json"}}`, `"metadata":{"name":"listed"}`, `"metadata":{"name":"deeper"}`
	for _, c := range []struct {
		name, tree string
		want, not  []string
	}{
		{"plain manifests, each file by itself", application("guestbook", argoSource("guestbook", "")), []string{"app guestbook of root\n", jsonMap, listed, `"kind":"Service"`}, []string{deeper, "skipped", "note"}},
		{"with folders in them", application("guestbook", argoSource("guestbook", ", directory: {recurse: true}")), []string{jsonMap, deeper}, nil},
		{"some files", application("guestbook", argoSource("guestbook", ", directory: {recurse: true, include: '{*.json,deeper/*}', exclude: '*.json'}")), []string{deeper}, []string{jsonMap, "Service"}},
		{"a kustomization, edited", `
-- web/kustomization.yaml --
namePrefix: old-
resources: [config.yaml]
images: [{name: nginx, newTag: "1", newName: other}]
` + manifest("web/config.yaml", "web", "{a: b}") + `
-- web/more/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
commonAnnotations: {component: here}
` + application("web", argoSource("web", ", kustomize: {namePrefix: a-, nameSuffix: -b, namespace: own, commonLabels: {app: $ARGOCD_APP_NAME}, labelWithoutSelector: true, "+
			"commonAnnotations: {raw: $ARGOCD_APP_NAME}, components: [more, gone], ignoreMissingComponents: true}")),
			[]string{`{"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"annotations":{"component":"here","raw":"$ARGOCD_APP_NAME"},"labels":{"app":"web"},"name":"a-web-b","namespace":"own"}}`}, nil},
		{"a chart of the repository", strings.ReplaceAll(webChart, "charts/web/", "helm/web/") + "\n-- helm/web/staging.yaml --\nreplicas: 4\n-- helm/more/region.yaml --\nregion: file\n" +
			application("web", argoSource("helm/web", ", helm: {releaseName: w, valueFiles: [staging.yaml, /helm/more/*.yaml, none.yaml], ignoreMissingValueFiles: true, valuesObject: {replicas: 5}, parameters: [{name: region, value: eu}]}")),
			[]string{`"replicas":"6"`, `"region":"EU"`, `"name":"w"`, `in shop`}, nil},
		{"several sources, one for its files alone", strings.ReplaceAll(webChart, "charts/web/", "helm/web/") + "\n-- env/values.yaml --\nregion: ref\n" +
			application("web", "  sources:\n  - {repoURL: "+argoRepository+", path: helm/web, helm: {valueFiles: [$env/env/values.yaml]}}\n  - {repoURL: "+argoRepository+", ref: env}\n  - {repoURL: "+argoRepository+", path: guestbook}\n"),
			[]string{`"region":"REF"`, jsonMap}, nil},
		{"overridden from its folder", manifest("web/config.yaml", "web", "{a: b}") + "-- web/kustomization.yaml --\nresources: [config.yaml]\n-- web/.argocd-source.yaml --\nkustomize: {namePrefix: all-}\n-- web/.argocd-source-web.yaml --\nkustomize: {nameSuffix: -one}\n" +
			application("web", argoSource("web", "")), []string{`"name":"all-web-one"`}, nil},
		{"an app of apps", application("root-of-all", argoSource("apps", "")) + "-- apps/guestbook.yaml --\n" + applicationObject("guestbook", argoSource("guestbook", "")),
			[]string{"app root-of-all of root\n", "app guestbook of root-of-all\n", jsonMap}, nil},
		{"the cluster's own folder", application("self", argoSource("clusters/staging", "")+"  syncPolicy: {automated: {selfHeal: true}}\n") + manifest("clusters/staging/config.yaml", "own", "{a: b}"), []string{"app root unpruned\n", `"name":"own"`}, []string{"app self"}},
		{"another namespace", "-- clusters/staging/guestbook.yaml --\n" + strings.Replace(applicationObject("guestbook", argoSource("guestbook", "")), "namespace: argocd", "namespace: team", 1), []string{"app team-guestbook of root\n"}, nil},
		{"synced by hand", application("guestbook", argoSource("guestbook", "")+"  syncPolicy: {}\n"), []string{"app guestbook of root unpruned\n", "spec.syncPolicy: it is not automated: its first delivery"}, nil},
		{"for another cluster", application("guestbook", argoSource("guestbook", "")+"  destination: {name: production}\n"), []string{`spec.destination: left out: it is for the cluster "production", and this is the folder of staging`}, []string{"app guestbook"}},
		{"for this cluster by its folder's name", application("guestbook", argoSource("guestbook", "")+"  destination: {name: staging}\n"), []string{"app guestbook of root\n"}, nil},
		{"for this cluster by what Argo CD calls it", "-- clusters/staging/cluster.yaml --\nargocd: {server: 'https://10.0.0.1'}\n" + application("guestbook", argoSource("guestbook", "")+"  destination: {server: 'https://10.0.0.1'}\n"), []string{"app guestbook of root\n"}, nil},
		{"an AppProject", "-- clusters/staging/project.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: team, namespace: argocd}\nspec: {sourceRepos: ['*'], roles: [{name: x}]}\n", []string{"AppProject argocd/team: spec.roles: not done: who may change what is decided in Git"}, nil},
		{"a Rollout", "-- clusters/staging/rollout.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\n", []string{`"kind":"Rollout"`}, nil},
		{"Argo CD itself", "-- clusters/staging/install.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, labels: {app.kubernetes.io/part-of: argocd}}\n", []string{"Argo CD itself: left out, but for its namespace"}, []string{`"argocd-cm"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newArgoScene(t, guestbook+c.tree)
			got := b.summary(b.resolve("staging"))
			for _, want := range c.want {
				if !strings.Contains(got, want) || strings.Contains(got, "ERR") || strings.Contains(got, "problem") {
					t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(got, not) {
					t.Errorf("got:\n%s\nnot wanted in it:\n%s", got, not)
				}
			}
		})
	}
}

// TestWhatAnApplicationAsksForInVainIsNamed: per file and field.
func TestWhatAnApplicationAsksForInVainIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, tree, want string }{
		{"a plugin", application("web", argoSource("guestbook", ", plugin: {name: x}")),
			"ERR clusters/staging/web.yaml:9: Application argocd/web: spec.source.plugin.name: no renderer plugin \"x\" is " +
				"configured: have the operator put"},
		{"jsonnet that gives no object of Kubernetes", "-- guestbook/x.jsonnet --\n{}\n" + application("web", argoSource("guestbook", "")), "ERR guestbook/x.jsonnet:1: an object without a kind"},
		{"two ways to render", application("web", argoSource("guestbook", ", helm: {}, directory: {}")), "spec.source: it has directory and helm, and may have one of them"},
		{"a folder that is not there", application("web", argoSource("guestbok", "")), `spec.source.path: "guestbok" does not exist at this revision`},
		{"a folder above the repository", application("web", argoSource("../x", "")), `spec.source.path: "../x" is no path in the repository`},
		{"no kustomization", application("web", argoSource("guestbook", ", kustomize: {namePrefix: a-}")), "guestbook: the folder has no kustomization.yaml, and is to be built with kustomize"},
		{"a label that is there already", manifest("web/config.yaml", "web", "{a: b}") + "-- web/kustomization.yaml --\nresources: [config.yaml]\ncommonLabels: {a: b}\n" + application("web", argoSource("web", ", kustomize: {commonLabels: {a: c}}")),
			"web/kustomization.yaml: the label a is in the kustomization already"},
		{"values from an address", application("web", argoSource("guestbook", ", helm: {valueFiles: ['https://x/y.yaml']}")), "spec.source.helm.valueFiles[0]: https://x/y.yaml: values from an address are not supported"},
		{"a pattern without files", application("web", argoSource("guestbook", ", helm: {valueFiles: ['none/*.yaml']}")), `spec.source.helm.valueFiles[0]: no file matches "guestbook/none/*.yaml"`},
		{"the revision in a value", application("web", argoSource("guestbook", ", helm: {parameters: [{name: a, value: $ARGOCD_APP_REVISION}]}")), "spec.source: $ARGOCD_APP_REVISION is not known before the app is rendered"},
		{"no destination", application("web", argoSource("guestbook", "")+"  destination: {namespace: x}\n"), "spec.destination: it names no cluster"},
		{"two destinations", application("web", argoSource("guestbook", "")+"  destination: {name: in-cluster, server: 'https://kubernetes.default.svc'}\n"), "spec.destination: it has a name and a server: keep one"},
		{"an option", application("web", argoSource("guestbook", "")+"  syncPolicy: {automated: {}, syncOptions: [Validate=false, Nonsense=1]}\n"), "spec.syncPolicy.syncOptions[1]: Nonsense=1: no option that Drover knows"},
		{"a field that nobody knows", application("web", argoSource("guestbook", ", chrat: x")), "spec.source.chrat: no field that Drover knows of this kind"},
		{"a field of one of several sources", application("web", "  sources:\n  - {repoURL: "+argoRepository+", path: guestbook, tagPrefix: a}\n"), "spec.sources[0].tagPrefix: not supported"},
		{"an annotation", "-- clusters/staging/web.yaml --\n" + strings.Replace(applicationObject("web", argoSource("guestbook", "")), "metadata:\n", "metadata:\n  annotations: {notifications.argoproj.io/subscribe.x.slack: a}\n", 1), "metadata.annotations.notifications.argoproj.io/subscribe.x.slack: not done: nobody is notified"},
		{"a setting of Argo CD itself", "-- argocd/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}\ndata: {resource.exclusions: '[{kinds: [Event]}]'}\n" + application("argocd", argoSource("argocd", "")),
			"note argocd/cm.yaml: ConfigMap argocd/argocd-cm: data.resource.exclusions: not done: Drover delivers the kinds that Argo CD is told to leave alone"},
		{"two alike", application("web", argoSource("guestbook", "")) + "-- clusters/staging/other.yaml --\n" + applicationObject("web", argoSource("guestbook/deeper", "")), "it is declared in clusters/staging/web.yaml as well, and otherwise: keep one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newArgoScene(t, guestbook+c.tree)
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}

// TestHowAnApplicationIsApplied: what the agent is told of it.
func TestHowAnApplicationIsApplied(t *testing.T) {
	t.Parallel()
	const keep, orphan = `"keepDrift":true`, `"orphan":true`
	for _, c := range []struct {
		name, tree string
		prune      bool
		want       []string
		not        []string
	}{
		{"automated", application("a", argoSource("guestbook", "")), true, nil, []string{keep, orphan}},
		{"without self-healing", application("a", argoSource("guestbook", "")+"  syncPolicy: {automated: {prune: true}}\n"), true, []string{keep}, nil},
		{"automated, but not enabled", application("a", argoSource("guestbook", "")+"  syncPolicy: {automated: {prune: true, selfHeal: true, enabled: false}}\n"), false, nil, []string{keep}},
		{"without a finalizer", strings.Replace(application("a", argoSource("guestbook", "")), "  finalizers: [resources-finalizer.argocd.argoproj.io]\n", "", 1), true, []string{orphan}, nil},
		{"declared by one that does not prune", application("b", argoSource("apps", "")+"  syncPolicy: {automated: {}}\n") + "-- apps/a.yaml --\n" + applicationObject("a", argoSource("guestbook", "")), true, []string{orphan}, nil},
		{"with a namespace", application("a", argoSource("guestbook", "")+"  syncPolicy: {automated: {prune: true, selfHeal: true}, managedNamespaceMetadata: {labels: {x: y}}, syncOptions: [CreateNamespace=true]}\n"),
			true, []string{`"createNamespace":{"labels":{"x":"y"}}`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newArgoScene(t, guestbook+c.tree)
			for _, a := range b.resolve("staging").Apps {
				if a.App.Name != "a" {
					continue
				}
				data, _ := json.Marshal(a.App.Handling)
				for _, want := range c.want {
					if !strings.Contains(string(data), want) {
						t.Errorf("%s, want %s", data, want)
					}
				}
				for _, not := range c.not {
					if strings.Contains(string(data), not) {
						t.Errorf("%s, do not want %s", data, not)
					}
				}
				if a.App.Prune != c.prune || a.Err != "" {
					t.Errorf("prune is %t, error %q", a.App.Prune, a.Err)
				}
				return
			}
			t.Error("there is no app a")
		})
	}
}

// TestFieldsThatAreLeftToOthers: ignoreDifferences become rules for the objects that they mean.
func TestFieldsThatAreLeftToOthers(t *testing.T) {
	t.Parallel()
	b := newArgoScene(t, guestbook+application("a", argoSource("guestbook", "")+
		"  ignoreDifferences:\n  - {group: apps, kind: Deploy*, name: a.b, jsonPointers: [/spec/replicas], jqPathExpressions: [.spec.x], managedFieldsManagers: [hpa]}\n"))
	for _, a := range b.resolve("staging").Apps {
		if a.App.Name == "a" {
			if got := fmt.Sprintf("%+v", a.App.Ignore); got != `[{Target:{Group:apps Version: Kind:^(?s:Deploy.*)$ Namespace: Name:a\.b LabelSelector: AnnotationSelector:} Paths:[/spec/replicas] JQ:[.spec.x] When: Managers:[hpa]}]` {
				t.Error(got)
			}
		}
	}
}

// TestASourceElsewhereIsDescribed: what is fetched, and at which revision.
func TestASourceElsewhereIsDescribed(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://git.example.com/other.git"
	for _, c := range []struct{ spec, want string }{
		{"{repoURL: " + elsewhere + ", path: a}", `{"kind":"git","url":"` + elsewhere + `"}`},
		{"{repoURL: " + elsewhere + ", path: a, targetRevision: develop}", `{"kind":"git","url":"` + elsewhere +
			`","ref":"develop"}`},
		{"{repoURL: " + elsewhere + ", path: a, targetRevision: v1.2.3}", `{"kind":"git","url":"` + elsewhere + `","ref":"v1.2.3"}`},
		{"{repoURL: " + elsewhere + ", path: a, targetRevision: 1.x}", `{"kind":"git","url":"` + elsewhere + `","semver":"1.x"}`},
		{"{repoURL: " + elsewhere + ", path: a, targetRevision: 0123abc}", `{"kind":"git","url":"` + elsewhere + `","revision":"0123abc"}`},
		{"{repoURL: " + argoRepository + ", path: a, targetRevision: v1.0.0}", `{"kind":"git","url":"` + argoRepository + `","ref":"v1.0.0"}`},
		{"{repoURL: https://charts.example.com, chart: web, targetRevision: 1.2.*}", `{"kind":"helm","url":"https://charts.example.com","semver":"1.2.*","chart":"web"}`},
		{"{repoURL: registry.example.com/charts, chart: web, targetRevision: 1.2.3}", `{"kind":"helm","url":"oci://registry.example.com/charts","semver":"1.2.3","chart":"web"}`},
		{"{repoURL: 'oci://registry.example.com/web', path: ., targetRevision: 'sha256:12'}", `{"kind":"oci","url":"oci://registry.example.com/web","revision":"sha256:12"}`},
	} {
		b := newArgoScene(t, application("a", "  source: "+c.spec+"\n"))
		for _, a := range b.resolve("staging").Apps {
			if a.App.Name != "a" {
				continue
			}
			if data, _ := json.Marshal(a.App.Source); string(data) != c.want {
				t.Errorf("%s is %s, want %s", c.spec, data, c.want)
			}
		}
	}
}

// Law 1: what an ApplicationSet gave stays while one of its generators fails, and goes when it rightly gives it no more.
func TestApplicationsOfASetThatFailsStay(t *testing.T) {
	t.Parallel()
	set := func(pattern string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: tenants, namespace: argocd}\nspec:\n  generators:\n  - git: {repoURL: " + argoRepository +
			", revision: HEAD, files: [{path: '" + pattern + "'}]}\n  template:\n    metadata: {name: '{{name}}'}\n    spec:\n      project: default\n      source: {repoURL: " + argoRepository +
			", path: guestbook}\n      destination: {name: in-cluster, namespace: '{{name}}'}\n      syncPolicy: {automated: {prune: true, selfHeal: true}}\n"
	}
	tree := files(guestbook + application("self", argoSource("clusters/staging", "")) + "-- tenants/a.json --\n{\"name\": \"a\"}\n-- tenants/b.json --\n{\"name\": \"b\"}\n")
	tree["clusters/staging/set.yaml"] = set("tenants/*.json")
	r := newRig(t, tree)
	r.join("staging")
	before := r.await("staging", "published", func(b protocol.Bundle) bool { return appOf(b, "a") != nil && appOf(b, "b") != nil })
	r.push("broken", map[string]string{"tenants/b.json": "{"})
	b := r.await("staging", "generation 2", func(b protocol.Bundle) bool { return b.Generation == 2 })
	for _, name := range []string{"a", "b"} {
		if app := appOf(b, name); app == nil || app.Blob == nil || app.Blob.Digest != appOf(before, name).Blob.Digest ||
			!strings.Contains(app.Error, "set.yaml:6: ApplicationSet argocd/tenants: spec.generators[0].git: tenants/b.json: it is neither") {
			t.Fatalf("%s became %+v", name, app)
		}
	}
	r.push("mended", map[string]string{"tenants/b.json": ""})
	b = r.await("staging", "generation 3", func(b protocol.Bundle) bool { return b.Generation == 3 })
	if appOf(b, "b") != nil || appOf(b, "a") == nil || appOf(b, "a").Error != "" || b.Incomplete != "" {
		t.Errorf("the apps are %+v", b.Apps)
	}
	r.push("empty", map[string]string{"clusters/staging/set.yaml": set("nowhere/*.json")})
	if b = r.await("staging", "generation 4", func(b protocol.Bundle) bool { return b.Generation == 4 }); appOf(b, "a") != nil {
		t.Error("a stays, although its set rightly gives nothing")
	}
}

// TestASetBelowFleetFollowsLabels: an ApplicationSet for many clusters gives each what is for it, and another
// label gives another thing
// at the next commit, to that cluster alone.
func TestASetBelowFleetFollowsLabels(t *testing.T) {
	t.Parallel()
	tree := files(guestbook)
	tree["fleet/set.yaml"] = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s}\nspec:\n  generators:\n  - clusters: {selector: {matchLabels: {env: production}}}\n" +
		"  template:\n    metadata: {name: '{{name}}-guestbook'}\n    spec:\n      project: default\n      source: {repoURL: " + argoRepository + ", path: guestbook}\n" +
		"      destination: {server: '{{server}}', namespace: '{{metadata.labels.team}}'}\n"
	tree["fleet/app.yaml"] = applicationObject("one", argoSource("guestbook", "")+"  destination: {name: blue}\n")
	tree["clusters/a/cluster.yaml"], tree["clusters/b/cluster.yaml"] = "labels: {env: production, team: x}\n", "labels: {env: staging}\nargocd: {name: blue}\n"
	tree["clusters/a/self.yaml"] = applicationObject("self", argoSource("clusters/a", ""))
	tree["clusters/b/self.yaml"] = applicationObject("self", argoSource("clusters/b", ""))
	r := newRig(t, tree)
	r.join("a", "b")
	a := r.await("a", "published", func(b protocol.Bundle) bool { return appOf(b, "a-guestbook") != nil })
	if app := appOf(a, "a-guestbook"); app.Namespace != "x" || appOf(a, "one") != nil {
		t.Errorf("a has %+v", a.Apps)
	}
	b := r.await("b", "published", func(b protocol.Bundle) bool { return appOf(b, "one") != nil })
	if len(b.Apps) != 1 {
		t.Errorf("b has %+v", b.Apps)
	}
	r.push("labelled", map[string]string{"clusters/b/cluster.yaml": "labels: {env: production, team: y}\nargocd: {name: blue}\n"})
	b = r.await("b", "labelled", func(b protocol.Bundle) bool { return appOf(b, "blue-guestbook") != nil })
	if app := appOf(b, "blue-guestbook"); app.Namespace != "y" {
		t.Errorf("b has %+v", b.Apps)
	}
	if a, _ := r.bundle("a"); a.Generation != 1 {
		t.Errorf("a is at generation %d, although nothing of it changed", a.Generation)
	}
}
