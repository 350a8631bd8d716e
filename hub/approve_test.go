package hub_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/protocol"
)

// webs are clusters that share an app of ConfigMaps.
func webs(n int, clusters ...string) map[string]string {
	files := map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, n), "apps/other/config.yaml": configMapsOf("other", 0, 100)}
	for _, name := range clusters {
		files["clusters/"+name+"/apps.yaml"] = app("web", "apps/web", "") + "---\n" + app("other", "apps/other", "")
	}
	return files
}

// acknowledge has an agent report that it accepted a bundle and deleted so much of each app so far.
func (r *rig) acknowledge(name string, b protocol.Bundle, deleted map[string]uint64, held ...protocol.Held) {
	r.t.Helper()
	r.report(name, func(rep *protocol.Report) {
		rep.Generation, rep.Digest, rep.Revision, rep.Held = b.Generation, b.Digest(), b.Revision, held
		for _, a := range b.Apps {
			rep.Apps = append(rep.Apps, protocol.AppReport{Name: a.Name, Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Deleted: deleted[a.Name]})
		}
	})
	r.until(name+" is heard", func() bool {
		c, _ := r.hub.State().Get(name)
		return c.Report != nil && c.Report.Digest == b.Digest() && len(c.Report.Held) == len(held) && c.Row().Synced
	})
}

// start joins clusters, whose agents accept what they are given.
func (r *rig) begin(names ...string) {
	r.t.Helper()
	r.join(names...)
	for _, name := range names {
		r.acknowledge(name, r.await(name, "published", published), nil)
	}
}

// after commits, and gives the next bundle.
func (r *rig) after(cluster, message string, files map[string]string) protocol.Bundle {
	r.t.Helper()
	was, _ := r.bundle(cluster)
	r.push(message, files)
	return r.await(cluster, message, func(b protocol.Bundle) bool { return b.Generation > was.Generation && settled(b) })
}

func (r *rig) held() []query.Hold { return r.hub.State().Source().Held }

// onlyHold gives the hold that there is alone.
func (r *rig) onlyHold() query.Hold {
	r.t.Helper()
	all := r.held()
	if len(all) != 1 {
		r.t.Fatalf("held: %+v", all)
	}
	return all[0]
}

func (r *rig) approve(id string) {
	r.t.Helper()
	if _, err := r.hub.Approve(r.t.Context(), id); err != nil {
		r.t.Fatal(err)
	}
}

func permits(b protocol.Bundle, want map[string]uint64) bool {
	return b.Deletions != nil && fmt.Sprint(b.Deletions.Apps) == fmt.Sprint(want)
}

func TestOrdinaryDeletionsArePermittedAsTheyCome(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.begin("a")
	b, _ := r.bundle("a")
	if !permits(b, nil) {
		t.Fatalf("the first bundle permits %+v", b.Deletions)
	}
	config := func(from int) map[string]string {
		return map[string]string{"apps/web/config.yaml": configMapsOf("web", from, 20)}
	}
	if b = r.after("a", "two go", config(2)); !permits(b, map[string]uint64{"web": 2}) {
		t.Errorf("after two went it permits %+v", b.Deletions)
	}
	r.acknowledge("a", b, map[string]uint64{"web": 2})
	if b = r.after("a", "two more", config(4)); !permits(b, map[string]uint64{"web": 4}) {
		t.Errorf("after two more it permits %+v", b.Deletions)
	}
	// Not acknowledged: the agent may have missed it. What it may have is compared as a whole, and nothing is counted twice.
	if b = r.after("a", "a change", map[string]string{"apps/other/config.yaml": configMapsOf("other", 0, 101)}); !permits(b, map[string]uint64{"web": 4}) {
		t.Errorf("after another app's change it permits %+v", b.Deletions)
	}
	if b = r.after("a", "back, and gone", config(3)); !permits(b, map[string]uint64{"web": 4}) {
		t.Errorf("after one came back it permits %+v", b.Deletions)
	}
	if b = r.after("a", "gone again", config(4)); !permits(b, map[string]uint64{"web": 5}) {
		t.Errorf("after it went again it permits %+v", b.Deletions)
	}
	b = r.after("a", "it moves", map[string]string{"apps/web/config.yaml": configMapsOf("web", 5, 20), "apps/other/config.yaml": configMapsOf("other", 0, 101) + "---\n" + configMap("web-4", "1")})
	if !permits(b, map[string]uint64{"web": 5}) {
		t.Errorf("after one moved to another app it permits %+v", b.Deletions)
	}
	if held := r.held(); len(held) > 0 {
		t.Errorf("held: %+v", held)
	}
	r.restart(nil)
	r.push("nothing", map[string]string{"README.md": "words"})
	if again, _ := r.bundle("a"); again.Generation != b.Generation {
		t.Errorf("a restart and a commit about nothing published generation %d after %d", again.Generation, b.Generation)
	}
}

