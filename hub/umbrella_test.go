package hub_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// umbrella is a folder with a chart whose dependency is published elsewhere.
func umbrella(e *elsewhere, version string) map[string]string {
	return map[string]string{
		"charts/umbrella/Chart.yaml": "apiVersion: v2\nname: umbrella\nversion: 0.0.0\ndependencies:\n" +
			"- {name: web, version: " + version + ", repository: '" + e.URL + "', alias: front}\n",
		"charts/umbrella/values.yaml": "front: {replicas: 3, region: eu}\n",
		"charts/umbrella/.helmignore": "config.yaml\n",
	}
}

const umbrellaLock = "charts/umbrella/Chart.lock"

// TestDependenciesOfAChartAreFollowed: those that are not in charts/ are sources of the app, which follows them, keeps
// its last state while they are away, and releases them with the app.
func TestDependenciesOfAChartAreFollowed(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	e.publish("web", "1.0.0", webChartFiles("one"))
	e.away.Store(true)
	files := twoClusters()
	for name, text := range umbrella(e, "1.x") {
		files[name] = text
	}
	declared := "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: front}\nspec: {helm: {path: charts/umbrella, skipCRDs: true}}\n"
	files["clusters/a/front.yaml"], files["clusters/b/front.yaml"] = declared, declared
	r := newRigWith(t, e, files)
	r.join("a", "b")
	shows := func(name, text string) func(protocol.Bundle) bool {
		return func(b protocol.Bundle) bool { return rendered(name)(b) && r.lines("a", b, name) == text+"\n" }
	}
	b := r.await("a", "the app says why it waits", failing("front", "503"))
	if got := r.lines("a", b, "web"); !strings.Contains(got, "a-web") {
		t.Errorf("beside it: %s", got)
	}
	e.away.Store(false)
	r.sources.Poke()
	r.await("a", "the dependency is here", shows("front", webConfig("front", "3", "eu", "one")))
	r.await("b", "the dependency is here", rendered("front"))
	if n := len(r.kept()); n != 1 {
		t.Errorf("one dependency of two clusters is kept %d times", n)
	}

	e.publish("web", "1.1.0", webChartFiles("two"))
	e.publish("web", "2.0.0", webChartFiles("three"))
	r.sources.Poke()
	b = r.await("a", "a newer version within the range", shows("front", webConfig("front", "3", "eu", "two")))

	e.away.Store(true)
	r.restart(nil)
	r.until("the restarted hub cannot fetch", func() bool {
		s := r.hub.State().Source().Sources
		return len(s) == 1 && s[0].Error != "" && s[0].Revision != ""
	})
	if again, _ := r.bundle("a"); again.Generation != b.Generation || appOf(again, "front").Error != "" {
		t.Errorf("a hub that started while the dependency is away publishes %+v", again)
	}
	r.push("other values", map[string]string{"charts/umbrella/values.yaml": "front: {replicas: 4, region: us}\n"})
	r.await("a", "it goes on with what it has", shows("front", webConfig("front", "4", "us", "two")))
	e.away.Store(false)

	r.push("a lock", map[string]string{umbrellaLock: "dependencies:\n- {name: web, version: 1.0.0, repository: '" + e.URL + "'}\n"})
	r.await("a", "the locked version", shows("front", webConfig("front", "4", "us", "one")))
	r.push("a version that is not published", map[string]string{"charts/umbrella/Chart.yaml": umbrella(e, "7.x")["charts/umbrella/Chart.yaml"], umbrellaLock: ""})
	b = r.await("a", "what is wrong is said", failing("front", "7.x"))
	if a := appOf(b, "front"); a.Blob == nil || !strings.Contains(r.lines("a", b, "front"), `"version":"one"`) {
		t.Errorf("the last good state is not kept: %+v", a)
	}
	r.push("not needed any more", map[string]string{"clusters/a/front.yaml": "", "clusters/b/front.yaml": ""})
	r.until("what was kept of it goes", func() bool { return len(r.kept()) == 0 && len(r.hub.State().Source().Sources) == 0 })
}

// TestDependenciesAreFetchedForEveryDialect: conditions, tags, aliases and import-values, and what local charts lack.
func TestDependenciesAreFetchedForEveryDialect(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		e.publish("web", version, map[string]string{
			"values.yaml":           "replicas: 1\nout: {zone: z1}\n",
			"templates/config.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Chart.Name }}-{{ .Chart.Version }}'}, data: {replicas: '{{ .Values.replicas }}'}}\n",
		})
	}
	at := ", repository: '" + e.URL + "', "
	chart := `
-- charts/front/Chart.yaml --
apiVersion: v2
name: front
version: 0.0.0
dependencies:
- {name: web, version: 1.x` + at + `alias: controller, condition: controller.enabled, import-values: [{child: out, parent: taken}]}
- {name: web, version: 1.x` + at + `alias: spare, condition: spare.enabled}
- {name: web, version: 1.0.0` + at + `alias: old, tags: [old]}
- {name: web, version: 1.0.0` + at + `alias: fixed}
- {name: common, version: 0.x, repository: 'file://../common'}
-- charts/front/values.yaml --
controller: {replicas: 2}
spare: {enabled: false}
tags: {old: false}
-- charts/front/templates/zone.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: zone}, data: {zone: "{{ .Values.taken.zone }}"}}
-- charts/common/Chart.yaml --
apiVersion: v2
name: common
version: 0.1.0
dependencies:
- {name: web, version: ~1.0.0` + at + `alias: inner}
`
	config := func(name, data string) string {
		return `  {"apiVersion":"v1","data":{` + data + `},"kind":"ConfigMap","metadata":{"name":"` + name + "\"}}\n"
	}
	want := config("fixed-1.0.0", `"replicas":"1"`) + config("inner-1.0.0", `"replicas":"1"`) + config("controller-1.1.0", `"replicas":"2"`) + config("zone", `"zone":"z1"`)
	for _, c := range []struct{ name, tree string }{
		{"App", chartApp("front", "  helm: {path: charts/front}\n")},
		{"Application", `
-- clusters/staging/front.yaml --
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: front, namespace: argocd}
spec:
  project: default
  source: {repoURL: ` + argoRepository + `, path: charts/front, targetRevision: HEAD}
  destination: {server: https://kubernetes.default.svc, namespace: default}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`},
		{"HelmRelease", helmRelease("front", "default",
			"  chart: {spec: {chart: ./charts/front, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}\n")},
		{"HelmRelease of another repository", helmRelease("front", "default",
			"  chart: {spec: {chart: ./charts/front, sourceRef: {kind: GitRepository, name: shop, namespace: flux-system}}}\n") +
			fluxSource("GitRepository", "shop", "  url: "+e.push("shop.git", "", files(chart))+"\n  ref: {branch: main}\n")},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := foreignScene(t, e, chart+c.tree)
			b.with(func(cfg *resolve.Config) { cfg.Repository = append(cfg.Repository, argoRepository) })
			all := b.summary(b.resolve("staging"))
			lines := slices.DeleteFunc(strings.SplitAfter(all, "\n"), func(line string) bool { return !strings.HasPrefix(line, "  {") })
			slices.Sort(lines)
			if got := strings.Join(lines, ""); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", all, want)
			}
		})
	}
}
