package plan

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func TestWavesAreThoseOfObjectsAndSyncHooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines   []string
		waves   []int
		ordered bool
	}{
		"nothing":  {nil, nil, false},
		"one wave": {[]string{object("Pod", "a"), object("Pod", "b")}, []int{0}, false},
		"several": {[]string{object("Pod", "a", "drover.dev/sync-wave", "5"), object("Pod", "b",
			"drover.dev/sync-wave", "-1"),
			object("Pod", "c", "drover.dev/sync-wave", "5")}, []int{-1, 5}, true},
		"a Sync hook": {[]string{object("Pod", "a", "drover.dev/sync-wave", "5"),
			object("Pod", "h", "drover.dev/hook", "Sync", "drover.dev/sync-wave", "3"),
			object("Pod", "i", "drover.dev/hook", "Sync", "drover.dev/sync-wave", "5")}, []int{3, 5}, true},
		"a hook in a wave of objects": {[]string{object("Pod", "a"), object("Pod", "h", "drover.dev/hook", "Sync")},
			[]int{0}, true},
		"a hook of another phase": {[]string{object("Pod", "a"),
			object("Pod", "h", "drover.dev/hook", "PreSync", "drover.dev/sync-wave", "3")}, []int{0}, true},
	} {
		src := source(c.lines...)
		if len(c.lines) == 0 {
			src.Lines = nil
		}
		p := mustPlace(t, mustRead(t, src, nil))
		equal(t, name, p.Waves(), c.waves)
		equal(t, name+": ordered", p.Ordered(), c.ordered)
	}
}

func TestHasHooksOfAPhase(t *testing.T) {
	t.Parallel()
	p := planned(t, object("Job", "a", "helm.sh/hook", "pre-install"), object("Job", "b", "drover.dev/hook",
		"PostDelete"))
	for _, c := range []struct {
		install bool
		phases  []fleet.HookPhase
		want    bool
	}{
		{true, []fleet.HookPhase{fleet.PreSync}, true},
		{false, []fleet.HookPhase{fleet.PreSync}, false},
		{false, []fleet.HookPhase{fleet.PostDelete}, true},
		{true, []fleet.HookPhase{fleet.Sync, fleet.PreSync}, true},
		{true, []fleet.HookPhase{fleet.Sync, fleet.SyncFail}, false},
		{true, nil, false},
	} {
		equal(t, "has", p.Has(c.install, c.phases...), c.want)
	}
	if (*Plan)(nil).Has(false, fleet.PreSync) {
		t.Error("no plan has hooks")
	}
}

func TestGeneratedNameFollowsFromTheRun(t *testing.T) {
	t.Parallel()
	h := Hook{Want: Want{Ref: protocol.ObjectRef{Kind: "Pod", Namespace: "ns"}}, generateName: "run-"}
	h.Line = agent.SumOf([]byte("a"))
	first := h.Named("7.Sync")
	equal(t, "the same run", h.Named("7.Sync"), first)
	equal(t, "namespace", first.Namespace, "ns")
	if !strings.HasPrefix(first.Name, "run-") || len(first.Name) != len("run-")+10 {
		t.Errorf("got the name %q", first.Name)
	}
	other := h
	other.Line = agent.SumOf([]byte("b"))
	for name, ref := range map[string]protocol.ObjectRef{"another run": h.Named("8.Sync"),
		"another hook": other.Named("7.Sync")} {
		if ref.Name == first.Name {
			t.Errorf("%s has the same name", name)
		}
	}
	h.generateName = strings.Repeat("a", 52) + "b"
	equal(t, "the longest name", h.Named("x").Name[:52]+" and 10", h.generateName[:52]+" and 10")
	equal(t, "its length", len(h.Named("x").Name), 62)
	h.generateName, h.Ref.Name = "", "fixed"
	equal(t, "a fixed name", h.Named("x").Name, "fixed")
}

func TestDeliveredBy(t *testing.T) {
	t.Parallel()
	p := &Plan{Digest: "d", Home: "h"}
	for _, c := range []struct {
		run  *agent.Run
		want bool
	}{
		{&agent.Run{Digest: "d", Home: "h"}, true},
		{&agent.Run{Digest: "e", Home: "h"}, false},
		{&agent.Run{Digest: "d", Home: "i"}, false},
		{&agent.Run{Digest: "d", Home: "h", Leaving: true}, false},
		{nil, false},
	} {
		equal(t, "delivered", p.DeliveredBy(c.run), c.want)
	}
	if (*Plan)(nil).DeliveredBy(&agent.Run{}) {
		t.Error("a run delivers no plan")
	}
}

func TestRunIDIdentifiesTheDelivery(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, p := range []*Plan{{Digest: "d", Home: "h", Generation: 7}, {Digest: "d", Home: "h", Generation: 8},
		{Digest: "e", Home: "h", Generation: 7}, {Digest: "d", Home: "i", Generation: 7}} {
		ids[RunID(p)] = true
	}
	equal(t, "different", len(ids), 4)
	// It is stored, so that it must not change from one version of the agent to the next.
	equal(t, "stored", RunID(&Plan{Digest: "d", Home: "h", Generation: 7}), "7-8443720a")
}
