package hub_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/hub/rollouts/journal"
	"github.com/drover-dev/drover/protocol"
)

// decides has a person decide on the policy, and wants an answer.
func (r *rig) decides(o rollouts.Order, want string) {
	r.t.Helper()
	if o.Action != rollouts.Freeze && o.Action != rollouts.Unfreeze {
		o.Policy = "production"
	}
	text, err := hub.RolloutsOf(r.hub).Decide(r.t.Context(), o)
	if err != nil {
		text = err.Error()
	}
	if !strings.Contains(text, want) {
		r.t.Errorf("%s: %s; want %s", o.Action, text, want)
	}
}

// decisions is what the hub's journal has, verified.
func (r *rig) decisions() (out []audit.Entry) {
	r.t.Helper()
	var b bytes.Buffer
	if _, err := r.hub.Journal.WriteTo(&b); err != nil {
		r.t.Fatal(err)
	}
	if _, err := audit.Verify(&b, nil, func(e audit.Entry) { out = append(out, e) }); err != nil {
		r.t.Error(err)
	}
	return out
}

// find gives the entries of a kind and wave.
func find(all []audit.Entry, kind, wave string) (out []audit.Entry) {
	for _, e := range all {
		if e.Kind == kind && e.Wave == wave {
			out = append(out, e)
		}
	}
	return out
}

func TestAWaveBeginsWhenEnoughPeopleOfAGroupApprove(t *testing.T) {
	t.Parallel()
	r := begun(t, strings.Replace(canaryFirst, "{name: rest}",
		"{name: rest, approval: {groups: [sre], count: 2, notAuthor: true}}", 1))
	r.push("two", web("two"))
	r.gets("a", "two")
	r.tells("a", protocol.PhaseHealthy)
	r.wave("rest", "waits for 2 approvals by sre")
	approve := func(who people.Who, by, want string) {
		t.Helper()
		r.decides(rollouts.Order{Action: rollouts.Approve, Wave: "rest", Who: who, By: by}, want)
	}
	sre := []string{"sre", "web"}
	approve(people.Who{}, "", "the shared token is nobody's")
	approve(people.Who{}, "ann", "the shared token is nobody's")
	approve(people.Who{Name: "dev", Groups: []string{"dev"}, Email: "dev@example.com"}, "", "is of dev")
	approve(people.Who{Name: "new", Groups: sre}, "", "no mail address")
	approve(people.Who{Name: "ann", Groups: sre, Email: "T@example.com"}, "", "another person than the author")
	approve(people.Who{Name: "bob", Groups: sre, Email: "bob@example.com", From: "192.0.2.7:1"}, "",
		"1 of 2 approvals; needs one more of sre")
	approve(people.Who{Name: "bob", Groups: sre, Email: "bob@example.com"}, "cid", "bob has approved it already; 1 of 2")
	r.wave("rest", "waits for approval by sre (1 of 2)")
	r.keeps("b", "one")
	r.restart(nil) // what bob said is not forgotten
	r.wave("rest", "waits for approval by sre (1 of 2)")
	approve(people.Who{Name: "cid", Groups: sre, Email: "cid@example.com"}, "", "may begin")
	r.gets("b", "two")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("rest", "passed")

	all := r.decisions()
	var found []string
	for _, e := range find(all, "approve", "rest") {
		found = append(found, e.By.Name)
	}
	if len(found) == 0 {
		t.Fatalf("the journal has %+v", all)
	}
	bob := find(all, "approve", "rest")[0]
	if !slices.Equal(found, []string{"bob", "cid"}) || bob.By.From != "192.0.2.7:1" || !slices.Equal(bob.By.Groups, sre) ||
		len(bob.Target) != 40 {
		t.Errorf("the journal has %q, first %+v", found, bob)
	}
}

// Every release is in the journal, with the rule that allowed it and what it was, before it is on the bus.
func TestEveryReleaseIsInTheJournal(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	r.push("two", web("two"))
	a := r.gets("a", "two")
	canary := find(r.decisions(), journal.KindRelease, "canary")
	if len(canary) == 0 {
		t.Fatalf("the journal has %+v", r.decisions())
	}
	last := canary[len(canary)-1]
	if last.Rule == "" || last.Target != a.Revision.Hash || last.Count != 1 ||
		!slices.Equal(last.Clusters, []string{"a"}) || last.Apps["web"] == "" || last.By != nil {
		t.Errorf("of the release to a it has %+v", last)
	}
	r.tells("a", protocol.PhaseFailed)
	r.gets("a", "one")
	all := r.decisions()
	canary = find(all, journal.KindRelease, "canary")
	if back := canary[len(canary)-1]; back.Rule != "what it had is bad" {
		t.Errorf("of the way back it has %+v", back)
	}
	if failed := find(all, "failed", ""); len(failed) != 1 || failed[0].Target != a.Revision.Hash {
		t.Errorf("of what failed it has %+v", failed)
	}
	before := len(all)
	r.restart(nil)
	r.wave("canary", "held back from Git")
	if after := r.decisions(); len(after) != before {
		t.Errorf("a restart adds %+v", after[before:])
	}
}

