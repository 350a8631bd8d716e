package hub_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// putBack brings a copy of the data directory back while the hub is stopped.
func (r *rig) putBack(copied string) {
	r.t.Helper()
	must(0, os.RemoveAll(r.data))
	must(0, os.CopyFS(r.data, os.DirFS(copied)))
}

// A data directory is put back from a snapshot while the Git server is away. The mirror's commit used to become a new
// generation, and agents deleted what the newer one had.
func TestAnOldMirrorIsNotPublished(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]string{"the directory alone": "", "and its store lost": "hub.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, e := newGuest(t, twoClusters())
			r.join("a", "b")
			o := r.obey("a")
			o.has("the first bundle", func(protocol.Bundle) bool { return true })
			r.stop()
			snapshot := filepath.Join(t.TempDir(), "snapshot")
			must(0, os.CopyFS(snapshot, os.DirFS(r.data)))
			r.start()
			r.write(withApp("late"))
			r.commit("late")
			r.upload()
			before := o.has("the new app", hasApp("late"))
			e.away.Store(true)
			r.restart(func() {
				r.putBack(snapshot)
				if lose != "" {
					must(0, os.Remove(filepath.Join(r.data, lose)))
				}
			})
			r.until("the hub says that the repository cannot be read", func() bool { return r.hub.State().Source().Error != "" })
			reason := query.ReasonStaleMirror
			r.until("what is waited for is said", func() bool {
				w := r.hub.State().Source().Withheld
				return w != nil && w.Reason == reason && w.Command != ""
			})
			o.report()
			time.Sleep(2 * silence)
			if b, count, deleted := o.last(); count != 2 || deleted != 0 || b.Generation != before.Generation {
				t.Fatalf("while Git is away the agent accepted %d bundles, and deleted %d apps", count, deleted)
			}
			e.away.Store(false)
			r.until("nothing is in the way", func() bool { return r.hub.State().Source().Withheld == nil })
			r.write(map[string]string{"apps/extra/config.yaml": configMap("extra", "next")})
			r.commit("next")
			r.upload()
			o.has("the next commit", func(b protocol.Bundle) bool { return b.Revision.Subject == "next" })
			if _, _, deleted := o.last(); deleted != 0 {
				t.Errorf("the agent deleted %d apps", deleted)
			}
		})
	}
}

// With the embedded server the bus is put back too: then the agent alone knows better, and its cluster alone waits.
func TestAnOldMirrorAndBusWaitForGitWhereAnAgentKnowsBetter(t *testing.T) {
	t.Parallel()
	r, e := newGuest(t, twoClusters())
	r.stop()
	r.guest, r.remote = false, false
	r.addr = freeAddr(t)
	r.start()
	r.join("a")
	o := r.obey("a")
	o.has("the first bundle", func(protocol.Bundle) bool { return true })
	r.stop()
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	must(0, os.CopyFS(snapshot, os.DirFS(r.data)))
	r.start()
	r.write(withApp("late"))
	r.commit("late")
	r.upload()
	o.has("the new app", hasApp("late"))
	e.away.Store(true)
	r.restart(func() { r.putBack(snapshot) })
	r.until("the cluster waits", func() bool {
		w := r.row("a").Withheld
		return w != nil && w.Reason == query.ReasonUnknown
	})
	if w := r.hub.State().Source().Withheld; w != nil {
		t.Errorf("the whole fleet waits: %s", w)
	}
	if _, count, deleted := o.last(); count != 2 || deleted != 0 {
		t.Errorf("the agent accepted %d bundles, and deleted %d apps", count, deleted)
	}
	e.away.Store(false)
	b := o.has("what Git has, above what it had", func(b protocol.Bundle) bool { return b.Generation > 2 })
	if !hasApp("late")(b) {
		t.Error("the new app is gone")
	}
	r.until("the cluster does not wait", func() bool { return r.row("a").Withheld == nil })
}

