package hub_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

const setOfApps = `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: set, namespace: argocd}
spec:
  generators: [{list: {elements: [{app: one}]}}]
  template:
    metadata: {name: 'made-{{app}}'}
    spec:
      project: default
      source: {repoURL: https://git.example.com/fleet.git, path: 'apps/{{app}}', targetRevision: HEAD}
      destination: {name: b, namespace: default}
      syncPolicy: {automated: {prune: true}}
`

// A hub without its store publishes what it can read, and that more may be wanted: the agent, which has its
// own last good state, keeps the
// rest. The hub's store is needed for none of it.
func TestAHubWithoutItsStorePublishesItsDoubt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, broken, want string }{
		"a file below fleet/ that is not YAML": {"fleet/agent.yaml", "a: [\n", "fleet/agent.yaml:1: invalid YAML"},
		"a selector with an unknown field": {"fleet/agent.yaml", strings.Replace(fleetApp("two", ""), "matchLabels", "matchLabel", 1),
			"matchLabel"},
		"a selector with an unknown operator": {"fleet/agent.yaml",
			strings.Replace(fleetApp("two", ""), "{matchLabels: {env: two}}", "{matchExpressions: [{key: env, operator: Is, values: [two]}]}", 1), "fleet/agent.yaml"},
		"a selector's expression that fails": {"fleet/agent.yaml",
			strings.Replace(fleetApp("two", ""), "{matchLabels: {env: two}}", `{expression: "cluster.labels.nope == 'x'"}`, 1), "clusterSelector.expression"},
		"a file in the cluster's folder":    {"clusters/b/cm.yaml", "a: [\n", "clusters/b/cm.yaml:1: invalid YAML"},
		"an ApplicationSet that fails":      {"fleet/set.yaml", strings.Replace(setOfApps, "{list: {elements: [{app: one}]}}", "{lists: {}}", 1), "fleet/set.yaml"},
		"a kustomization that lacks a file": {"fleet/kustomization.yaml", "resources: [agent.yaml, lost.yaml]\n", "lost.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := fleetOfThree()
			all["clusters/b/cm.yaml"] = configMap("own", "1")
			all["apps/one/other.yaml"] = configMap("other", "1")
			all["clusters/b/app.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: stays}\nspec: {path: apps/one}\n"
			all["fleet/set.yaml"] = setOfApps
			r := newRig(t, all)
			r.join("b")
			before := r.await("b", "published", func(b protocol.Bundle) bool { return appOf(b, "agent") != nil && appOf(b, "stays") != nil })
			r.push("broken", map[string]string{c.file: c.broken})
			r.restart(func() {
				if err := os.Remove(filepath.Join(r.data, "hub.db")); err != nil {
					t.Fatal(err)
				}
			})
			b := r.await("b", "a bundle of the hub without its store", func(b protocol.Bundle) bool {
				return b.Generation > before.Generation && b.Revision.Subject == "broken" && len(b.Apps) > 0 && (appOf(b, "agent") == nil || b.Incomplete != "")
			})
			if !strings.Contains(b.Incomplete, c.want) {
				t.Errorf("the bundle is incomplete because of %q, want %q in it", b.Incomplete, c.want)
			}
		})
	}
}

// Whether a cluster is suspended, and which agent it runs, is in cluster.yaml. Where that cannot be read the
// agent is told that nobody knows.
func TestABundleSaysThatItsFlagsAreUnknown(t *testing.T) {
	t.Parallel()
	all := fleetOfThree()
	all["clusters/b/cluster.yaml"] = "labels: {env: two}\nsuspend: true\n"
	r := newRig(t, all)
	r.join("b")
	r.await("b", "frozen", func(b protocol.Bundle) bool { return b.Suspend && b.FlagsUnknown == "" })
	r.push("broken", map[string]string{"clusters/b/cluster.yaml": "labels: [\n", "apps/two/cm.yaml": configMap("agent", "changed")})
	r.await("b", "still frozen", func(b protocol.Bundle) bool {
		return b.Revision.Subject == "broken" && b.Suspend && b.FlagsUnknown != ""
	})
	r.restart(func() {
		if err := os.Remove(filepath.Join(r.data, "hub.db")); err != nil {
			t.Fatal(err)
		}
	})
	b := r.await("b", "of the hub without its store", func(b protocol.Bundle) bool { return !b.Suspend })
	if !strings.Contains(b.FlagsUnknown, "clusters/b/cluster.yaml:1") || b.Incomplete == "" {
		t.Errorf("the flags are unknown because of %q, incomplete because of %q", b.FlagsUnknown, b.Incomplete)
	}
}

// An object that leaves an app may have moved into one whose declaration nobody can read: the bundle says so,
// also where the store is whole.
func TestWhatMovesIntoAnUnreadableAppIsInDoubt(t *testing.T) {
	t.Parallel()
	all := fleetOfThree()
	all["apps/two/moving.yaml"] = configMap("moving", "1")
	r := newRig(t, all)
	r.join("a", "b")
	first := r.await("a", "published", func(b protocol.Bundle) bool { return b.Incomplete == "" && settled(b) })
	r.await("b", "published", func(b protocol.Bundle) bool { return appOf(b, "agent") != nil && settled(b) })
	r.push("moved", map[string]string{"apps/two/moving.yaml": "", "apps/new/moving.yaml": configMap("moving", "1"), "fleet/new.yaml": "kind: [\n"})
	r.await("b", "a bundle with the doubt", func(b protocol.Bundle) bool {
		return b.Revision.Subject == "moved" && strings.Contains(b.Incomplete, "fleet/new.yaml:1")
	})
	r.push("mended", map[string]string{"fleet/new.yaml": strings.NewReplacer("name: agent", "name: new", "apps/${cluster.labels.env}", "apps/new").Replace(fleetApp("two", ""))})
	r.await("b", "a complete bundle", func(b protocol.Bundle) bool { return b.Incomplete == "" && appOf(b, "new") != nil })
	r.push("in doubt again", map[string]string{"fleet/other.yaml": "kind: [\n", "apps/two/cm.yaml": configMap("agent", "again")})
	r.await("b", "a doubt that concerns no app of it", func(b protocol.Bundle) bool { return strings.Contains(b.Incomplete, "fleet/other.yaml:1") })
	r.push("without doubt", map[string]string{"fleet/other.yaml": ""})
	r.await("b", "a complete bundle, although nothing else changed for it", func(b protocol.Bundle) bool { return b.Incomplete == "" })
	if a, _ := r.bundle("a"); a.Generation != first.Generation {
		t.Errorf("a, which nothing of this is for, is at generation %d, and was at %d", a.Generation, first.Generation)
	}
}
