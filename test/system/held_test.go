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