// A mirror that has all that was published is as good as Git: a hub that starts while Git is away goes on.
func TestAMirrorThatLacksNothingIsPublished(t *testing.T) {
	t.Parallel()
	r, e := newGuest(t, twoClusters())
	r.join("a")
	o := r.obey("a")
	o.has("the first bundle", func(protocol.Bundle) bool { return true })
	e.away.Store(true)
	r.restart(nil)
	r.until("the hub says that the repository cannot be read", func() bool { return r.hub.State().Source().Error != "" })
	r.join("b")
	r.obey("b").has("a bundle", func(protocol.Bundle) bool { return true })
	r.stands(protocol.HubActive, "")
}

// Git's will is where the branch is, freshly fetched: also at a commit before the one that agents have.
func TestABranchThatWasPushedBackIsPublished(t *testing.T) {
	t.Parallel()
	r, _ := newGuest(t, twoClusters())
	r.join("a")
	o := r.obey("a")
	o.has("the first bundle", func(protocol.Bundle) bool { return true })
	r.write(withApp("late"))
	r.commit("late")
	r.upload()
	o.has("the new app", hasApp("late"))
	r.git("reset", "-q", "--hard", "HEAD~1")
	r.upload()
	o.has("the commit before", func(b protocol.Bundle) bool { return !hasApp("late")(b) && b.Generation == 3 })

	// Pushed back, and with the store lost: the hub knows nothing of the commit that the agent has, and looks at Git
	// before it says so.
	r.write(withApp("later"))
	r.commit("later")
	r.upload()
	o.has("another app", hasApp("later"))
	r.git("reset", "-q", "--hard", "HEAD~1")
	r.restart(func() {
		r.upload()
		must(0, os.Remove(filepath.Join(r.data, "hub.db")))
		must(0, os.RemoveAll(filepath.Join(r.data, "git")))
	})
	b := o.has("the commit before again", func(b protocol.Bundle) bool { return !hasApp("later")(b) })
	if b.Epoch != 2 {
		t.Errorf("without its store the hub goes on with epoch %d", b.Epoch)
	}
}

// With the store and the bus lost nobody but the agents knows the epoch. A bundle of a newer one takes precedence
// whatever its generation is: that is above the agent's only where the hub had heard of it before.
func TestALostStoreAndBusGoAboveTheEpochThatAgentsReport(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.restart(func() {
		must(0, os.Remove(filepath.Join(r.data, "hub.db")))
		must(0, os.RemoveAll(filepath.Join(r.data, "nats")))
	})
	r.until("the bundle of a is above what its agent reports, again and again", func() bool {
		r.report("a", func(rep *protocol.Report) { rep.Epoch, rep.Generation, rep.Digest = 3, 9, "of a hub before" })
		b, ok := r.bundle("a")
		return ok && b.Epoch == 4
	})
	r.restart(nil)
	if s := r.hub.State().Source(); s.Hub.Epoch != 4 || s.Withheld != nil {
		t.Errorf("after a restart the hub is %+v, %v", s.Hub, s.Withheld)
	}
}

// An agent that always knows more, because another hub that answers no questions publishes too, does not make a flood.
func TestGenerationsWithoutACommitAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	for range 40 {
		b, _ := r.bundle("a")
		r.report("a", func(rep *protocol.Report) {
			rep.Generation, rep.Digest, rep.Epoch = b.Generation+1, "another hub's", b.Epoch
		})
		if w := r.row("a").Withheld; w != nil {
			break
		}
		r.until("it is overtaken, or not", func() bool {
			now, _ := r.bundle("a")
			return now.Generation > b.Generation+1 || r.row("a").Withheld != nil
		})
	}
	w := r.row("a").Withheld
	if w == nil || w.Reason != query.ReasonFlood || !strings.Contains(r.row("a").Message, string(query.ReasonFlood)) {
		t.Fatalf("nothing holds them: %+v, %s", w, r.row("a").Message)
	}
	b, _ := r.bundle("a")
	if b.Generation > 30 {
		t.Errorf("generation %d was reached", b.Generation)
	}
	r.push("a commit", map[string]string{"apps/extra/config.yaml": configMap("extra", "new")})
	r.await("b", "the commit", func(b protocol.Bundle) bool { return b.Revision.Subject == "a commit" })
	r.await("a", "the commit, which ends the pause", func(b protocol.Bundle) bool { return b.Revision.Subject == "a commit" })
	r.until("nothing is held", func() bool { return r.row("a").Withheld == nil })
}
