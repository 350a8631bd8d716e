package hub_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// nClusters are clusters with an app each, and a file in clusters/ that keeps it there when all have left.
func nClusters(names ...string) map[string]string {
	files := map[string]string{"apps/web/config.yaml": configMap("web", "1"), "clusters/README.md": "words"}
	for _, name := range names {
		files["clusters/"+name+"/web.yaml"] = app("web", "./apps/web", "")
	}
	return files
}

// joined says whether the hub would let a cluster's agent in.
func (r *rig) joined(name string) bool {
	_, ok := r.ids.OpenKey(name)
	return ok
}

// accept has a cluster's agent report that it has accepted a bundle, and has these apps.
func (r *rig) accept(name string, b protocol.Bundle, apps ...string) {
	r.t.Helper()
	r.report(name, func(rep *protocol.Report) {
		rep.Generation, rep.Digest, rep.Revision, rep.Apps = b.Generation, b.Digest(), b.Revision, []protocol.AppReport{}
		for _, app := range apps {
			rep.Apps = append(rep.Apps, protocol.AppReport{Name: app, Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent})
		}
	})
}

// disconnect ends the connection of a cluster's agent.
func (r *rig) disconnect(name string) {
	r.agents[name].Close()
	delete(r.agents, name)
}

// published says whether a bundle is out with what its apps render to.
func published(b protocol.Bundle) bool { return settled(b) }

// settle waits for a bundle of each cluster and has their agents accept it.
func (r *rig) settle(names ...string) {
	r.t.Helper()
	r.join(names...)
	for _, name := range names {
		r.accept(name, r.await(name, "published", published), "web")
		r.until(name+" has reported", func() bool { return r.row(name).Synced })
	}
}

func TestAClusterWhoseFolderGoesIsReleased(t *testing.T) {
	t.Parallel()
	r := newRig(t, nClusters("a", "b"))
	r.settle("a", "b")
	first, _ := r.bundle("b")
	r.push("b leaves", map[string]string{"clusters/b": ""})
	row := r.row("b")
	if row.State != query.StateReleased || !strings.Contains(row.Message, "left running") || row.Since.IsZero() {
		t.Errorf("b is %s, %q", row.State, row.Message)
	}
	if r.joined("b") || !r.joined("a") {
		t.Errorf("credentials: a %t, b %t; want b's alone revoked", r.joined("a"), r.joined("b"))
	}
	r.until("the connection of b is cut", func() bool { return !r.agents["b"].IsConnected() })
	r.until("that is seen", func() bool {
		b, _ := r.hub.State().Get("b")
		return !b.Link.Connected
	})
	r.disconnect("b")
	r.restart(nil)
	if again := r.row("b"); again.State != query.StateReleased || !again.Since.Equal(row.Since) {
		t.Errorf("after a restart b is %s since %s, not %s", again.State, again.Since, row.Since)
	}

	r.push("b is back", nClusters("b"))
	if row := r.row("b"); row.State != query.StateAwaiting || !strings.Contains(row.Message, "drover agent manifest --cluster b") {
		t.Errorf("b is %s, %q", row.State, row.Message)
	}
	r.join("b")
	if b := r.await("b", "published", published); b.Generation < first.Generation {
		t.Errorf("its generation went back from %d to %d", first.Generation, b.Generation)
	}
	r.until("b is connected", func() bool { return r.row("b").State == query.StateConnected })
}

func TestAFolderThatWentWhileTheHubWasAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, nClusters("a", "b", "c"))
	r.settle("a", "b", "c")
	leave := func(name string) func() {
		return func() {
			r.write(map[string]string{"clusters/" + name: ""})
			r.commit(name + " leaves")
		}
	}
	r.restart(leave("b"))
	if row := r.row("b"); row.State != query.StateReleased || r.joined("b") {
		t.Errorf("b is %s, and its credential is live: %t", row.State, r.joined("b"))
	}
	// One that left before does not make it several.
	r.restart(leave("c"))
	r.until("both are shown as released", func() bool {
		for _, name := range []string{"b", "c"} {
			if c, known := r.hub.State().Get(name); !known || c.Row().State != query.StateReleased {
				return false
			}
		}
		return true
	})
	if held := r.hub.State().Source().Held; len(held) > 0 || r.joined("c") || !r.joined("a") {
		t.Errorf("held %v; the credential of c is live: %t, of a: %t", held, r.joined("c"), r.joined("a"))
	}
}

