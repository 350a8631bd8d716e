package hub_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// fleetApp is an App for many clusters.
func fleetApp(env, spec string) string {
	return "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: agent}\nspec:\n  path: apps/${cluster.labels.env}\n  vars: {who: \"${cluster.name}\"}\n" + spec +
		"  clusterSelector: {matchLabels: {env: " + env + "}}\n"
}

func fleetOfThree() map[string]string {
	return map[string]string{
		"clusters/a/cluster.yaml": "labels: {env: one}\n", "clusters/b/cluster.yaml": "labels: {env: two}\n", "clusters/c/cluster.yaml": "labels: {env: two}\n",
		"apps/one/cm.yaml": configMap("agent", "${who} one"), "apps/two/cm.yaml": configMap("agent", "${who} two"), "fleet/agent.yaml": fleetApp("two", ""),
	}
}

// TestAFleetwideAppGoesWhereItIsSelected, and a change of it touches the clusters that it selects, or did, alone.
func TestAFleetwideAppGoesWhereItIsSelected(t *testing.T) {
	t.Parallel()
	r := newRig(t, fleetOfThree())
	r.join("a", "b", "c")
	generations := func(what string, want map[string]uint64) {
		t.Helper()
		for name, generation := range want {
			r.await(name, what, func(b protocol.Bundle) bool { return b.Generation >= generation })
			if b, _ := r.bundle(name); b.Generation != generation {
				t.Errorf("%s: %s is at generation %d, want %d", what, name, b.Generation, generation)
			}
		}
	}
	generations("the first revision", map[string]uint64{"a": 1, "b": 1, "c": 1})
	b, _ := r.bundle("b")
	if got := r.lines("b", b, "agent"); !strings.Contains(got, `"value":"b two"`) {
		t.Errorf("the app of b is %s", got)
	}
	if a, _ := r.bundle("a"); len(a.Apps) != 0 {
		t.Errorf("a has %+v although nothing selects it", a.Apps)
	}
	r.push("changed", map[string]string{"fleet/agent.yaml": fleetApp("two", "  timeout: 1m\n")})
	generations("a change of the App", map[string]uint64{"a": 1, "b": 2, "c": 2})
	r.push("moved", map[string]string{"fleet/agent.yaml": fleetApp("one", "  timeout: 1m\n")})
	generations("another selector", map[string]uint64{"a": 2, "b": 3, "c": 3})
	if b, _ := r.bundle("b"); len(b.Apps) != 0 || b.Incomplete != "" {
		t.Errorf("b still has %+v", b.Apps)
	}
	r.push("labelled", map[string]string{"clusters/c/cluster.yaml": "labels: {env: one}\n"})
	generations("a label", map[string]uint64{"a": 2, "b": 3, "c": 4})
}

// Law 1: an App whose file cannot be read stays where it was.
func TestAFleetwideAppThatCannotBeReadStays(t *testing.T) {
	t.Parallel()
	r := newRig(t, fleetOfThree())
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.await("b", "published", func(b protocol.Bundle) bool { return appOf(b, "agent") != nil })
	r.push("broken", map[string]string{"fleet/agent.yaml": "a: [\n"})
	b := r.await("b", "generation 2", func(b protocol.Bundle) bool { return b.Generation == 2 })
	if got := appOf(b, "agent"); got == nil || got.Blob == nil || !strings.Contains(got.Error, "it is not known whether the app is still wanted, so it is kept: fleet/agent.yaml:1: invalid YAML") {
		t.Fatalf("the app became %+v", got)
	}
	if a, _ := r.bundle("a"); a.Generation != 1 || a.Incomplete != "" {
		t.Errorf("a, which the App is not for, got generation %d, incomplete %q", a.Generation, a.Incomplete)
	}
	if p := r.hub.State().Source().Problems; len(p) != 1 || !strings.Contains(p[0], "fleet/agent.yaml:1") {
		t.Errorf("the problems of the repository are %q", p)
	}
	r.push("gone", map[string]string{"fleet/agent.yaml": ""})
	r.await("b", "the app is gone", func(b protocol.Bundle) bool { return appOf(b, "agent") == nil })
}

// TestWhatAClusterLacksForAFleetwideAppIsNamed, and only that app waits.
func TestWhatAClusterLacksForAFleetwideAppIsNamed(t *testing.T) {
	t.Parallel()
	s := newScene(t, "-- clusters/staging/cm.yaml --\n"+configMap("x", "y")+"-- apps/two/cm.yaml --\n"+configMap("agent", "z")+"-- fleet/agent.yaml --\n"+
		strings.Replace(fleetApp("two", ""), "{matchLabels: {env: two}}", "{}", 1))
	got := s.summary(s.resolve("staging"))
	if want := "app agent\n  ERR fleet/agent.yaml: the cluster staging has nothing for ${cluster.labels.env}: give it the label or the variable in clusters/staging/cluster.yaml, or let clusterSelector leave it out\napp root\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got:\n%s", got)
	}
}
