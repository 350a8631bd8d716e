package hub_test

import (
	"strings"
	"testing"
)

// TestWhatFluxSaysAboutApplyingReachesTheAgent: per field, what the agent is told.
func TestWhatFluxSaysAboutApplyingReachesTheAgent(t *testing.T) {
	t.Parallel()
	const web = "-- app/web.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {replicas: 2}\n"
	for _, c := range []struct{ name, spec, want string }{
		{"force", "  force: true\n", `handling {"recreate":true}`},
		{"ignore", "  ignore: [{paths: [/spec/replicas], target: {kind: Deployment, name: w.b}}, {paths: [/spec/paused]}]\n",
			`handling {"ignored":[{"object":{"group":"apps","kind":"Deployment","namespace":"shop","name":"web"},"paths":["/spec/replicas"]}]}`},
		{"health of others' objects, each once", "  healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: db, namespace: data}, {apiVersion: apps/v1, kind: Deployment, name: db, namespace: data}]\n",
			`handling {"checks":[{"group":"apps","kind":"Deployment","namespace":"data","name":"db"}]}`},
		{"objects are kept when the app leaves", "  deletionPolicy: Orphan\n", `handling {"orphan":true}`},
		{"a policy that nobody knows", "  deletionPolicy: Nuke\n", `spec.deletionPolicy: "Nuke" is not known`},
		{"a rule that cannot be used", "  ignore: [{paths: [/a], target: {kind: \"(\"}}]\n", `ERR clusters/staging/app.yaml: ignore rule 1: target.kind "(" is no regular expression`},
		{"a health check of nothing", "  healthChecks: [{apiVersion: v1, kind: Pod}]\n", "spec.healthChecks[0]: it is to have a kind and a name"},
		{"a health check of an app that is not there", "  healthChecks: [{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, name: x, namespace: y}]\n",
			"spec.healthChecks[0]: there is no app HelmRelease y/x in what the cluster's folder renders to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, bootstrap+web+kustomization("app", "  path: app\n"+c.spec))
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
	for _, c := range []struct{ name, spec string }{
		{"its own objects are judged anyway", "  healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: web, namespace: shop}]\n"},
		{"with wait, Flux looks at no health checks", "  wait: true\n  healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: db, namespace: data}]\n"},
		{"what prune says already", "  deletionPolicy: WaitForTermination\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, bootstrap+web+kustomization("app", "  path: app\n"+c.spec))
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, "app app of root\n  {") {
				t.Errorf("got:\n%s", got)
			}
		})
	}
	t.Run("what is never deleted is named", func(t *testing.T) {
		b := newScene(t, bootstrap+web+strings.Replace(kustomization("app", "  path: app\n  deletionPolicy: Delete\n"), "prune: true", "prune: false", 1))
		if got, want := b.summary(b.resolve("staging")), "spec.deletionPolicy: not done with prune: false"; !strings.Contains(got, want) {
			t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
		}
	})
}

