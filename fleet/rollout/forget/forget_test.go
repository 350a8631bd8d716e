package forget

import (
	"slices"
	"testing"

	"github.com/drover-dev/drover/fleet/rollout"
)

func TestAMemoryForgetsAnAppOfACluster(t *testing.T) {
	t.Parallel()
	app := func(digest string) rollout.App { return rollout.App{Digest: digest} }
	entries := func() map[string][]rollout.Entry {
		return map[string][]rollout.Entry{"web": {{App: app("web=2"), Seq: 1}}, "db": {{App: app("db=2"), Seq: 1}}}
	}
	asks := func() rollout.Content { return rollout.Content{"web": app("web=2"), "db": app("db=2")} }
	before := rollout.Memory{
		Clusters: map[string]rollout.Cluster{
			"a": {Target: "A", Apps: entries(), Changed: []string{"db", "web"}, Failed: []string{"web"}, Ill: []string{"web"},
				Stays: []string{"web"}},
			"b": {Target: "A", Apps: entries(), Changed: []string{"db", "web"}}},
		Targets: map[string]rollout.Known{"A": {Target: rollout.Target{ID: "A",
			Content: map[string]rollout.Content{"a": asks(), "b": asks()}}}}}
	after := InMemory(before, "a", "web")
	a := after.Clusters["a"]
	if len(a.Apps["web"]) > 0 || len(a.Apps["db"]) != 1 || !slices.Equal(a.Changed, []string{"db"}) ||
		len(a.Failed)+len(a.Ill)+len(a.Stays) > 0 {
		t.Errorf("of a it remembers %+v", a)
	}
	if b := after.Clusters["b"]; len(b.Apps) != 2 || len(b.Changed) != 2 {
		t.Errorf("of b it remembers %+v", b)
	}
	if got := after.Targets["A"].Content; len(got["a"]) != 1 || got["a"]["db"].Digest != "db=2" || len(got["b"]) != 2 {
		t.Errorf("the target asks for %v", got)
	}
	if c := before.Clusters["a"]; len(c.Apps) != 2 || len(c.Changed) != 2 || len(before.Targets["A"].Content["a"]) != 2 {
		t.Errorf("the memory itself was changed: %+v", before)
	}
	if _, had := InTarget(after.Targets["A"].Target, "a", "web"); had {
		t.Error("the target has it still")
	}
	if same := InMemory(after, "nobody", "web"); len(same.Clusters) != 2 || len(same.Targets) != 1 {
		t.Errorf("a cluster that is not known: %+v", same)
	}
}