func TestAnApprovalLetsThroughExactlyWhatIsHeld(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.begin("a")
	b := r.after("a", "a slip", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 5)})
	hold := r.onlyHold()
	if !permits(b, nil) || appOf(b, "web").Blob.Objects != 5 || hold.Count != 15 || hold.Kind != protocol.HoldDeletions || hold.Revision.Subject != "a slip" {
		t.Fatalf("it permits %+v of %d objects, held %+v", b.Deletions, appOf(b, "web").Blob.Objects, hold)
	}
	if got := hold.Text(); !strings.Contains(got, `"a slip" would delete 15 objects of app web in cluster a: that is more than 50 % of the app`) {
		t.Errorf("the hold says %q", got)
	}
	if row := r.row("a"); row.Health != protocol.HealthProgressing && row.Health != protocol.HealthCurrent || row.Held[0] != hold.ID {
		t.Errorf("the row: %+v", row)
	}
	// Neither an acknowledgement, nor a restart, nor an unrelated commit changes it.
	r.acknowledge("a", b, nil, protocol.Held{ID: "0000000000", Kind: protocol.HoldDeletions, App: "web", Count: 15})
	b = r.after("a", "unrelated", map[string]string{"apps/other/config.yaml": configMapsOf("other", 1, 101)})
	if !permits(b, map[string]uint64{"other": 1}) || r.onlyHold().ID != hold.ID {
		t.Errorf("an unrelated commit: it permits %+v, held %+v", b.Deletions, r.held())
	}
	r.acknowledge("a", b, map[string]uint64{"other": 1})
	b = r.after("a", "new objects", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 5) + configMapsOf("new", 0, 500)})
	if !permits(b, map[string]uint64{"other": 1}) || r.onlyHold().ID != hold.ID {
		t.Errorf("new objects in the app: it permits %+v, held %+v", b.Deletions, r.held())
	}
	r.restart(nil)
	if again := r.onlyHold(); again.ID != hold.ID || !again.Since.Equal(hold.Since) || again.Revision != hold.Revision {
		t.Errorf("after a restart is held %+v", again)
	}
	// Other content is another hold.
	b = r.after("a", "one is back", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 6) + configMapsOf("new", 0, 500)})
	other := r.onlyHold()
	if !permits(b, map[string]uint64{"other": 1}) || other.ID == hold.ID || other.Count != 14 {
		t.Errorf("one is back: it permits %+v, held %+v", b.Deletions, other)
	}
	if _, err := r.hub.Approve(t.Context(), hold.ID); !errors.Is(err, hub.ErrNotHeld) || !strings.Contains(err.Error(), other.ID) {
		t.Errorf("the former id is approved: %v", err)
	}
	r.approve(other.ID)
	b = r.await("a", "the approval", func(b protocol.Bundle) bool { return permits(b, map[string]uint64{"web": 14, "other": 1}) })
	if held := r.held(); len(held) > 0 {
		t.Errorf("after the approval is held %+v", held)
	}
	// What was approved is not asked for again, and does not cover more.
	b = r.after("a", "one more goes", map[string]string{"apps/web/config.yaml": configMapsOf("web", 1, 6) + configMapsOf("new", 0, 500)})
	if !permits(b, map[string]uint64{"web": 15, "other": 1}) || len(r.held()) > 0 {
		t.Errorf("one more: it permits %+v, held %+v", b.Deletions, r.held())
	}
	b = r.after("a", "too many more go", map[string]string{"apps/web/config.yaml": configMapsOf("web", 1, 6)})
	if !permits(b, map[string]uint64{"other": 1}) || r.onlyHold().Count != 500 {
		t.Errorf("too many more: it permits %+v, held %+v", b.Deletions, r.held())
	}
	r.approve(r.onlyHold().Revision.Short())
	r.await("a", "the second approval", func(b protocol.Bundle) bool { return permits(b, map[string]uint64{"web": 515, "other": 1}) })
}