// TestWhoDependsOnAnAppWaitsForWhatItWaitsFor: Flux' Kustomization is ready when the HelmReleases and
// Kustomizations are that its wait or its
// healthChecks name.
func TestWhoDependsOnAnAppWaitsForWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	inner := func(file, name, spec string) string {
		return strings.Replace(kustomization(name, spec), "-- clusters/staging/"+name+".yaml", "-- "+file, 1)
	}
	leaf := manifest("leaf/cm.yaml", "leaf", "{a: b}") + manifest("more/cm.yaml", "more", "{a: b}") + manifest("infra/cm.yaml", "infra", "{a: b}") + manifest("apps/cm.yaml", "apps", "{a: b}")
	apps := kustomization("apps", "  path: apps\n  dependsOn: [{name: infra}]\n")
	for _, c := range []struct{ name, tree, want string }{
		{"wait, at any depth", kustomization("infra", "  path: infra\n  wait: true\n") + inner("infra/mid.yaml", "mid", "  path: mid\n  wait: true\n") + inner("mid/leaf.yaml", "leaf", "  path: leaf\n") +
			manifest("mid/cm.yaml", "mid", "{a: b}"), "app apps of root after infra after mid after leaf\n"},
		{"no wait", kustomization("infra", "  path: infra\n") + inner("infra/leaf.yaml", "leaf", "  path: leaf\n"), "app apps of root after infra\n"},
		{"health checks", kustomization("infra", "  path: infra\n  healthChecks: [{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, name: leaf, namespace: flux-system}]\n") +
			inner("infra/leaf.yaml", "leaf", "  path: leaf\n") + inner("infra/more.yaml", "more", "  path: more\n"), "app apps of root after infra after leaf\n"},
		{"what is suspended is kept", kustomization("infra", "  path: infra\n  wait: true\n") + inner("infra/leaf.yaml", "leaf", "  path: leaf\n  suspend: true\n"), "app apps of root after infra\n"},
		{"an app that it declares and that depends on it waits for nobody twice", kustomization("infra", "  path: infra\n  wait: true\n") +
			inner("infra/leaf.yaml", "leaf", "  path: leaf\n  dependsOn: [{name: infra}]\n"), "app leaf of infra after infra\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, bootstrap+leaf+apps+c.tree)
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) || strings.Contains(got, "ERR") {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}

// TestWhatAHelmReleaseSaysAboutItsObjects: per field, what becomes of them.
func TestWhatAHelmReleaseSaysAboutItsObjects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, spec string
		want       []string
		not        string
	}{
		{"ignore and force", "  driftDetection: {ignore: [{paths: [/data/script]}]}\n  upgrade: {force: true}\n",
			[]string{`handling {"recreate":true,"ignored":[{"object":{"kind":"ConfigMap","name":"web"},"paths":["/data/script"]}]}`}, ""},
		{"drift is only told", "  driftDetection: {mode: warn}\n", []string{`handling {"keepDrift":true}`}, ""},
		{"drift is corrected", "  driftDetection: {mode: enabled}\n", nil, "handling"},
		{"a mode that nobody knows", "  driftDetection: {mode: off}\n", []string{`spec.driftDetection.mode: "off" is not known`}, ""},
		{"a namespace on request", "  install: {createNamespace: true}\n", []string{`handling {"createNamespace":{}}`}, ""},
		{"definitions that are created and left", "", []string{`"annotations":{"drover.dev/apply":"if-not-present","drover.dev/prune":"disabled"},"name":"widgets.example.com"`}, ""},
		{"definitions that are replaced", "  upgrade: {crds: CreateReplace}\n  install: {crds: Skip}\n", []string{`"annotations":{"drover.dev/prune":"disabled"},"name":"widgets.example.com"`}, "if-not-present"},
		{"no definitions", "  upgrade: {crds: Skip}\n  install: {skipCRDs: true}\n", nil, "widgets.example.com"},
		{"a policy that nobody knows", "  upgrade: {crds: Sometimes}\n", []string{`spec.upgrade.crds: "Sometimes" is not known`}, ""},
		{"post-renderers, one after the other", `  postRenderers:
  - kustomize:
      patches: [{patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {added: one}}"}]
  - kustomize:
      patches: [{target: {kind: Config.*}, patch: "- {op: replace, path: /data/added, value: two}"}]
`, []string{`"added":"two"`, `"script":"echo ${HOME} in team"`, "widgets.example.com"}, "helm-output"},
		{"a post-renderer that cannot be", "  postRenderers: [{kustomize: {patches: [{patch: \"{apiVersion: v1, kind: ConfigMap, metadata: {name: nope}}\"}]}}]\n", []string{"ERR", "post-renderer 1"}, ""},
		{"a value at a path", "  valuesFrom: [{kind: ConfigMap, name: values, valuesKey: region, targetPath: region}]\n", []string{`"region":"A,B"`}, ""},
		{"a value with a comma at a path", "  valuesFrom: [{kind: ConfigMap, name: values, valuesKey: comma, targetPath: region}]\n",
			[]string{`ConfigMap team/values`, `a value cannot be put at the path "region"`, "the value has a comma, a bracket or a backslash, which mean something there as in helm --set: " +
				"say literal: true beside targetPath"}, "x,y"},
		{"a literal value at a path", "  valuesFrom: [{kind: ConfigMap, name: values, valuesKey: region, targetPath: region, literal: true}]\n", []string{`"region":"A\\,B"`}, ""},
		{"its own value goes before one at a path", "  valuesFrom: [{kind: ConfigMap, name: values, valuesKey: region, targetPath: region}]\n  values: {region: own}\n", []string{`"region":"OWN"`}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := "-- clusters/staging/values.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: team}\ndata: {region: 'a\\,b', comma: 'x,y'}\n"
			b := newScene(t, bootstrap+webChart+values+helmRelease("web", "team", ofRepository+c.spec))
			got := b.summary(b.resolve("staging"))
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
				}
			}
			if c.not != "" && strings.Contains(strings.SplitAfter(got, "app team-web")[1], c.not) {
				t.Errorf("got:\n%s\nwith %q", got, c.not)
			}
		})
	}
}
