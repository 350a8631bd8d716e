package system

import (
	"regexp"
	"strings"
	"testing"
)

// TestASlipWaitsForAPerson: what a commit takes away beyond the usual stays in the cluster until it is approved, and everything else of the
// commit goes on.
func TestASlipWaitsForAPerson(t *testing.T) {
	t.Parallel()
	s := newSceneWith(t, 7)
	s.poll("the first revision", func() (bool, string) { return s.settled(0) })
	before := s.identities()
	s.repo.Write("apps/one/objects.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one-always, namespace: edge}\ndata: {revision: \"1\"}\n")
	if _, err := s.repo.Commit("a slip"); err != nil {
		t.Fatal(err)
	}
	var id string
	s.poll("the slip is held", func() (bool, string) {
		out := s.drover("status")
		if m := regexp.MustCompile("\"a slip\" would delete 9 objects of app one in cluster edge: .* `drover approve ([0-9a-f]{10})`").FindStringSubmatch(out); m != nil {
			id = m[1]
		}
		return id != "" && s.revisions()["one-always"] == "1", out
	})
	s.agent.kill()
	s.agent.start()
	s.hub.kill()
	s.hub.start()
	s.repo.Write("apps/two/more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two-more, namespace: edge}\ndata: {revision: \"2\"}\n")
	if _, err := s.repo.Commit("unrelated"); err != nil {
		t.Fatal(err)
	}
	s.poll("an unrelated commit", func() (bool, string) {
		out, err := s.try("status")
		return err == nil && s.revisions()["two-more"] == "2" && strings.Contains(out, "drover approve "+id), out
	})
	now := s.identities()
	for name, uid := range before {
		if now[name] != uid {
			t.Errorf("%s is gone, or was made again", name)
		}
	}
	if out := s.drover("approve", id, "--yes"); !strings.Contains(out, "ConfigMap/edge/one-odd-0") {
		t.Errorf("approve shows:\n%s", out)
	}
	s.poll("what was approved is done", func() (bool, string) {
		out := s.drover("status")
		return len(s.revisions()) == 22 && !strings.Contains(out, "drover approve"), out
	})
}

// TestAnApplicationSyncedByHandWaits: nothing of it is applied, and then nothing newer, before a person approves it; what
// was approved is healed meanwhile, and everything else goes on. Hub and agent are restarted in between.
func TestAnApplicationSyncedByHandWaits(t *testing.T) {
	t.Parallel()
	s := newSceneWith(t, 0)
	s.poll("the first revision", func() (bool, string) { return s.settled(0) })
	manifest := func(revision string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hand, namespace: edge}\ndata: {revision: \"" + revision + "\"}\n"
	}
	commit := func(message string) {
		t.Helper()
		if _, err := s.repo.Commit(message); err != nil {
			t.Fatal(err)
		}
	}
	s.repo.Write("hand/config.yaml", manifest("1"))
	s.repo.Write("clusters/edge/hand.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: hand, namespace: argocd}\n"+
		"spec:\n  project: default\n  source: {repoURL: "+s.repo.Dir+", path: hand, targetRevision: HEAD}\n"+
		"  destination: {server: https://kubernetes.default.svc, namespace: edge}\n")
	commit("by hand")
	held := func(message, says string) string {
		t.Helper()
		var id string
		s.poll(message+" is held", func() (bool, string) {
			out := s.drover("status")
			if m := regexp.MustCompile(`"` + message + `" gives ` + says + "; .* `drover approve ([0-9a-f]{10})`").FindStringSubmatch(out); m != nil {
				id = m[1]
			}
			return id != "", out
		})
		return id
	}
	first := held("by hand", "the first content to app argocd/hand in cluster edge: 1 object added")
	s.poll("the agent knows that it waits", func() (bool, string) {
		out := s.drover("status", "edge")
		return regexp.MustCompile(`argocd/hand +pending +ReleaseHeld`).MatchString(out), out
	})
	if _, applied := s.revisions()["hand"]; applied {
		t.Fatal("it is applied before it was approved")
	}
	s.drover("approve", first, "--yes")
	s.poll("it is applied", func() (bool, string) { return s.revisions()["hand"] == "1", s.drover("status", "edge") })

	s.repo.Write("hand/config.yaml", manifest("2"))
	s.repo.Write("apps/one/more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one-more, namespace: edge}\ndata: {revision: \"2\"}\n")
	commit("newer")
	second := held("newer", "newer content to app argocd/hand in cluster edge: 1 object changed")
	s.poll("the other app goes on", func() (bool, string) { return s.revisions()["one-more"] == "2", s.drover("status", "edge") })
	s.agent.kill()
	s.agent.start()
	s.hub.kill()
	s.hub.start()
	s.poll("the hub and the agent are back", func() (bool, string) {
		out, err := s.try("status")
		return err == nil && strings.Contains(out, "drover approve "+second) && strings.Contains(out, "connected"), out
	})
	if _, err := s.cp.Kube().Apply(t.Context(), "kubectl-edit", manifest("changed by hand")); err != nil {
		t.Fatal(err)
	}
	s.poll("what was approved is healed", func() (bool, string) { return s.revisions()["hand"] == "1", s.drover("status", "edge") })
	if out := s.drover("approve", second, "--yes"); !strings.Contains(out, "~ ConfigMap/edge/hand") {
		t.Errorf("approve shows:\n%s", out)
	}
	s.poll("the newer content is applied", func() (bool, string) {
		out := s.drover("status")
		return s.revisions()["hand"] == "2" && !strings.Contains(out, "drover approve"), out
	})
}