// With its store lost the hub does not know whether the cluster was held, or is to be pruned: a person
// decides. With the bus lost too, the
// credentials are all that tells the hub that there is such a cluster.
func TestAFolderThatWentBeforeTheStoreWasLostIsHeld(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]string{"the store was lost": {"hub.db"}, "the store and the bus were lost": {"hub.db", "nats"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nClusters("a", "b"))
			r.settle("a", "b")
			r.restart(func() {
				for _, file := range lost {
					if err := os.RemoveAll(filepath.Join(r.data, file)); err != nil {
						t.Fatal(err)
					}
				}
				r.write(map[string]string{"clusters/b": ""})
				r.commit("b leaves")
			})
			r.until("b is held", func() bool { return len(r.hub.State().Source().Held) == 1 })
			hold := r.hub.State().Source().Held[0]
			if !slices.Equal(hold.Clusters, []string{"b"}) || !r.joined("b") || !r.joined("a") {
				t.Errorf("held are %v; the credential of b is live: %t, of a: %t", hold.Clusters, r.joined("b"), r.joined("a"))
			}
			if _, err := r.hub.Approve(t.Context(), hold.ID); err != nil {
				t.Fatal(err)
			}
			r.until("b is released", func() bool { return r.row("b").State == query.StateReleased && !r.joined("b") })
		})
	}
}

func TestOnRemovePruneEmptiesTheClusterBeforeItsCredentialIsRevoked(t *testing.T) {
	t.Parallel()
	files := nClusters("a", "b")
	files["clusters/b/cluster.yaml"] = "onRemove: prune\nagent: {image: example.com/agent:2}\n"
	r := newRig(t, files)
	r.settle("a", "b")
	if b, _ := r.bundle("b"); b.AgentImage != "example.com/agent:2" {
		t.Errorf("the agent is to run %q", b.AgentImage)
	}
	r.push("unclear", map[string]string{"clusters/b/cluster.yaml": "onRemove: [\n"})
	if b := r.await("b", "the problem", func(b protocol.Bundle) bool { return b.Incomplete != "" }); b.AgentImage != "example.com/agent:2" {
		t.Errorf("while cluster.yaml cannot be read the agent is to run %q", b.AgentImage)
	}
	r.push("b leaves", map[string]string{"clusters/b": ""})
	empty := r.await("b", "a complete bundle without apps", func(b protocol.Bundle) bool { return len(b.Apps) == 0 })
	if empty.Incomplete != "" || empty.Check() != nil {
		t.Errorf("the bundle is %+v", empty)
	}
	r.accept("b", empty, "web")
	r.until("what is left is shown", func() bool {
		row := r.row("b")
		return row.State == query.StateReleased && strings.Contains(row.Message, "being deleted") && strings.Contains(row.Message, "app web")
	})
	if !r.joined("b") {
		t.Fatal("the credential was revoked before the cluster was empty")
	}
	r.restart(nil)
	r.until("how old the knowledge of b is", func() bool { return strings.Contains(r.row("b").Message, "last heard of at") })

	r.push("b is back", files)
	r.await("b", "its apps again", func(b protocol.Bundle) bool { return len(b.Apps) == 1 && b.Generation > empty.Generation })
	r.push("b leaves again", map[string]string{"clusters/b": ""})
	empty = r.await("b", "a bundle without apps", func(b protocol.Bundle) bool { return len(b.Apps) == 0 })
	r.accept("b", empty)
	r.until("its credential is revoked", func() bool { return !r.joined("b") })
	r.until("b is done", func() bool { return strings.Contains(r.row("b").Message, "nothing of Drover's runs there") })
	if !r.joined("a") {
		t.Error("a lost its credential")
	}
}

