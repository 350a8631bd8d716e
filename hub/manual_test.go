package hub_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// syncedByHand are clusters with an Application of a folder that is synced by hand, and one that is not.
func syncedByHand(clusters ...string) map[string]string {
	files := map[string]string{"apps/web/config.yaml": configMap("web", "1"), "apps/auto/config.yaml": configMap("auto", "1")}
	for _, name := range clusters {
		files["clusters/"+name+"/web.yaml"] = applicationObject("web", argoSource("apps/web", "")+"  syncPolicy: {syncOptions: [CreateNamespace=true]}\n")
		files["clusters/"+name+"/auto.yaml"] = applicationObject("auto", argoSource("apps/auto", ""))
	}
	return files
}

func newManual(t *testing.T, files map[string]string, clusters ...string) *rig {
	t.Helper()
	r := newRigAs(t, nil, []string{argoRepository}, files)
	r.begin(clusters...)
	return r
}

// holding waits until so many holds are shown.
func (r *rig) holding(n int) []query.Hold {
	r.t.Helper()
	r.until("holds are shown", func() bool { return len(r.held()) == n })
	return r.held()
}

// has waits for a bundle in which an app has an object with a text.
func (r *rig) has(cluster, app, text string) protocol.Bundle {
	r.t.Helper()
	return r.await(cluster, app+" with "+text, func(b protocol.Bundle) bool {
		a := appOf(b, app)
		return a != nil && a.Blob != nil && strings.Contains(r.lines(cluster, b, app), text)
	})
}

func TestAnApplicationWithoutAutomatedWaitsForAPerson(t *testing.T) {
	t.Parallel()
	r := newManual(t, syncedByHand("a", "b"), "a", "b")
	b := r.has("a", "auto", `"value":"1"`)
	if web := appOf(b, "web"); web == nil || web.Blob != nil || web.Reason != protocol.ReasonReleaseHeld || web.Prune {
		t.Fatalf("before the first approval it is given %+v", web)
	}
	first := r.holding(1)[0]
	if first.Kind != protocol.HoldRelease || !slices.Equal(first.Clusters, []string{"a", "b"}) || !slices.Equal(bare(first.Apps), []string{"web"}) {
		t.Fatalf("held: %+v", first)
	}
	if got := r.shown(first.Text()); !strings.Contains(got, "the first content to app argocd/web in 2 clusters (a, b): 2 objects added") {
		t.Errorf("the hold says %q", got)
	}
	if row := r.row("a"); row.Health == protocol.HealthDegraded || string(row.Reason) != string(protocol.ReasonReleaseHeld) {
		t.Errorf("the row: %+v", row)
	}
	r.approve(first.ID)
	for _, name := range []string{"a", "b"} {
		r.acknowledge(name, r.has(name, "web", `"value":"1"`), nil)
	}
	// Newer content waits, in one line for all clusters. The other app goes on.
	files := map[string]string{"apps/web/config.yaml": configMap("web", "2") + "---\n" + configMap("more", "2"), "apps/auto/config.yaml": configMap("auto", "2")}
	r.push("newer", files)
	b = r.has("a", "auto", `"value":"2"`)
	if got := r.lines("a", b, "web"); !strings.Contains(got, `"value":"1"`) || strings.Contains(got, "more") || appOf(b, "web").Error != "" {
		t.Errorf("what runs is given as %s, %+v", got, appOf(b, "web"))
	}
	hold := r.holding(1)[0]
	if got := r.shown(hold.Text()); !strings.Contains(got, `"newer" gives newer content to app argocd/web in 2 clusters (a, b): 2 objects added, 2 objects changed`) {
		t.Errorf("the hold says %q", got)
	}
	// Another commit with the same content, and a restart, change nothing.
	r.push("unrelated", map[string]string{"apps/auto/config.yaml": configMap("auto", "3")})
	r.has("a", "auto", `"value":"3"`)
	r.restart(nil)
	if again := r.holding(1)[0]; again.ID != hold.ID || !again.Since.Equal(hold.Since) {
		t.Errorf("after a restart is held %+v", again)
	}
	// One cluster alone, by the id that is shown for it.
	parts := r.hub.State()
	c, _ := parts.Get("b")
	if len(c.Waiting) != 1 || c.Waiting[0].ID == hold.ID || !strings.Contains(c.Row().Message, "drover approve "+c.Waiting[0].ID) {
		t.Fatalf("of b alone is held %+v: %s", c.Waiting, c.Row().Message)
	}
	r.approve(c.Waiting[0].ID)
	r.acknowledge("b", r.has("b", "web", `"value":"2"`), nil)
	if only := r.holding(1)[0]; !slices.Equal(only.Clusters, []string{"a"}) {
		t.Errorf("then is held %+v", only)
	}
	if b, _ := r.bundle("a"); strings.Contains(r.lines("a", b, "web"), `"value":"2"`) {
		t.Error("the other cluster is given it, too")
	}
	// Newer content replaces what waits.
	r.push("newest", map[string]string{"apps/web/config.yaml": configMap("web", "3")})
	r.until("both wait for the newest", func() bool { h := r.held(); return len(h) == 1 && len(h[0].Clusters) == 2 })
	newest := r.held()[0]
	if _, err := r.hub.Approve(t.Context(), hold.ID); !errors.Is(err, hub.ErrNotHeld) {
		t.Errorf("the former id is approved: %v", err)
	}
	r.approve(newest.ID)
	r.acknowledge("a", r.has("a", "web", `"value":"3"`), nil)
	b = r.has("b", "web", `"value":"3"`)
	r.acknowledge("b", b, nil)
	r.restart(nil)
	if again, _ := r.bundle("b"); again.Generation != b.Generation || len(r.held()) != 0 {
		t.Errorf("a restart after the approval publishes generation %d after %d, and holds %+v", again.Generation, b.Generation, r.held())
	}
	// It is automated from now on.
	r.push("automated", map[string]string{"apps/web/config.yaml": configMap("web", "4"),
		"clusters/a/web.yaml": applicationObject("web", argoSource("apps/web", "")+"  syncPolicy: {automated: {}}\n")})
	r.has("a", "web", `"value":"4"`)
	if only := r.holding(1)[0]; !slices.Equal(only.Clusters, []string{"b"}) {
		t.Errorf("of the other cluster is held %+v", only)
	}
	// And one that leaves Git is not held: its objects stay, as its declaration would in Argo CD, or go as it says.
	r.push("gone", map[string]string{"clusters/b/web.yaml": ""})
	r.await("b", "without it", func(b protocol.Bundle) bool { return appOf(b, "web") == nil })
	r.holding(0)
}

