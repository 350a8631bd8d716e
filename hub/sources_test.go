package hub_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// kept are the folders with what was fetched of sources.
func (r *rig) kept() []os.DirEntry {
	entries, _ := os.ReadDir(filepath.Join(r.data, "sources"))
	return entries
}

func rendered(app string) func(protocol.Bundle) bool {
	return func(b protocol.Bundle) bool {
		a := appOf(b, app)
		return a != nil && a.Error == "" && a.Blob != nil
	}
}

func failing(app, text string) func(protocol.Bundle) bool {
	return func(b protocol.Bundle) bool {
		a := appOf(b, app)
		return a != nil && strings.Contains(a.Error, text)
	}
}

// TestASourceThatIsAwayStopsOnlyWhatUsesIt: and what uses it follows it when it comes, and when it moves.
func TestASourceThatIsAwayStopsOnlyWhatUsesIt(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	url := e.push("shop.git", "", map[string]string{"deploy/shop.yaml": configMap("shop", "one")})
	e.away.Store(true)
	files := twoClusters()
	source := "  source: {interval: 1h, git: {url: " + url + "}}\n"
	files["clusters/a/shop.yaml"] = app("shop", "deploy", source)
	files["clusters/b/shop.yaml"] = app("shop", "deploy", source)
	r := newRigWith(t, e, files)
	r.join("a", "b")
	b := r.await("a", "the app says why it waits", failing("shop", "503"))
	if got := r.lines("a", b, "web"); !strings.Contains(got, "a-web") {
		t.Errorf("beside it: %s", got)
	}
	if got := appOf(b, "shop"); !strings.Contains(got.Error, "clusters/a/shop.yaml: read repository "+url) || got.Blob != nil {
		t.Errorf("the app says %q", got.Error)
	}
	if s := r.hub.State().Source().Sources; len(s) != 1 || s[0].Source != url || s[0].Revision != "" || s[0].Error == "" || s[0].Since.IsZero() {
		t.Errorf("the state says %+v", s)
	}

	e.away.Store(false)
	r.sources.Poke()
	for _, cluster := range []string{"a", "b"} {
		b = r.await(cluster, "the source is here", rendered("shop"))
		if got := r.lines(cluster, b, "shop"); !strings.Contains(got, `"value":"one"`) {
			t.Errorf("shop of %s = %s", cluster, got)
		}
	}
	if n := len(r.kept()); n != 1 {
		t.Errorf("one source of two clusters is kept %d times", n)
	}

	e.push("shop.git", "", map[string]string{"deploy/shop.yaml": configMap("shop", "two")})
	r.sources.Poke()
	before := b.Generation
	b = r.await("b", "the source moved", func(b protocol.Bundle) bool { return b.Generation > before })
	if got := r.lines("b", b, "shop"); !strings.Contains(got, `"value":"two"`) || appOf(b, "web").Revision != r.hub.State().Source().Revision.Hash {
		t.Errorf("shop of b = %s", got)
	}
	if s := r.hub.State().Source().Sources; len(s) != 1 || len(s[0].Revision) != 40 || s[0].Error != "" {
		t.Errorf("the state says %+v", s)
	}

	e.away.Store(true)
	r.restart(nil)
	r.until("the restarted hub cannot fetch", func() bool {
		s := r.hub.State().Source().Sources
		return len(s) == 1 && s[0].Error != ""
	})
	if again, _ := r.bundle("b"); again.Generation != b.Generation || appOf(again, "shop").Error != "" {
		t.Errorf("a hub that started while the source is away publishes %+v", again)
	}
	r.push("change beside", map[string]string{"clusters/b/shop.yaml": app("shop", "deploy", source+"  namePrefix: x-\n")})
	b = r.await("b", "it goes on with what it has", func(n protocol.Bundle) bool { return n.Generation > b.Generation })
	if got := r.lines("b", b, "shop"); !strings.Contains(got, `"name":"x-shop"`) {
		t.Errorf("shop of b = %s", got)
	}

	r.push("not needed any more", map[string]string{"clusters/a/shop.yaml": "", "clusters/b/shop.yaml": ""})
	r.until("what was kept of it goes", func() bool { return len(r.kept()) == 0 && len(r.hub.State().Source().Sources) == 0 })
}