func TestAFreezeHoldsAllReleasesBack(t *testing.T) {
	t.Parallel()
	files := inWaves(strings.Replace(canaryFirst, "spec:\n",
		"spec:\n  clusterSelector: {matchLabels: {ring: \"0\"}}\n", 1))
	r := newRig(t, files) // b is under no policy
	r.join("a", "b")
	r.gets("a", "one")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("b", "one")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("canary", "passed")

	r.decides(rollouts.Order{Action: rollouts.Unfreeze, Reason: "?"}, "is not frozen")
	r.decides(rollouts.Order{Action: rollouts.Freeze}, "needs a reason")
	r.decides(rollouts.Order{Action: rollouts.Freeze, Reason: "?", Until: time.Now().Add(-time.Hour)}, "in the future")
	r.push("bad", web("bad")) // before the freeze
	r.gets("a", "bad")
	r.gets("b", "bad")
	r.decides(rollouts.Order{Action: rollouts.Freeze, Reason: "a fire", Who: people.Who{Name: "ann"}},
		"nothing new is released")
	r.until("it is shown", func() bool { f := r.hub.State().Source().Frozen; return f != nil && f.By == "ann" })
	r.tells("a", protocol.PhaseFailed) // what goes back is not stopped
	r.gets("a", "one")

	r.push("two", map[string]string{"apps/web/base/config.yaml": configMap("web", "two"),
		"clusters/b/apps.yaml": app("web", "./apps/web/overlays/b", "  suspend: true\n") + "---\n" +
			app("new", "apps/extra", "")})
	b := r.await("b", "web is suspended", func(b protocol.Bundle) bool { return appOf(b, "web").Suspend })
	if r.keeps("b", "bad"); appOf(b, "new") != nil || appOf(b, "extra") == nil || b.Incomplete != "" {
		t.Errorf("b is given %+v", b)
	}
	r.wave("canary", "all releases are frozen: a fire")
	r.keeps("a", "one")
	r.restart(nil)
	r.wave("canary", "all releases are frozen: a fire")
	r.keeps("a", "one")
	r.keeps("b", "bad")
	r.decides(rollouts.Order{Action: rollouts.Unfreeze, Reason: "it is out"}, "releases go on")
	r.gets("a", "two")
	b = r.gets("b", "two")
	if appOf(b, "new") == nil || appOf(b, "extra") != nil {
		t.Errorf("b is given %+v", b.Apps)
	}
	r.until("it is not shown", func() bool { return r.hub.State().Source().Frozen == nil })
	if all := r.decisions(); len(find(all, "freeze", "")) != 1 || len(find(all, "unfreeze", "")) != 1 {
		t.Errorf("the journal has %+v", all)
	}
}

// A freeze ends by itself, also where there is no policy.
func TestAFreezeEndsWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.gets("a", "one")
	r.decides(rollouts.Order{Action: rollouts.Freeze, Reason: "a visit", Until: time.Now().Add(5 * time.Second)}, "until")
	end := time.Now().Add(4 * time.Second)
	r.push("two", web("two"))
	if time.Now().Before(end) {
		r.keeps("a", "one")
	}
	r.gets("a", "two")
	if time.Now().Before(end) {
		t.Error("it ended early")
	}
	r.until("it is not shown", func() bool { return r.hub.State().Source().Frozen == nil })
}

// A cluster that joins while all is frozen is told that what is missing is not gone.
func TestAClusterThatJoinsAFrozenFleetDeletesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.decides(rollouts.Order{Action: rollouts.Freeze, Reason: "a fire"}, "nothing new")
	r.join("a")
	b := r.await("a", "published", func(protocol.Bundle) bool { return true })
	if len(b.Apps) > 0 || !strings.Contains(b.Incomplete, "all releases are frozen") {
		t.Errorf("it is given %+v", b)
	}
	r.push("two", web("two")) // it is gone through again, with a bundle that has no apps
	if b, _ = r.bundle("a"); !strings.Contains(b.Incomplete, "all releases are frozen") {
		t.Errorf("then it is given %+v", b)
	}
	r.decides(rollouts.Order{Action: rollouts.Unfreeze, Reason: "it is out"}, "releases go on")
	if b = r.gets("a", "two"); b.Incomplete != "" {
		t.Errorf("it is left in doubt: %s", b.Incomplete)
	}
}

