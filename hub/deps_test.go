package hub_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/internal/deptest"
)

const hubRoom = "github.com/drover-dev/drover/hub"

// inner are the packages of the hub that are no adapters.
var inner = []string{"model", "memtree", "fetch", "resolve", "release", "trail", "project", "glob", "claim", "trust", "confined",
	"cmplugin", "lane", "opaque", "unlock", "record", "rollouts", "serving", "epoch", "contents",
	"brake", "naming", "declared", "candidate", "batch", "difference", "people", "audit", "jsonpath", "roles",
	"rollouts/content", "rollouts/evidence", "rollouts/gate", "rollouts/journal",
	"rollouts/approval", "rollouts/shown", "rollouts/policies", "rollouts/earlier", "rollouts/entries", "rollouts/holder",
	"rollouts/unread", "rollouts/windows", "difference/unified", "difference/held"}

// packages lists what lies below hub, by path relative to it.
func packages(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "list", hubRoom+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for path := range strings.FieldsSeq(string(out)) {
		if name := strings.TrimPrefix(path, hubRoom+"/"); name != hubRoom {
			names = append(names, name)
		}
	}
	if len(names) < 8 {
		t.Fatalf("only %q lie below hub", names)
	}
	return names
}

// TestHubNeverLinksTheAgent: each side has to be upgradable, and small, without the other.
func TestHubNeverLinksTheAgent(t *testing.T) {
	t.Parallel()
	deptest.Ban(t, hubRoom+"/...", map[string]string{
		"github.com/drover-dev/drover/agent": "hub and agent know each other by protocol only",
	})
	deptest.Ban(t, hubRoom+"/cmd/...", map[string]string{
		"github.com/drover-dev/drover/test": "no program has tests in it; what serves tests alone, as git/gittest, may",
	})
}

// TestAdaptersNeverImportEachOther: each wraps one dependency, and they meet in cmd alone. An adapter that is added
// later is held to it too. manifest is text that goes with the hub, and may be used by any; so may what the parts of
// the hub share.
func TestAdaptersNeverImportEachOther(t *testing.T) {
	t.Parallel()
	var adapters []string
	for _, name := range packages(t) {
		if first, _, _ := strings.Cut(name, "/"); first != "cmd" && first != "manifest" && !slices.Contains(inner, first) {
			adapters = append(adapters, name)
		}
	}
	for _, a := range adapters {
		banned := map[string]string{hubRoom + "/cmd": "an adapter does not know who puts it to use"}
		for _, b := range adapters {
			of, _, _ := strings.Cut(a, "/")
			with, _, _ := strings.Cut(b, "/")
			if of != with { // the parts of one adapter may; for those of layout see TestDialectsDoNotKnowEachOther
				banned[hubRoom+"/"+b] = "hub's adapters never import each other; they meet in cmd"
			}
		}
		deptest.Ban(t, hubRoom+"/"+a, banned)
	}
}

// TestDialectsDoNotKnowEachOther: a dialect reads its tool's objects with what all share, and knows neither another one
// nor the planner. One that is added later is held to it too.
func TestDialectsDoNotKnowEachOther(t *testing.T) {
	t.Parallel()
	shared := map[string]bool{"layout/planning": true, "layout/document": true, "layout/cel": true, "layout/folders": true,
		"layout/rights": true}
	var below []string
	for _, name := range packages(t) {
		if strings.HasPrefix(name, "layout/") {
			below = append(below, name)
		}
	}
	if len(below) < 6 {
		t.Fatalf("only %q lie below hub/layout", below)
	}
	for _, a := range below {
		banned := map[string]string{}
		for _, b := range below {
			if dialectOf(a) != dialectOf(b) && !shared[b] {
				banned[hubRoom+"/"+b] = "dialects do not know each other; they meet in hub/layout"
			}
		}
		deptest.Ban(t, hubRoom+"/"+a, banned)
		notLinked(t, hubRoom+"/"+a, hubRoom+"/layout")
	}
}

// dialectOf is the package of a dialect, or of what dialects share, that a package is or is a part of.
func dialectOf(name string) string {
	parts := strings.Split(name, "/")
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

// notLinked fails if a package links another one; what lies below that does not count.
func notLinked(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", from).Output()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(strings.Fields(string(out)), to) {
		t.Errorf("%s links %s, which composes it", from, to)
	}
}

