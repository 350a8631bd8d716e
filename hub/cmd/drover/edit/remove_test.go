package edit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Before a folder is removed it is said what becomes of the cluster, by its cluster.yaml as it is here.
func TestWhatBecomesOfAClusterIsSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"none":   {"", "edge: what runs there is left running, and its credential is revoked\n"},
		"orphan": {"onRemove: orphan\n", "edge: what runs there is left running, and its credential is revoked\n"},
		"prune": {"onRemove: prune\n",
			"edge: onRemove: prune, so everything that Drover delivered there is deleted, and then its credential is revoked"},
		"an object": {"apiVersion: drover.dev/v1alpha1\nkind: Cluster\nspec: {onRemove: prune}\n",
			"edge: onRemove: prune, so everything"},
		"not to be read": {"onRemove: [\n", "edge: what becomes of it is what the hub last read ("},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := fleet(t)
			if c.file != "" {
				x.commit("clusters/edge/cluster.yaml", c.file)
			}
			said, code := x.answered("y\n", "remove", "edge")
			if code != fine || !strings.Contains(said, c.want) || !strings.Contains(said, "Remove clusters/edge? [y/N] ") {
				t.Errorf("exit code %d: %s", code, said)
			}
		})
	}
}

func TestNothingIsRemovedWithoutAYes(t *testing.T) {
	t.Parallel()
	c := fleet(t)
	before := c.git("rev-parse", "HEAD")
	for answer, want := range map[string]string{"n\n": "nothing was done\n", "\n": "nothing was done\n",
		"": "there was no answer: say --yes"} {
		if said, code := c.answered(answer, "remove", "edge"); code != bad || !strings.Contains(said, want) {
			t.Errorf("%q: exit code %d: %s", answer, code, said)
		}
	}
	if c.git("rev-parse", "HEAD") != before || c.git("status", "--porcelain") != "" {
		t.Error("something was changed")
	}
	c.wants(misused, "it takes the names of clusters", "remove")
}

// Only what Git knows is removed: what else is in the folder stays, and with it the folder.
func TestWhatGitDoesNotKnowStays(t *testing.T) {
	t.Parallel()
	c := fleet(t)
	c.commit("clusters/edge/deep/er/own.yaml", "kind: none\n")
	c.write("clusters/edge/notes.txt", "mine\n")
	c.wants(fine, "The removal of clusters/edge is committed as ", "remove", "edge", "--yes")
	if data, err := os.ReadFile(filepath.Join(c.dir, "clusters/edge/notes.txt")); err != nil || string(data) != "mine\n" {
		t.Errorf("the notes are %q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "clusters/edge/deep")); !os.IsNotExist(err) {
		t.Errorf("an empty folder is left: %v", err)
	}
	if files := c.git("show", "--format=%s",
		"--name-status"); files != "remove cluster edge\n\nD\tclusters/edge/deep/er/own.yaml\nD\tclusters/edge/own.yaml" {
		t.Errorf("the commit is %q", files)
	}
	c.write("clusters/fresh/own.yaml", "kind: none\n")
	c.wants(bad, "clusters/fresh is not committed in ", "remove", "fresh", "--yes")
}