// TestACredentialIsFoundWhenItComes: nothing of it is told, and it goes nowhere else.
func TestACredentialIsFoundWhenItComes(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	url := e.push("shop.git", "", map[string]string{"shop.yaml": configMap("shop", "one")})
	e.token.Store("hunter2")
	stranger := newElsewhere(t)
	stranger.token.Store("hunter2")
	stolen := stranger.push("shop.git", "", nil)
	files := twoClusters()
	files["clusters/a/shop.yaml"] = app("shop", ".", "  source: {credentials: shop, git: {url: "+url+"}}\n")
	files["clusters/a/theft.yaml"] = app("theft", ".", "  source: {credentials: shop, git: {url: "+stolen+"}}\n")
	r := newRigWith(t, e, files)
	r.join("a")
	r.await("a", "the missing credential is named", failing("shop", "put a file shop.yaml with urls: ["+url+"]"))
	e.credential("shop", "wrong-password")
	r.sources.Poke()
	b := r.await("a", "the wrong credential is named", failing("shop", "the login was refused"))
	if strings.Contains(appOf(b, "shop").Error, "wrong-password") {
		t.Errorf("the password is told: %s", appOf(b, "shop").Error)
	}
	e.credential("shop", "hunter2")
	r.sources.Poke()
	b = r.await("a", "the right credential", rendered("shop"))
	if got := r.lines("a", b, "shop"); !strings.Contains(got, `"value":"one"`) {
		t.Errorf("shop = %s", got)
	}
	r.await("a", "it is kept from another server", failing("theft", `asks for the credential "shop", which is not for this address`))
	if n := stranger.requests.Load(); n != 0 {
		t.Errorf("the other server was asked %d times", n)
	}
}

// TestWhatMovesWithoutACommitIsDelivered: a new version of a chart within its range, and a tag that is pushed again.
func TestWhatMovesWithoutACommitIsDelivered(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	e.publish("web", "1.0.0", webChartFiles("one"))
	stable := e.artifact("manifests/shop", "stable", map[string]string{"shop.yaml": configMap("shop", "one")})
	files := twoClusters()
	files["clusters/a/chart.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: chart}\nspec: {helm: {repo: " + e.URL + ", chart: web, version: 1.x}}\n"
	files["clusters/a/shop.yaml"] = app("shop", ".", "  source: {oci: {url: "+stable+", tag: stable, insecure: true}}\n")
	r := newRigWith(t, e, files)
	r.join("a")
	shows := func(name, text string) func(protocol.Bundle) bool {
		return func(b protocol.Bundle) bool {
			return rendered(name)(b) && strings.Contains(r.lines("a", b, name), text)
		}
	}
	r.await("a", "the chart", shows("chart", `"version":"one"`))
	b := r.await("a", "the artifact", shows("shop", `"value":"one"`))

	e.publish("web", "1.1.0", webChartFiles("two"))
	e.publish("web", "2.0.0", webChartFiles("three"))
	e.artifact("manifests/shop", "stable", map[string]string{"shop.yaml": configMap("shop", "two")})
	r.sources.Poke()
	r.await("a", "the newer chart", shows("chart", `"version":"two"`))
	after := r.await("a", "the newer artifact", shows("shop", `"value":"two"`))
	if appOf(after, "web").Revision != appOf(b, "web").Revision || r.hub.State().Source().Revision.Subject != "first" {
		t.Errorf("more than what moved is new: %+v", after)
	}

	e.away.Store(true)
	r.restart(nil)
	r.until("the restarted hub cannot fetch", func() bool {
		n := 0
		for _, s := range r.hub.State().Source().Sources {
			if s.Error != "" && s.Revision != "" {
				n++
			}
		}
		return n == 2
	})
	if again, _ := r.bundle("a"); again.Generation != after.Generation {
		t.Errorf("a hub that started while the sources are away publishes generation %d after %d", again.Generation, after.Generation)
	}
}