// What was permitted and not needed does not let anything through that is held.
func TestAHoldPermitsNoMoreThanTheAgentDid(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.begin("a")
	all := map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 20)}
	for range 2 {
		r.after("a", "four go", map[string]string{"apps/web/config.yaml": configMapsOf("web", 4, 20)})
		r.after("a", "four are back", all)
	}
	if b, _ := r.bundle("a"); !permits(b, map[string]uint64{"web": 8}) {
		t.Fatalf("it permits %+v", b.Deletions)
	}
	b := r.after("a", "a slip", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 1)})
	if !permits(b, nil) || r.onlyHold().Count != 19 {
		t.Errorf("it permits %+v, held %+v", b.Deletions, r.held())
	}
	r.approve(r.onlyHold().ID)
	r.await("a", "the approval", func(b protocol.Bundle) bool { return permits(b, map[string]uint64{"web": 27}) })
}

func TestOneCommitThatDeletesInManyClustersIsHeldAsOne(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d"}
	r := newRig(t, webs(60, names...))
	r.begin("a", "b", "c")
	r.push("one goes", map[string]string{"apps/web/config.yaml": configMapsOf("web", 1, 60)})
	for _, name := range names[:3] {
		r.await(name, "one object of each is ordinary", func(b protocol.Bundle) bool { return permits(b, map[string]uint64{"web": 1}) })
	}
	for _, name := range names[:3] {
		b, _ := r.bundle(name)
		r.acknowledge(name, b, map[string]uint64{"web": 1})
	}
	b := r.after("a", "five go", map[string]string{"apps/web/config.yaml": configMapsOf("web", 6, 60)})
	hold := r.onlyHold()
	if !permits(b, map[string]uint64{"web": 1}) || strings.Join(hold.Clusters, " ") != "a b c" || hold.Count != 15 || !strings.Contains(hold.Reason, "10 % of the clusters") {
		t.Fatalf("it permits %+v, held %+v", b.Deletions, hold)
	}
	if got := r.row("b").Message; !strings.Contains(got, "with 2 more") || !strings.Contains(got, "drover approve "+hold.ID) {
		t.Errorf("b says %q", got)
	}
	// It stays held where one cluster goes its own way.
	own := strings.ReplaceAll(app("web", "apps/web-a", "")+"---\n"+app("other", "apps/other", ""), "'", "")
	r.after("a", "a has its own", map[string]string{"clusters/a/apps.yaml": own, "apps/web-a/config.yaml": configMapsOf("web", 7, 60)})
	if all := r.held(); len(all) != 2 || strings.Join(all[0].Clusters, " ") != "b c" || all[0].Count != 10 || strings.Join(all[1].Clusters, " ") != "a" || all[1].Count != 6 {
		t.Fatalf("held: %+v", all)
	}
	r.restart(nil)
	// An agent tells of its own part alone, by the id that it computes itself.
	var lines []string
	for i := 1; i < 6; i++ {
		lines = append(lines, fmt.Sprint(" ConfigMap/web/web-", i))
	}
	part, err := r.hub.Held(t.Context(), protocol.HoldID(protocol.HoldDeletions, "b/web", lines...))
	if err != nil || strings.Join(part.Clusters, " ") != "b" || part.Count != 5 || part.Reason == "" {
		t.Errorf("what the agent of b tells of is %+v, %v", part, err)
	}
	check := func(what string, want map[string]uint64) {
		t.Helper()
		for name, n := range want {
			r.await(name, what, func(b protocol.Bundle) bool { return permits(b, map[string]uint64{"web": n}) })
		}
	}
	r.approve(part.ID)
	check("the approval of b alone", map[string]uint64{"a": 1, "b": 6, "c": 1})
	if all := r.held(); len(all) != 2 || strings.Join(all[0].Clusters, " ") != "c" {
		t.Errorf("held: %+v", all)
	}
	r.approve(r.held()[0].ID)
	check("the approval of the rest", map[string]uint64{"a": 1, "b": 6, "c": 6})
	if hold := r.onlyHold(); strings.Join(hold.Clusters, " ") != "a" {
		t.Errorf("held: %+v", hold)
	}
}