func TestSeveralFoldersThatGoAtOnceAreHeld(t *testing.T) {
	t.Parallel()
	r := newRig(t, nClusters("a", "b", "c", "d"))
	r.settle("a", "b", "c")
	before, _ := r.bundle("a")
	r.push("a mistake", map[string]string{"clusters/a": "", "clusters/b": "", "clusters/d": "", "apps/web/config.yaml": configMap("web", "2")})
	r.await("c", "the rest of the commit goes on", func(b protocol.Bundle) bool { return strings.Contains(r.lines("c", b, "web"), `"value":"2"`) })
	held := r.hub.State().Source().Held
	if len(held) != 1 || strings.Join(held[0].Clusters, " ") != "a b d" || held[0].Revision.Subject != "a mistake" || held[0].Since.IsZero() {
		t.Fatalf("held: %+v", held)
	}
	mistake := held[0].Revision
	check := func(when string) {
		t.Helper()
		for _, name := range []string{"a", "b"} {
			row := r.row(name)
			if row.State == query.StateReleased || !r.joined(name) || !strings.Contains(row.Message, "drover approve "+held[0].ID) {
				t.Errorf("%s, %s is %s, joined %t: %s", when, name, row.State, r.joined(name), row.Message)
			}
		}
		if b, _ := r.bundle("a"); b.Digest() != before.Digest() || b.Generation != before.Generation {
			t.Errorf("%s, a was told something: %+v", when, b)
		}
	}
	check("held")
	r.push("one more leaves", map[string]string{"clusters/c": ""})
	if row := r.row("c"); row.State != query.StateReleased {
		t.Errorf("c, which left alone, is %s", row.State)
	}
	r.disconnect("c")
	r.restart(nil)
	check("after a restart")
	if held := r.hub.State().Source().Held; len(held) != 1 || held[0].Revision.Hash != mistake.Hash {
		t.Errorf("after a restart is held: %+v", held)
	}
	for _, wrong := range []string{"", mistake.Hash[:6], "0123456789", r.hub.State().Source().Revision.Hash} {
		if _, err := r.hub.Approve(t.Context(), wrong); !errors.Is(err, hub.ErrNotHeld) || !strings.Contains(err.Error(), mistake.Short()) {
			t.Errorf("approve %q: %v", wrong, err)
		}
	}
	check("after approving something else")

	r.push("b is back", nClusters("b"))
	if held := r.hub.State().Source().Held; len(held) != 1 || strings.Join(held[0].Clusters, " ") != "a d" {
		t.Errorf("with b back is held: %+v", held)
	}
	if row := r.row("b"); row.State != query.StateConnected && row.State != query.StateOffline || strings.Contains(row.Message, "approve") {
		t.Errorf("b is %s: %s", row.State, row.Message)
	}
	approved, err := r.hub.Approve(t.Context(), mistake.Hash[:7])
	if err != nil || strings.Join(approved.Clusters, " ") != "a d" {
		t.Fatalf("Approve = %+v, %v", approved, err)
	}
	r.disconnect("a")
	for _, when := range []string{"approved", "after a restart"} {
		if row := r.row("a"); row.State != query.StateReleased || r.joined("a") || !r.joined("b") {
			t.Errorf("%s, a is %s, joined %t; b is joined %t", when, row.State, r.joined("a"), r.joined("b"))
		}
		if got := r.names(); got != "a b c" {
			t.Errorf("%s, the clusters are %s; d never had an agent", when, got)
		}
		if s := r.hub.State().Source(); len(s.Held) > 0 {
			t.Errorf("%s, is held: %+v", when, s.Held)
		}
		r.restart(nil)
	}
	if _, err := r.hub.Approve(t.Context(), mistake.Hash); !errors.Is(err, hub.ErrNotHeld) {
		t.Errorf("approved twice: %v", err)
	}
}

func TestAHoldEndsWhenTheFoldersAreBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, nClusters("a", "b", "c"))
	r.settle("a", "b")
	r.push("a mistake", map[string]string{"clusters/a": "", "clusters/b": ""})
	if held := r.hub.State().Source().Held; len(held) != 1 {
		t.Fatalf("held: %+v", held)
	}
	r.git("revert", "--no-edit", "HEAD")
	r.until("nothing is held", func() bool { return len(r.hub.State().Source().Held) == 0 })
	r.restart(nil)
	for _, name := range []string{"a", "b"} {
		if row := r.row(name); !r.joined(name) || strings.Contains(row.Message, "approve") {
			t.Errorf("%s is joined %t: %s", name, r.joined(name), row.Message)
		}
	}
	r.push("on", map[string]string{"apps/web/config.yaml": configMap("web", "2")})
	r.await("a", "it goes on", func(b protocol.Bundle) bool { return strings.Contains(r.lines("a", b, "web"), `"value":"2"`) })
}

// A hub that is started with a wrong --path, or on another branch, finds none of the clusters that it knows.
func TestAHubThatFindsNoneOfItsClustersReleasesNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nClusters("a"))
	r.settle("a")
	r.restart(func() {
		r.write(map[string]string{"clusters/a": "", "clusters/z/web.yaml": app("web", "./apps/web", "")})
		r.commit("elsewhere")
	})
	if row := r.row("a"); row.State == query.StateReleased || !r.joined("a") || len(r.hub.State().Source().Held) != 1 {
		t.Errorf("a is %s, joined %t; held: %+v", row.State, r.joined("a"), r.hub.State().Source().Held)
	}
}

func TestOnlyAReleasedClusterIsForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t, nClusters("a", "b"))
	r.settle("b", "a") // whose report is the later one
	for _, name := range []string{"a", "nobody"} {
		if err := r.hub.Forget(t.Context(), name); !errors.Is(err, hub.ErrNotReleased) {
			t.Errorf("forget %s: %v", name, err)
		}
	}
	r.push("b leaves", map[string]string{"clusters/b": ""})
	r.disconnect("b")
	if err := r.hub.Forget(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := r.names(); got != "a" {
			t.Errorf("the clusters are %s", got)
		}
		r.restart(func() {
			if err := os.Remove(filepath.Join(r.data, "hub.db")); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		})
		r.until("the last report of a is back", func() bool { return !r.row("a").Received.IsZero() })
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.hub.Forget(done, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("forget for somebody who does not wait: %v", err)
	}
}