func TestWhatCountsAsAutomated(t *testing.T) {
	t.Parallel()
	for policy, manual := range map[string]bool{"": true, "{automated: {}}": false, "{automated: {enabled: false, prune: true}}": true,
		"{automated: {enabled: true}}": false, "{automated: null}": true, "{syncOptions: [CreateNamespace=true]}": true} {
		spec := "  syncPolicy: " + policy + "\n"
		b := newArgoScene(t, guestbook+application("guestbook", argoSource("guestbook", "")+spec))
		res := b.resolve("staging")
		for _, a := range res.Apps {
			if a.App.Name == "guestbook" && (a.App.Manual != "") != manual {
				t.Errorf("syncPolicy %q: released by %q", policy, a.App.Manual)
			}
		}
		if got := b.summary(res); strings.Contains(got, "wait for `drover approve`") != manual {
			t.Errorf("syncPolicy %q: %s", policy, got)
		}
	}
}

// The Applications of an ApplicationSet are one hold, whatever their names.
func TestAnApplicationSetIsOneHold(t *testing.T) {
	t.Parallel()
	set := strings.NewReplacer("https://git.example.com/fleet.git", argoRepository, "destination: {name: b, namespace: default}",
		"destination: {name: '{{name}}', namespace: default}", "list: {elements: [{app: one}]}", "clusters: {}", "apps/{{app}}", "apps/one",
		"made-{{app}}", "made-{{name}}", "      syncPolicy: {automated: {prune: true}}\n", "").Replace(setOfApps)
	files := map[string]string{"fleet/set.yaml": set, "apps/one/config.yaml": configMap("one", "1")}
	for _, name := range []string{"a", "b"} {
		files["clusters/"+name+"/config.yaml"] = configMap("own", "1")
	}
	r := newManual(t, files, "a", "b")
	hold := r.holding(1)[0]
	if hold.Group != "ApplicationSet argocd/set" || !slices.Equal(bare(hold.Apps), []string{"made-a", "made-b"}) || len(hold.Clusters) != 2 {
		t.Fatalf("held: %+v", hold)
	}
	r.approve(hold.ID)
	r.has("a", "made-a", `"value":"1"`)
	r.has("b", "made-b", `"value":"1"`)
	r.holding(0)
}