func TestFiveObjectsInTwoClustersAreOrdinary(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(60, "a", "b"))
	r.begin("a", "b")
	r.push("five go", map[string]string{"apps/web/config.yaml": configMapsOf("web", 5, 60)})
	for _, name := range []string{"a", "b"} {
		r.await(name, "five", func(b protocol.Bundle) bool { return permits(b, map[string]uint64{"web": 5}) })
	}
}

func TestWhatAnAgentHoldsIsApprovedByItsID(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.begin("a")
	b, _ := r.bundle("a")
	web := protocol.Held{ID: "1111111111", Kind: protocol.HoldDeletions, App: "web", Count: 7, Message: "7 objects left Git"}
	full := protocol.Held{ID: "2222222222", Kind: protocol.HoldContents, App: "web", Object: &protocol.ObjectRef{Kind: "Namespace", Name: "n"}, Count: 3, Message: "it is not empty"}
	r.acknowledge("a", b, map[string]uint64{"web": 2}, web, full)
	if got := r.row("a"); strings.Join(got.Held, " ") != "1111111111 2222222222" || !strings.Contains(got.Message, "drover approve 2222222222") {
		t.Errorf("the row: %v %s", got.Held, got.Message)
	}
	if _, err := r.hub.Approve(t.Context(), "3333333333"); !errors.Is(err, hub.ErrNotHeld) || !strings.Contains(err.Error(), "1111111111, 2222222222") {
		t.Errorf("approving what is not held: %v", err)
	}
	r.approve(web.ID)
	b = r.await("a", "the deletions", func(b protocol.Bundle) bool { return permits(b, map[string]uint64{"web": 9}) })
	if len(b.Deletions.Approved) > 0 {
		t.Errorf("approved: %v", b.Deletions.Approved)
	}
	r.approve(full.ID)
	b = r.await("a", "the Namespace", func(b protocol.Bundle) bool { return slices.Equal(b.Deletions.Approved, []string{full.ID}) })
	if len(r.held()) > 0 {
		t.Errorf("what is approved is shown until the agent knows: %+v", r.held())
	}
	if row := r.row("a"); len(row.Held) > 0 {
		t.Errorf("the row: %+v", row)
	}
	r.acknowledge("a", b, map[string]uint64{"web": 2}, full) // not done with it
	b = r.after("a", "a change", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 21)})
	if !slices.Equal(b.Deletions.Approved, []string{full.ID}) || !permits(b, map[string]uint64{"web": 9}) {
		t.Errorf("before the agent is done: %+v", b.Deletions)
	}
	r.acknowledge("a", b, map[string]uint64{"web": 9})
	b = r.after("a", "another", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 22)})
	if len(b.Deletions.Approved) > 0 || !permits(b, map[string]uint64{"web": 9}) {
		t.Errorf("when the agent is done: %+v", b.Deletions)
	}
}

// A hub without its store takes the totals up from the reports, and permits nothing that it cannot judge.
func TestTotalsAreTakenUpFromReports(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.begin("a")
	b, _ := r.bundle("a")
	r.acknowledge("a", b, map[string]uint64{"web": 12, "gone": 0})
	r.restart(func() {
		if err := os.Remove(filepath.Join(r.data, "hub.db")); err != nil {
			t.Fatal(err)
		}
		r.write(map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 1)})
		r.commit("a slip meanwhile")
	})
	r.until("the report is in", func() bool { return r.row("a").Accepted > 0 })
	b = r.await("a", "the newest", func(b protocol.Bundle) bool { return appOf(b, "web").Blob.Objects == 1 })
	if n := b.Deletions.Permitted("web"); n != 0 && n != 12 {
		t.Errorf("it permits %+v", b.Deletions)
	}
	b = r.after("a", "a change", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 2)})
	if !permits(b, map[string]uint64{"web": 12}) {
		t.Errorf("it permits %+v", b.Deletions)
	}
}