// TestTheHubsPartsKnowOnlyWhatTheyNeed: the loop is above resolve and fetch, which do not know each other, and all of
// them are above the nouns that they share.
func TestTheHubsPartsKnowOnlyWhatTheyNeed(t *testing.T) {
	t.Parallel()
	may := map[string][]string{"model": {"project", "trust"}, "trust": nil, "confined": {"model", "project"},
		"project": {"glob"},
		"glob":    nil, "cmplugin": {"glob"}, "memtree": {"model"}, "fetch": {"model"}, "claim": {"trust"}, "lane": nil,
		"rollouts": {"model", "audit", "people", "rollouts/content", "rollouts/evidence", "rollouts/gate",
			"rollouts/journal", "rollouts/approval", "rollouts/shown", "rollouts/policies", "rollouts/earlier",
			"rollouts/entries", "rollouts/holder", "rollouts/unread", "rollouts/windows"},
		"rollouts/entries": {"rollouts/content"}, "rollouts/earlier": nil, "rollouts/holder": nil, "rollouts/unread": nil,
		"rollouts/windows": nil,
		"contents":         {"model", "naming", "resolve"},
		"candidate":        {"declared", "model", "naming", "release", "resolve"},
		"difference":       {"difference/unified"}, "difference/unified": nil, "difference/held": {"release"},
		"rollouts/policies": {"model"}, "rollouts/approval": {"people"},
		"rollouts/content": {"model"}, "rollouts/evidence": nil, "rollouts/gate": nil, "rollouts/journal": {"audit"},
		"naming": {"model", "release", "resolve"},
		"people": nil, "audit": {"people"}, "roles": {"model"}, "serving": nil, "epoch": nil, "batch": nil, "brake": nil,
		"jsonpath": nil,
		"resolve":  {"model", "memtree", "project", "trust", "confined", "claim", "lane", "opaque", "record", "unlock"},
		"opaque":   {"model"}, "record": {"model"}, "unlock": {"model", "opaque"},
		"release": nil, "trail": nil, "declared": {"model", "release", "resolve"}}
	for _, part := range inner {
		out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, hubRoom+"/"+part).Output()
		if err != nil {
			t.Fatal(err)
		}
		for imported := range strings.FieldsSeq(string(out)) {
			name, below := strings.CutPrefix(imported, hubRoom+"/")
			if imported == hubRoom || below && !slices.Contains(may[part], name) {
				t.Errorf("hub/%s imports %s", part, imported)
			}
		}
	}
}

// TestTheGateKnowsOnlyRules: what is released must follow from arguments alone.
func TestTheGateKnowsOnlyRules(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", hubRoom+"/release").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if dep == "net" || strings.HasPrefix(dep, hubRoom) && dep != hubRoom+"/release" {
			t.Errorf("hub/release links %s: pass what it has to know as an argument", dep)
		}
	}
}

// TestWhatReadsAndRendersDoesNotKnowTheLoop: these adapters implement ports of hub/model, which others can use without
// a hub.
func TestWhatReadsAndRendersDoesNotKnowTheLoop(t *testing.T) {
	t.Parallel()
	for _, adapter := range []string{"git", "oci", "helm", "helm/worker", "kustomize", "layout", "ignore", "envsubst"} {
		notLinked(t, hubRoom+"/"+adapter, hubRoom)
	}
}

// TestHubItselfLinksNoAdapter: the loop knows them by the interfaces it needs.
func TestHubItselfLinksNoAdapter(t *testing.T) {
	t.Parallel()
	deptest.Ban(t, hubRoom, map[string]string{
		"github.com/go-git/go-git/v5":       "Git is hub/git's",
		"sigs.k8s.io/kustomize":             "kustomize is hub/kustomize's",
		"github.com/nats-io":                "NATS is hub/nats'",
		"go.etcd.io/bbolt":                  "bbolt is hub/bolt's",
		"github.com/fluxcd/pkg/envsubst":    "substitution is hub/envsubst's",
		"k8s.io/client-go":                  "the hub never speaks with a cluster's API server",
		"github.com/spf13/cobra":            "the command line is cmd's",
		hubRoom + "/layout":                 "folders are hub/layout's",
		"google.golang.org/grpc":            "plugins run in processes of their own",
		"github.com/drover-dev/drover/test": "nothing imports tests",
	})
}

// TestTheCommandLineDoesNotLinkHelm: its SDK costs 15 ms and 38 MB at each start, which `drover status` need not pay.
func TestTheCommandLineDoesNotLinkHelm(t *testing.T) {
	t.Parallel()
	banned := map[string]string{hubRoom + "/helm/worker": "charts are rendered by drover-helm-worker"}
	for _, part := range []string{"action", "engine", "chart", "release"} {
		banned["helm.sh/helm/v4/pkg/"+part] = "charts are rendered by drover-helm-worker"
	}
	deptest.Ban(t, hubRoom+"/cmd/drover", banned)
}
