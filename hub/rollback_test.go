package hub_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/git/revert"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/protocol"
)

// hooked is the web app with a value and a hook.
func hooked(value string) map[string]string {
	return map[string]string{"apps/web/base/config.yaml": configMap("web", value) +
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: migrate, annotations: {drover.dev/hook: PreSync}}\n"}
}

// What goes back says so to the agent, as long as it is so, whatever becomes of the hub; and what comes then does not.
func TestABundleSaysWhatGoesBack(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	forward := func(value string) protocol.App {
		t.Helper()
		r.push("hooks of "+value, hooked(value))
		b := r.gets("a", value)
		a := *appOf(b, "web")
		if a.Rollback != nil || a.Needs != nil {
			t.Errorf("web=%s goes back from %v and needs %v", value, a.Rollback, a.Needs)
		}
		r.tells("a", protocol.PhaseHealthy)
		return a
	}
	forward("good")
	r.gets("b", "good")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("rest", "passed")
	r.push("bad", hooked("bad"))
	bad := appOf(r.gets("a", "bad"), "web").Blob.Digest
	r.tells("a", protocol.PhaseFailed)
	says := func(when string, b protocol.Bundle, from ...string) {
		t.Helper()
		a := appOf(b, "web")
		if !slices.Equal(a.Rollback, from) || slices.Contains(a.Needs, protocol.NeedRollback) != (len(from) > 0) {
			t.Errorf("%s web goes back from %v and needs %v, want %v", when, a.Rollback, a.Needs, from)
		}
		if other := appOf(b, "extra"); other.Rollback != nil || other.Needs != nil {
			t.Errorf("%s extra says %v and needs %v", when, other.Rollback, other.Needs)
		}
	}
	back := r.gets("a", "good")
	says("at first", back, bad)
	r.tells("a", protocol.PhaseHealthy)
	r.restart(nil)
	r.wave("canary", "held back from Git")
	again, _ := r.bundle("a")
	says("after the hub has started again", again, bad)
	if again.Generation != back.Generation {
		t.Errorf("the hub started again and published generation %d after %d", again.Generation, back.Generation)
	}
	r.push("another app", map[string]string{"apps/extra/config.yaml": configMap("extra", "y")})
	says("beside another app", r.await("a", "the other app", func(b protocol.Bundle) bool {
		return b.Generation > again.Generation
	}), bad)
	r.tells("a", protocol.PhaseHealthy)
	forward("next")
}

// An app whose author says that it is never taken back is not, nor anything else of its cluster.
func TestAnAppIsNeverTakenBack(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	files := web("bad")
	files["clusters/a/apps.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web, annotations: " +
		"{drover.dev/rollback: never}}\nspec: {path: ./apps/web/overlays/a}\n---\n" + app("extra", "apps/extra", "")
	r.push("bad", files)
	r.gets("a", "bad")
	r.tells("a", protocol.PhaseFailed)
	r.until("it is said", func() bool {
		p := r.hub.State().Source().Rollouts[0]
		return len(p.Stays) == 1 && p.Stays[0].Cluster == "a" && slices.Equal(p.Stays[0].Apps, []string{"web"})
	})
	r.restart(nil)
	r.wave("canary", "held back from Git")
	r.keeps("a", "bad")
	r.keeps("b", "one")
	r.push("good", web("good")) // the way on is a commit
	r.gets("a", "good")
}

// away pushes nothing as long as it is away.
type away struct {
	rollouts.Reverting
	is atomic.Bool
}

func (a *away) Revert(ctx context.Context, p rollouts.Proposal) (rollouts.Pushed, error) {
	if a.is.Load() {
		return rollouts.Pushed{}, errors.New("the server is away")
	}
	return a.Reverting.Revert(ctx, p)
}

// gitOut is what git says in the repository.
func (r *rig) gitOut(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.repo
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// A policy that wants it has what failed reverted on a branch, once, with the evidence; when that is merged, Git asks
// for what runs, and nothing is sent.
func TestWhatFailedIsRevertedOnABranch(t *testing.T) {
	t.Parallel()
	policy := canaryFirst + "  revert: branch\n"
	server := &away{}
	server.is.Store(true)
	r := begun(t, policy, func(r *rig) {
		pusher, err := revert.New(revert.Options{URL: r.repo, Branch: "main", Author: "Drover <drover@example.com>"})
		if err != nil {
			t.Fatal(err)
		}
		server.Reverting, r.reverts = pusher, server
	})
	r.push("bad", web("bad"))
	r.gets("a", "bad")
	r.tells("a", protocol.PhaseFailed)
	reverts := func() []query.Revert { return r.hub.State().Source().Rollouts[0].Reverts }
	r.until("the push fails", func() bool { return len(reverts()) == 1 && reverts()[0].Text == "the server is away" })
	branch, main := reverts()[0].Branch, r.gitOut("rev-parse", "main")
	server.is.Store(false)
	r.restart(nil)
	r.until("the revert is pushed", func() bool { return len(reverts()) == 1 && reverts()[0].Commit != "" })
	if got := r.gitOut("rev-parse", branch); got != reverts()[0].Commit || branch != "drover/revert-"+main[:8] ||
		r.gitOut("rev-parse", branch+"^") != main || r.gitOut("rev-parse", "main") != main {
		t.Errorf("the branch %s is at %s: %+v", branch, got, reverts())
	}
	if got := r.gitOut("log", "-1", "--format=%an %B", branch); !strings.HasPrefix(got, `Drover Revert "bad"`) ||
		!strings.Contains(got, "1 of 1 clusters of the wave canary failed") ||
		!strings.Contains(got, "This reverts commit "+main) {
		t.Errorf("its commit says %s", got)
	}
	r.tells("a", protocol.PhaseHealthy)
	before, _ := r.bundle("a")
	r.git("merge", "-q", "--ff-only", branch)
	r.wave("rest", "passed")
	r.until("nothing is behind Git", func() bool { return len(r.hub.State().Source().Rollouts[0].Behind) == 0 })
	if after, _ := r.bundle("a"); after.Generation != before.Generation {
		t.Errorf("the revert came as generation %d after %d", after.Generation, before.Generation)
	}
}