// copyStore copies the store of the hub, while it runs.
func (r *rig) copyStore() []byte {
	r.t.Helper()
	var b bytes.Buffer
	if _, err := r.store.WriteTo(&b); err != nil {
		r.t.Fatal(err)
	}
	return b.Bytes()
}

// putStore puts a store in the place of a hub's that does not run, as drover hub restore does.
func (r *rig) putStore(data []byte) {
	r.t.Helper()
	path := filepath.Join(r.data, "hub.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := bolt.Restored(path, r.keys.Secret); err != nil {
		r.t.Fatal(err)
	}
}

// A hub that is brought back from a backup, and finds decisions on the bus that it does not know, releases nothing
// until a person says so. What was decided meanwhile is in its journal again.
func TestARestoredHubThatCannotProveItsDecisionsIsHalted(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	backup := r.copyStore()
	r.decides(rollouts.Order{Action: rollouts.Halt, Reason: "a fire", Who: people.Who{Name: "ann"}}, "nothing is released")
	r.push("two", web("two"))
	r.wave("canary", "halted by ann: a fire")
	head := r.hub.Journal.Head()
	r.until("the bus has it", func() bool { return r.mirrored(head.Seq) })
	r.restart(nil) // the hub that knows all goes on as it was
	if halts := r.hub.State().Source().Rollouts[0].Halts; len(halts) != 1 || halts[0].By != "ann" {
		t.Errorf("after a restart it is halted by %+v", halts)
	}

	r.restart(func() { r.putStore(backup) })
	r.wave("canary", "halted by the hub: this hub cannot prove what was decided")
	p := r.hub.State().Source().Rollouts[0]
	if len(p.Halts) != 1 || !strings.Contains(p.Halts[0].Reason, fmt.Sprint("go on to number ", head.Seq)) ||
		!strings.Contains(p.Halts[0].Reason, "drover rollout resume production --reason") {
		t.Errorf("it is halted by %+v", p.Halts)
	}
	r.keeps("a", "one")
	by := find(r.decisions(), "halt", "")
	if len(by) != 2 || by[0].By == nil || by[0].By.Name != "ann" || by[1].By != nil {
		t.Errorf("its journal has %+v", by)
	}
	r.restart(nil) // it is not forgotten, and is not a second time
	r.wave("canary", "halted by the hub")
	if p := r.hub.State().Source().Rollouts[0]; len(p.Halts) != 1 {
		t.Errorf("it is halted by %+v", p.Halts)
	}
	r.decides(rollouts.Order{Action: rollouts.Resume, Reason: "the fire is out"}, "releases go on")
	r.gets("a", "two")
}

// mirrored says whether the bus has the journal up to an entry.
func (r *rig) mirrored(seq uint64) bool {
	return r.hub.Journal.Copied() >= seq
}

// A store that has all that was decided is no reason to halt, also if it was restored.
func TestARestoredHubThatKnowsAllGoesOn(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	r.until("the bus has it", func() bool { return r.mirrored(r.hub.Journal.Head().Seq) })
	backup := r.copyStore()
	r.restart(func() { r.putStore(backup) })
	r.push("two", web("two"))
	r.gets("a", "two")
	if halts := r.hub.State().Source().Rollouts[0].Halts; len(halts) > 0 {
		t.Errorf("it is halted by %+v", halts)
	}
}

// Where the bus was lost as well, an agent tells that more was released than the store knows.
func TestAnAgentTellsThatTheStoreIsOlder(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	backup := r.copyStore()
	r.push("two", web("two"))
	accepted := r.gets("a", "two")
	r.restart(func() {
		r.putStore(backup)
		if err := os.RemoveAll(filepath.Join(r.data, "nats")); err != nil {
			t.Fatal(err)
		}
	})
	r.report("a", func(rep *protocol.Report) {
		rep.Generation, rep.Epoch, rep.Digest = accepted.Generation, accepted.Epoch, accepted.Digest()
	})
	r.wave("rest", "the agent of cluster a has accepted generation "+fmt.Sprint(accepted.Generation))
	r.keeps("b", "one")
	r.decides(rollouts.Order{Action: rollouts.Resume, Reason: "I know"}, "releases go on")
	b := r.gets("a", "two")
	if b.Epoch <= accepted.Epoch {
		t.Errorf("it is given epoch %d after %d", b.Epoch, accepted.Epoch)
	}
}
