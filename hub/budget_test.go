package hub_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// meant is a message of a commit whose deletions are approved by it.
const meant = "the shop moves\n\nDrover-Deletions: approved (it has moved)"

// budgetFor is a policy that only bounds deletions.
func budgetFor(spec string) string {
	return "apiVersion: drover.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: budget}\nspec: {deletions: {" + spec +
		"}}\n"
}

// Where Git says that deletions are meant, nobody is asked; where a policy sets other limits, they hold.
func TestGitSaysWhichDeletionsAreMeant(t *testing.T) {
	t.Parallel()
	allowed := strings.Replace(app("web", "apps/web", ""), "spec:\n", "spec:\n  deletions: allowed\n", 1)
	with := func(spec string) map[string]string { return map[string]string{"fleet/budget.yaml": budgetFor(spec)} }
	few := map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 2)}
	for name, c := range map[string]struct {
		before  map[string]string
		message string
		change  map[string]string
		total   uint64 // that is permitted
		held    string
	}{
		"nothing does":       {nil, "less", few, 0, "web"},
		"the commit does":    {nil, meant, few, 18, ""},
		"the commit says no": {nil, "less\n\nDrover-Deletions: no", few, 0, "web"},
		"the App does":       {map[string]string{"clusters/a/web.yaml": allowed}, "less", few, 18, ""},
		"the App does, and is removed": {map[string]string{"clusters/a/web.yaml": allowed}, "less",
			map[string]string{"clusters/a/web.yaml": ""}, 20, ""},
		"a policy has commits not count": {with("approvableInGit: false"), meant, few, 0, "web"},
		"a policy is laxer":              {with("app: 100%, cluster: 100%"), "less", few, 18, ""},
		"a policy is stricter": {with("app: 1%, atLeast: 1"), "less",
			map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 19)}, 0, "web"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := guarded()
			for file, text := range c.before {
				files[file] = text
			}
			r := newRigWith(t, nil, files)
			r.join("a")
			before := r.await("a", "published", published)
			r.accept("a", before, appNames(before)...)
			r.until("it is heard", func() bool { return r.row("a").Synced })
			r.push(c.message, c.change)
			b := r.await("a", "the change", func(b protocol.Bundle) bool { return b.Generation > before.Generation })
			if got := b.Deletions.Permitted("web"); got != c.total {
				t.Errorf("%d deletions are permitted, want %d", got, c.total)
			}
			if got := strings.Join(heldApps(r.hub.State().Source().Held), " "); got != c.held {
				t.Errorf("held are %q, want %q", got, c.held)
			}
		})
	}
}

// The trailer of a commit travels with what it brings: it counts where a wave gets that, whatever came since.
func TestATrailerCountsInTheWaveThatGetsItsCommit(t *testing.T) {
	t.Parallel()
	files := inWaves(canaryFirst)
	for _, name := range []string{"a", "b"} {
		files["clusters/"+name+"/many.yaml"] = app("many", "apps/many", "")
	}
	files["apps/many/config.yaml"] = configMapsOf("many", 0, 20)
	r := newRigWith(t, nil, files)
	r.join("a", "b")
	r.gets("a", "one")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("b", "one")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("rest", "passed")
	total := func(n uint64) func(protocol.Bundle) bool {
		return func(b protocol.Bundle) bool { return b.Deletions.Permitted("many") == n }
	}
	r.push(meant, map[string]string{"apps/many/config.yaml": configMapsOf("many", 0, 3)})
	r.await("a", "its deletions", total(17))
	r.push("another commit says nothing", web("two"))
	if b, _ := r.bundle("b"); b.Deletions.Permitted("many") != 0 {
		t.Errorf("b may delete %d", b.Deletions.Permitted("many"))
	}
	r.tells("a", protocol.PhaseHealthy)
	r.await("b", "its deletions", total(17))
	r.tells("b", protocol.PhaseHealthy)
	r.gets("a", "two")
	if held := heldApps(r.hub.State().Source().Held); len(held) > 0 {
		t.Errorf("held are %q", held)
	}
}

// Folders of clusters that are removed by a commit which says so are released; with a policy that has it not count they
// are held.
func TestATrailerReleasesRemovedFolders(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]string{"released": "", "held": budgetFor("approvableInGit: false")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := twoClusters()
			files["clusters/c/settings.yaml"] = configMap("settings", "one")
			if policy != "" {
				files["fleet/budget.yaml"] = policy
			}
			r := newRigWith(t, nil, files)
			r.join("a", "b", "c")
			for _, cluster := range []string{"a", "b", "c"} {
				r.await(cluster, "published", published)
			}
			r.push(meant, map[string]string{"clusters/a": "", "clusters/b": ""})
			r.until("the folders are gone through", func() bool {
				released := r.row("a").State == query.StateReleased && r.row("b").State == query.StateReleased
				return len(r.hub.State().Source().Held) > 0 || released
			})
			held := r.hub.State().Source().Held
			clusters := func(h query.Hold) bool { return h.Kind == protocol.HoldClusters }
			if is := slices.ContainsFunc(held, clusters); is != (policy != "") {
				t.Errorf("held are %+v", held)
			}
		})
	}
}