// One flag delivers all the same, as before.
func TestUnautomatedApplicationsCanBeDelivered(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, nil, []string{argoRepository}, syncedByHand("a"), func(r *rig) { r.unautomated = true })
	r.begin("a")
	r.has("a", "web", `"value":"1"`)
	r.push("newer", map[string]string{"apps/web/config.yaml": configMap("web", "2")})
	b := r.has("a", "web", `"value":"2"`)
	if web := appOf(b, "web"); web.Prune || !web.KeepDrift || len(r.held()) > 0 {
		t.Errorf("it is given %+v; held %+v", web, r.held())
	}
	// Without the flag what runs stays, and what is newer waits.
	r.unautomated = false
	r.restart(nil)
	r.push("held", map[string]string{"apps/web/config.yaml": configMap("web", "3"), "apps/auto/config.yaml": configMap("auto", "3")})
	b = r.has("a", "auto", `"value":"3"`)
	if got := r.lines("a", b, "web"); !strings.Contains(got, `"value":"2"`) {
		t.Errorf("what runs is given as %s", got)
	}
	r.holding(1)
	// And with it again what waited is delivered.
	r.unautomated = true
	r.restart(nil)
	r.has("a", "web", `"value":"3"`)
	r.holding(0)
}

// Apps that others depend on are what was released of them; what an app of apps declares is its content.
func TestAnAppOfAppsThatIsSyncedByHand(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"clusters/a/apps.yaml": applicationObject("apps", argoSource("apps/all", "")+"  syncPolicy: {}\n"),
		"apps/all/one.yaml":    applicationObject("one", argoSource("apps/one", "")),
		"apps/one/config.yaml": configMap("one", "1"), "apps/two/config.yaml": configMap("two", "1"),
	}
	r := newManual(t, files, "a")
	b, _ := r.bundle("a")
	if one := appOf(b, "one"); one == nil || one.Blob != nil || one.Reason != protocol.ReasonReleaseHeld {
		t.Fatalf("what it declares is given as %+v", one)
	}
	if hold := r.onlyHold(); !slices.Equal(bare(hold.Apps), []string{"apps"}) || !slices.Equal(bare(hold.With), []string{"one"}) {
		t.Fatalf("held: %+v", hold)
	}
	r.approve(r.onlyHold().ID)
	r.acknowledge("a", r.has("a", "one", `"value":"1"`), nil)
	// What is declared goes on by itself.
	r.push("one", map[string]string{"apps/one/config.yaml": configMap("one", "2")})
	r.acknowledge("a", r.has("a", "one", `"value":"2"`), nil)
	r.holding(0)
	// Another declaration waits, and so does the end of one: nothing is deleted for it.
	r.push("other declarations", map[string]string{"apps/all/one.yaml": "", "apps/all/two.yaml": applicationObject("two", argoSource("apps/two", "")),
		"apps/all/note.yaml": configMap("note", "1")})
	hold := r.holding(1)[0]
	b, _ = r.bundle("a")
	if two := appOf(b, "two"); !strings.Contains(r.lines("a", b, "one"), `"value":"2"`) || two == nil || two.Blob != nil {
		t.Errorf("while it waits is given %+v", b.Apps)
	}
	if got := r.shown(strings.Join(hold.Objects, ", ")); !strings.Contains(got, "+ app argocd/two") || !strings.Contains(got, "- app argocd/one") {
		t.Errorf("held: %s", got)
	}
	r.approve(hold.ID)
	b = r.has("a", "two", `"value":"1"`)
	if appOf(b, "one") != nil {
		t.Errorf("after the approval is given %v", slices.Collect(maps.Keys(map[string]bool{"one": true})))
	}
}

// bare are keys of apps as the names that they are made of.
func bare(keys []string) []string {
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i], _ = identity.Bare(key)
	}
	return out
}
