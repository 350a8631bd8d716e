package unread

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/rollout"
)

// What cannot be read is told with what to do about it, and is nothing else's.
func TestWhatIsSaidOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	var p Parts
	if p.Any() || p.All() || p.Of("a") || p.Shown("x") != nil {
		t.Errorf("of nothing it says %+v", p.Shown("x"))
	}
	p.Cluster("b", errors.New("it is\nodd"))
	p.Cluster("a", errors.New(strings.Repeat("long ", 100)))
	got := p.Shown("x")
	if p.All() || !p.Of("a") || p.Of("c") || got == nil || !slices.Equal(got.Clusters, []string{"a", "b"}) ||
		!strings.Contains(got.Text, "of the cluster a: long") || !strings.Contains(got.Text, "…; and 1 more") ||
		len(got.Text) > 700 || got.Reason != "Unreadable" {
		t.Errorf("of two clusters it says %+v", got)
	}
	if keys := p.Keys("cluster/x/"); len(keys) != 2 || !slices.Contains(keys, "cluster/x/b") {
		t.Errorf("the keys are %q", keys)
	}
	p.Left("a")
	p.State("target/x/1", errors.New("it is odd"))
	got = p.Shown("x")
	if !p.All() || !p.Of("c") || got.Clusters != nil || !strings.Contains(got.Text, "target/x/1: it is odd; and 1 more") ||
		!strings.Contains(got.Text, "`drover rollout resume x --reason …`") {
		t.Errorf("of a target it says %+v", got)
	}
	p.Definition(errors.New("field y"))
	if text := p.Why("x"); !p.Undefined() || !strings.Contains(text, "(field y)") ||
		!strings.Contains(text, "commit a RolloutPolicy x that this release reads") || p.Refuse("x").Error() != text {
		t.Errorf("of the policy it says %s", text)
	}
	waves := p.Waves(Placeholder("x"))
	if len(waves) != 1 || waves[0].Reason != rollout.Unreadable || waves[0].Text != p.Why("x") {
		t.Errorf("the waves are %+v", waves)
	}
	if p.Declared(); p.Undefined() || !p.All() {
		t.Error("what Git says ends more than that it is not known")
	}
}

func TestWhatIsDamagedCannotBeRead(t *testing.T) {
	t.Parallel()
	var v struct{ A int }
	if err := Decode([]byte(`{"A":7}`), &v); err != nil || v.A != 7 {
		t.Errorf("got %+v, %v", v, err)
	}
	for _, data := range []string{"", `{"A":"x"}`, "{"} {
		if Decode([]byte(data), &v) == nil {
			t.Errorf("%q can be read", data)
		}
	}
}
