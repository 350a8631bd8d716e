package hub_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// serve has the server give a file over HTTP.
func (e *elsewhere) serve(name, text string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.charts[name] = []byte(text)
	return e.URL + "/" + name
}

// remoteShop is a repository with a base that has relative paths in its own tree and a base in another repository, and a
// component.
func remoteShop(e *elsewhere, tag, value string) string {
	other := e.push("other.git", "", map[string]string{"sub/kustomization.yaml": "resources: [cm.yaml]\n", "sub/cm.yaml": configMap("other", value)})
	return e.push("shop.git", tag, map[string]string{
		"base/kustomization.yaml":   "resources: [../common, '" + other + "//sub?ref=main']\nnamePrefix: remote-\n",
		"common/kustomization.yaml": "resources: [cm.yaml]\n", "common/cm.yaml": configMap("shop", value),
		"component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {by: component}}]\n",
	})
}

func labelled(name, value string) string {
	return `{"apiVersion":"v1","data":{"value":"` + value + `"},"kind":"ConfigMap","metadata":{"labels":{"by":"component"},"name":"` + name + `","namespace":"web"}}`
}

// TestRemoteBasesAreFetchedForEveryDialect: bases, components and files, and for the folders that clusters read.
func TestRemoteBasesAreFetchedForEveryDialect(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	shop := remoteShop(e, "v1.0.0", "one")
	file := e.serve("v1.0.0/file.yaml", configMap("file", "f"))
	overlay := "resources: ['" + shop + "//base?ref=v1.0.0', '" + file + "']\ncomponents: ['" + shop + "//component?ref=v1.0.0']\n"
	inApp := "-- apps/shop/overlay/kustomization.yaml --\n" + overlay + "-- apps/shop/kustomization.yaml --\nresources: [overlay]\n"
	elsewhereToo := e.push("apps.git", "", map[string]string{"shop/kustomization.yaml": overlay})
	for _, c := range []struct{ name, tree string }{
		{"App", inApp + "-- clusters/staging/shop.yaml --\n" + app("shop", "apps/shop", "")},
		{"Kustomization", inApp + kustomization("shop", "  path: ./apps/shop\n")},
		{"Kustomization, of what its rules leave", inApp + kustomization("shop", "  path: ./apps/shop\n") + "-- .sourceignore --\n/*\n!/apps\n"},
		{"Kustomization of another repository", of("GitRepository", "apps", kustomization("shop", "  path: ./shop\n")) +
			fluxSource("GitRepository", "apps", "  url: "+elsewhereToo+"\n  ref: {branch: main}\n")},
		{"Application", inApp + `
-- clusters/staging/shop.yaml --
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  project: default
  source: {repoURL: ` + argoRepository + `, path: apps/shop, targetRevision: HEAD}
  destination: {server: https://kubernetes.default.svc, namespace: default}
  syncPolicy: {automated: {prune: true}}
`},
		{"the folder of the cluster", "-- clusters/staging/kustomization.yaml --\n" + overlay},
		{"a folder in it", "-- clusters/staging/own.yaml --\n" + configMap("own", "x") + "-- clusters/staging/shop/kustomization.yaml --\n" + overlay},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := foreignScene(t, e, c.tree)
			b.with(func(cfg *resolve.Config) {
				cfg.Repository = append(cfg.Repository, argoRepository)
				cfg.Renderer = &helm.Inflater{Builder: builds(), Charts: charts(t)} // in processes, as the hub builds
			})
			res := b.resolve("staging")
			all := b.summary(res)
			for _, want := range []string{labelled("remote-shop", "one"), labelled("remote-other", "one"), labelled("file", "f")} {
				if !strings.Contains(all, want) {
					t.Errorf("got:\n%s\nwant:\n%s", all, want)
				}
			}
			sources := slices.DeleteFunc(slices.Clone(res.Places()), func(place string) bool { return !strings.HasPrefix(place, "\x00") })
			if len(sources) < 3 {
				t.Errorf("it depends on %d sources", len(sources))
			}
		})
	}
}

// TestAppsForManyClustersBehindRemoteBases are read as well.
func TestAppsForManyClustersBehindRemoteBases(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	declares := e.push("apps.git", "v1", map[string]string{"all/kustomization.yaml": "resources: [web.yaml]\n",
		"all/web.yaml": "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: {clusterSelector: {}, path: ./apps/web}\n"})
	b := foreignScene(t, e, "-- fleet/made/kustomization.yaml --\nresources: ['"+declares+"//all?ref=v1']\n-- apps/web/web.yaml --\n"+configMap("web", "x")+
		"-- clusters/staging/own.yaml --\n"+configMap("own", "x"))
	if all := b.summary(b.resolve("staging")); !strings.Contains(all, `"name":"web"`) {
		t.Errorf("got:\n%s", all)
	}
	e.away.Store(true)
	b = foreignScene(t, e, "-- fleet/made/kustomization.yaml --\nresources: ['"+declares+"//all?ref=v1']\n-- clusters/staging/own.yaml --\n"+configMap("own", "x"))
	if res := b.resolve("staging"); !strings.Contains(res.Doubt, "fleet/made/kustomization.yaml:1: resources[0]") || !strings.Contains(res.Doubt, "503") {
		t.Errorf("what cannot be fetched is taken for gone: %q", res.Doubt)
	}
}