func TestAClusterThatWouldBeEmptiedIsHeld(t *testing.T) {
	t.Parallel()
	files := webs(20, "a", "b")
	files["clusters/b/cluster.yaml"] = "onRemove: prune\n"
	r := newRig(t, files)
	r.begin("a", "b")
	before, _ := r.bundle("b")
	r.push("b is renamed", map[string]string{"clusters/b": "", "clusters/c/apps.yaml": files["clusters/b/apps.yaml"]})
	hold := r.onlyHold()
	if hold.Kind != protocol.HoldClusters || strings.Join(hold.Clusters, " ") != "b" || hold.Count != 120 {
		t.Fatalf("held: %+v", hold)
	}
	if row := r.row("b"); row.State == query.StateReleased || !r.joined("b") || !strings.Contains(row.Message, "drover approve "+hold.ID) {
		t.Errorf("b is %s, joined %t: %s", row.State, r.joined("b"), row.Message)
	}
	if b, _ := r.bundle("b"); b.Generation != before.Generation {
		t.Errorf("b was told something: %+v", b)
	}
	r.approve(hold.ID)
	r.await("b", "everything may go", func(b protocol.Bundle) bool {
		return len(b.Apps) == 0 && permits(b, map[string]uint64{"web": 20, "other": 100})
	})
}

func TestAnAppThatMayBeEmpty(t *testing.T) {
	t.Parallel()
	files := webs(3, "a")
	files["apps/web/kustomization.yaml"] = "resources: [config.yaml]\n"
	r := newRig(t, files)
	r.begin("a")
	b := r.after("a", "nothing is left", map[string]string{"apps/web/kustomization.yaml": "resources: []\n", "apps/web/config.yaml": ""})
	if web := appOf(b, "web"); !strings.Contains(web.Error, "renders to nothing, and had objects (3) before") || web.Blob.Objects != 3 || !permits(b, nil) {
		t.Errorf("the app: %+v, permitted %+v", web, b.Deletions)
	}
	b = r.after("a", "moved", map[string]string{"apps/other/more.yaml": configMapsOf("web", 0, 3)})
	if web := appOf(b, "web"); web.Error != "" || web.Blob.Objects != 0 || appOf(b, "other").Blob.Objects != 103 || !permits(b, nil) {
		t.Errorf("what moved to another app: %+v, permitted %+v", web, b.Deletions)
	}
}

// The record of an older release knows of no deletions: what it published last is what the agent may have.
func TestTheRecordOfAnOlderReleaseIsGuarded(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.begin("a")
	var older protocol.Bundle
	r.restart(func() {
		store := must(bolt.Open(filepath.Join(r.data, "hub.db"), r.keys.Secret, slog.New(slog.DiscardHandler)))
		record := must(store.Clusters())["a"]
		record.Bundle.Deletions, record.Deletions = nil, release.Deletions{}
		record.Digest, older = record.Bundle.Digest(), record.Bundle
		if err := errors.Join(store.Save(hub.Batch{Records: map[string]hub.Record{"a": record}}), store.Close()); err != nil {
			t.Fatal(err)
		}
		r.write(map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 5)})
		r.commit("a slip")
	})
	b := r.await("a", "the slip", func(b protocol.Bundle) bool { return b.Generation > older.Generation })
	if !permits(b, nil) || r.onlyHold().Count != 15 {
		t.Errorf("it permits %+v, held %+v", b.Deletions, r.held())
	}
}

// What an agent misses while it is away is permitted commit by commit, and adds up.
func TestCommitsThatAnAgentMissesAreJudgedOneByOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.begin("a")
	for from := 4; from <= 16; from += 4 {
		b := r.after("a", fmt.Sprint("from ", from), map[string]string{"apps/web/config.yaml": configMapsOf("web", from, 20)})
		if !permits(b, map[string]uint64{"web": uint64(from)}) || len(r.held()) > 0 {
			t.Errorf("from %d on: it permits %+v, held %+v", from, b.Deletions, r.held())
		}
	}
	b := r.after("a", "all are back", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 20)})
	r.acknowledge("a", b, map[string]uint64{"web": 3})
	if b = r.after("a", "one goes", map[string]string{"apps/web/config.yaml": configMapsOf("web", 1, 20)}); !permits(b, map[string]uint64{"web": 17}) {
		t.Errorf("it permits %+v", b.Deletions)
	}
}
