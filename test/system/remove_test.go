package system

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The folder of a cluster goes, and its cluster.yaml had said onRemove: prune: what Drover delivered there is deleted, but for
// apps and objects that are not to be pruned, and only then is the agent cut off.
func TestARemovedClusterIsPrunedBeforeItsAgentIsCutOff(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.poll("the first revision", func() (bool, string) { return s.settled(0) })
	s.repo.Write("clusters/README.md", "one folder per cluster")
	s.repo.Write("clusters/edge/cluster.yaml", "onRemove: prune\n")
	s.repo.Write("clusters/edge/two.yaml", strings.Replace(appFile("two"), "apps/two", "apps/two, prune: false", 1))
	s.repo.Write("apps/three/kept.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: three-kept\n  namespace: edge\n"+
		"  annotations: {drover.dev/prune: disabled}\ndata: {revision: \"1\"}\n")
	s.write(0)
	s.poll("what is not to be pruned", func() (bool, string) {
		out, err := s.try("status", "--exit-code")
		return err == nil && s.revisions()["three-kept"] == "1", out
	})
	s.env = append(s.env, "GIT_AUTHOR_NAME=Test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=Test", "GIT_COMMITTER_EMAIL=test@example.com")

	s.agent.kill() // an agent that is away keeps its cluster, and is waited for
	if out := s.drover("cluster", "remove", "edge", "--repo", s.repo.Dir, "--yes"); !strings.Contains(out, "onRemove: prune, so everything that Drover delivered there is deleted") {
		t.Errorf("remove does not say what it does:\n%s", out)
	}
	var id string
	s.poll("what would be deleted is held", func() (bool, string) {
		out := s.drover("status")
		if m := regexp.MustCompile("onRemove: prune would delete .* let it through with `drover approve ([0-9a-f]{10})`").FindStringSubmatch(out); m != nil {
			id = m[1]
		}
		return id != "", out
	})
	if out := s.drover("approve", id, "--yes"); !strings.Contains(out, "edge is let go") {
		t.Errorf("approve says:\n%s", out)
	}
	s.poll("the agent is waited for", func() (bool, string) {
		out := s.drover("status")
		return strings.Contains(out, "is deleted as soon as its agent is back"), out
	})
	if got := len(s.revisions()); got != 10 {
		t.Errorf("with its agent away the cluster has %d objects, not 10", got)
	}

	s.agent.start()
	s.poll("all is done", func() (bool, string) {
		out := s.drover("status")
		return strings.Contains(out, "nothing of Drover's runs there any more"), out
	})
	want := append(objects("two", 0), "three-kept")
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(s.revisions())); !slices.Equal(got, want) {
		t.Errorf("what is left is %v, want %v", got, want)
	}
	shown := s.drover("cluster", "show", "edge")
	for _, object := range want {
		if !strings.Contains(shown, "/"+object+" ") {
			t.Errorf("the journal does not say that %s was kept:\n%s", object, shown)
		}
	}
	for _, line := range []string{"kept", "pruned", "the app does not prune", "it has the annotation drover.dev/prune: disabled"} {
		if !strings.Contains(shown, line) {
			t.Errorf("the journal does not say %q:\n%s", line, shown)
		}
	}
	s.drover("cluster", "forget", "edge")
	if out := s.drover("cluster", "list", "-o", "name"); out != "" {
		t.Errorf("a forgotten cluster is listed: %q", out)
	}
}