// TestRemoteBasesCanBeTurnedOff, which is said with the option.
func TestRemoteBasesCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	shop := remoteShop(e, "v1.0.0", "one")
	before := e.requests.Load()
	b := foreignScene(t, e, "-- apps/shop/kustomization.yaml --\nresources: ['"+shop+"//base?ref=v1.0.0']\n-- clusters/staging/shop.yaml --\n"+app("shop", "apps/shop", "")+
		"-- clusters/staging/folder/kustomization.yaml --\nresources: ['"+shop+"//base?ref=v1.0.0']\n")
	b.with(func(cfg *resolve.Config) { cfg.NoRemoteBases = true })
	all := b.summary(b.resolve("staging"))
	for _, want := range []string{"apps/shop/kustomization.yaml:1: resources[0]", "clusters/staging/folder/kustomization.yaml:1: resources[0]", "--no-remote-bases"} {
		if !strings.Contains(all, want) {
			t.Errorf("got:\n%s\nwant:\n%s", all, want)
		}
	}
	if e.requests.Load() != before {
		t.Error("the server was asked")
	}
}

// TestWhatIsNotPinnedIsNoted, and what is pinned, tagged or followed is not.
func TestWhatIsNotPinnedIsNoted(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	shop := remoteShop(e, "v1.0.0", "one")
	b := foreignScene(t, e, "-- apps/shop/kustomization.yaml --\nresources:\n- ../tagged\n- ../open\n- ../file\n-- apps/tagged/kustomization.yaml --\nresources: ['"+shop+"//base?ref=v1.0.0']\nnamePrefix: a-\n"+
		"-- apps/open/kustomization.yaml --\nresources: ['"+shop+"//base']\n-- apps/file/kustomization.yaml --\nresources: ['"+e.serve("file.yaml", configMap("file", "x"))+"']\n"+
		"-- clusters/staging/shop.yaml --\n"+app("shop", "apps/shop", "")+
		"-- clusters/staging/kustomization.yaml --\nresources: [shop.yaml, '"+shop+"//common']\n")
	res := b.resolve("staging")
	var notes []string
	for _, n := range res.Notes() {
		notes = append(notes, n.String())
	}
	all := strings.Join(notes, "\n")
	for _, want := range []string{"apps/open/kustomization.yaml:1", "apps/file/kustomization.yaml:1", "clusters/staging/kustomization.yaml:1", "add ?ref=", "names no version"} {
		if !strings.Contains(all, want) {
			t.Errorf("got:\n%s\nwant: %s", all, want)
		}
	}
	if len(notes) != 3 {
		t.Errorf("%d notes:\n%s\n%s", len(notes), all, b.summary(res))
	}
}

// TestRemoteBasesAreFollowed: those at a tag or a branch move the app that names them; while they are away the app keeps
// its last state, and nothing of the cluster is taken for gone.
func TestRemoteBasesAreFollowed(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	shop := remoteShop(e, "v1.0.0", "one")
	e.away.Store(true)
	files := twoClusters()
	files["apps/shop/kustomization.yaml"] = "resources: ['" + shop + "//base?ref=v1.0.0']\n"
	files["clusters/a/shop.yaml"], files["clusters/b/shop.yaml"] = app("shop", "apps/shop", ""), app("shop", "apps/shop", "")
	files["clusters/b/kustomization.yaml"] = "resources: [apps.yaml, shop.yaml, '" + shop + "//common?ref=main']\n"
	r := newRigWith(t, e, files)
	r.join("a", "b")
	has := func(cluster, app, text string) func(protocol.Bundle) bool {
		return func(b protocol.Bundle) bool {
			return rendered(app)(b) && strings.Contains(r.lines(cluster, b, app), text)
		}
	}
	b := r.await("a", "the app says why it waits", failing("shop", "503"))
	if got := r.lines("a", b, "web"); !strings.Contains(got, "a-web") {
		t.Errorf("beside it: %s", got)
	}
	if a := appOf(b, "shop"); !strings.Contains(a.Error, "apps/shop/kustomization.yaml:1: resources[0]") {
		t.Errorf("it is not said who names it: %s", a.Error)
	}
	e.away.Store(false)
	r.sources.Poke()
	r.await("a", "the base is here", has("a", "shop", `"value":"one"`))
	r.await("b", "the base of the folder is here", has("b", "root", `"value":"one"`))
	r.await("b", "the app of the folder is here", has("b", "shop", `"value":"one"`))

	remoteShop(e, "", "two")
	r.sources.Poke()
	r.await("b", "the branch moved", has("b", "root", `"value":"two"`))
	b = r.await("a", "the base of the base moved, the tag did not", func(b protocol.Bundle) bool {
		return has("a", "shop", `"value":"two"`)(b) && has("a", "shop", `"value":"one"`)(b)
	})
	e.away.Store(true)
	r.restart(nil)
	r.until("the restarted hub cannot fetch", func() bool {
		sources := r.hub.State().Source().Sources
		return len(sources) == 3 && !slices.ContainsFunc(sources, func(s fetch.SourceState) bool { return s.Error == "" || s.Revision == "" })
	})
	if again, _ := r.bundle("a"); again.Generation != b.Generation || appOf(again, "shop").Error != "" {
		t.Errorf("a hub that started while the base is away publishes %+v", again)
	}
	r.push("a base that is not there", map[string]string{"clusters/b/kustomization.yaml": "resources: [apps.yaml, shop.yaml, '" + e.URL + "/git/gone.git//x?ref=main']\n"})
	b = r.await("b", "what is wrong is said", failing("root", "503"))
	if b.Incomplete == "" || appOf(b, "root").Blob == nil || appOf(b, "shop") == nil || appOf(b, "web") == nil {
		t.Errorf("what cannot be fetched is taken for gone: %+v", b)
	}
	e.away.Store(false)
	r.push("not needed any more", map[string]string{"clusters/a/shop.yaml": "", "clusters/b/shop.yaml": "", "clusters/b/kustomization.yaml": "resources: [apps.yaml]\n"})
	r.until("what was kept of it goes", func() bool { return len(r.kept()) == 0 && len(r.hub.State().Source().Sources) == 0 })
}
