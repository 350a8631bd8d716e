package hub_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// said has an agent report that it accepted a bundle; one that counts no terms counts no deletions either.
func (r *rig) said(b protocol.Bundle, term uint64) {
	r.t.Helper()
	r.report("a", func(rep *protocol.Report) {
		rep.Generation, rep.Digest, rep.Revision, rep.Agent.Term = b.Generation, b.Digest(), b.Revision, term
		rep.Apps = []protocol.AppReport{{Name: "web"}, {Name: "other"}}
	})
	r.until("it is heard", func() bool { // an agent that counts gets another bundle at once
		return r.row("a").Agent.Term == term && (term > 0 || r.row("a").Synced)
	})
}

func webOf(b protocol.Bundle) protocol.App {
	for _, a := range b.Apps {
		if a.Name == "web" {
			return a
		}
	}
	return protocol.App{}
}

// An agent of c9a339c deletes whatever a bundle lacks. What is held for a person is therefore not in the bundle that it
// gets: the app is kept as it was, and the rest of the commit goes on.
func TestHeldDeletionsAreWithheldFromAgentsThatDoNotCount(t *testing.T) {
	t.Parallel()
	for name, slip := range map[string]map[string]string{
		"objects": {"apps/web/config.yaml": configMapsOf("web", 0, 2)},
		"the app": {"clusters/a/apps.yaml": app("other", "apps/other", "")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, webs(20, "a"))
			r.join("a")
			before := r.await("a", "published", published)
			r.said(before, 0)
			slip["apps/other/config.yaml"] = configMapsOf("other", 0, 101)
			b := r.after("a", "a slip", slip)
			if web := webOf(b); web.Blob == nil || web.Blob.Digest != webOf(before).Blob.Digest ||
				!strings.Contains(web.Error, "drover approve "+r.onlyHold().ID) {
				t.Errorf("the agent, which does not hold, is given %+v", web)
			}
			r.said(b, 0)
			id := r.onlyHold().ID
			b = r.after("a", "more", map[string]string{"apps/other/config.yaml": configMapsOf("other", 0, 102)})
			if web := webOf(b); web.Error == "" || r.onlyHold().ID != id {
				t.Errorf("after another commit the agent is given %+v, and %+v is held", web, r.held())
			}
			r.said(b, 0)
			r.said(b, 1) // it is upgraded, and holds by itself
			b = r.await("a", "the slip", func(b protocol.Bundle) bool { return webOf(b).Error == "" })
			if len(b.Deletions.Apps) > 0 || r.onlyHold().ID != id {
				t.Errorf("the bundle permits %+v, and %+v is held", b.Deletions, r.held())
			}
		})
	}
}

func TestApprovedDeletionsReachAgentsThatDoNotCount(t *testing.T) {
	t.Parallel()
	r := newRig(t, webs(20, "a"))
	r.join("a")
	r.said(r.await("a", "published", published), 0)
	r.said(r.after("a", "a slip", map[string]string{"apps/web/config.yaml": configMapsOf("web", 0, 2)}), 0)
	r.approve(r.onlyHold().ID)
	b := r.await("a", "what was approved", func(b protocol.Bundle) bool { return webOf(b).Error == "" })
	if webOf(b).Blob.Objects != 2 || b.Deletions.Apps["web"] != 18 || len(r.held()) > 0 {
		t.Errorf("the bundle has %+v and permits %+v", webOf(b), b.Deletions)
	}
}
