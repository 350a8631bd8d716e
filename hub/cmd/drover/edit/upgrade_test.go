package edit

import (
	"strings"
	"testing"
)

const pinned = "registry.example.com/drover-agent@sha256:" +
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// Each cluster is shown with the image that it has and the one that it gets; those that have it are left out.
func TestAnUpgradeSaysWhatItChanges(t *testing.T) {
	t.Parallel()
	c := fleet(t)
	c.commit("clusters/edge/cluster.yaml", "agent: {image: \"drover-agent:1\"}\n")
	said, code := c.answered("y\n", "upgrade", "--cluster", "prod", "--cluster", "edge", "--cluster", "prod", "--image",
		pinned)
	for _, part := range []string{"edge: drover-agent:1 → " + pinned + "\n", "prod: as installed → " + pinned + "\n",
		"Have 2 agents run " + pinned + "? [y/N] ", "The upgrade is committed as ",
		"`drover status -o wide` shows which version each agent runs"} {
		if code != fine || !strings.Contains(said, part) {
			t.Errorf("exit code %d, and it lacks %q: %s", code, part, said)
		}
	}
	if strings.Contains(said, "warning") || strings.Count(said, "prod: ") != 1 {
		t.Errorf("it says %s", said)
	}
	for _, name := range []string{"edge", "prod"} {
		if text := c.git("show", "HEAD:clusters/"+name+"/cluster.yaml"); !strings.Contains(text, pinned) {
			t.Errorf("the file of %s is\n%s", name, text)
		}
	}
	said = c.wants(fine, "Nothing is to be done.\n", "upgrade", "--cluster", "prod", "--image", pinned)
	if !strings.Contains(said, "prod: "+pinned+" already\n") {
		t.Errorf("it says %s", said)
	}
	said = c.wants(bad, "warning: the image drover-agent:2 is named by a tag", "upgrade", "--cluster", "prod", "--image",
		"drover-agent:2")
	if !strings.Contains(said, "there was no answer: say --yes") {
		t.Errorf("it says %s", said)
	}
}

// A cluster.yaml that cannot be edited without a loss is left to the user, and with it the whole commit.
func TestAnUpgradeIsOfAllClustersOrNone(t *testing.T) {
	t.Parallel()
	c := fleet(t)
	c.commit("clusters/prod/cluster.yaml", "agent: [\n")
	before := c.git("rev-parse", "HEAD")
	c.wants(bad, "clusters/prod/cluster.yaml", "upgrade", "--cluster", "edge", "--cluster", "prod", "--image", pinned,
		"--yes")
	if c.git("rev-parse", "HEAD") != before || c.git("status", "--porcelain") != "" {
		t.Error("something was changed")
	}
}

// With -l the hub says which clusters have the labels.
func TestClustersAreChosenByTheHub(t *testing.T) {
	t.Parallel()
	c := fleet(t)
	c.wants(bad, "no hub is known here", "upgrade", "-l", "env=x", "--image", pinned, "--yes")
	c.knowing(map[string]any{}, "edge")
	said := c.wants(fine, "edge: as installed → ", "upgrade", "-l", "env=x", "--image", pinned, "--yes")
	if strings.Contains(said, "prod") {
		t.Errorf("it says %s", said)
	}
	if subject := c.git("show", "-s", "--format=%s"); subject != "agents of 1 cluster run "+pinned {
		t.Errorf("the commit is %q", subject)
	}
	c.knowing(map[string]any{})
	c.wants(bad, "no cluster has the labels env=x: see `drover cluster list -o wide`", "upgrade", "-l", "env=x", "--image",
		pinned, "--yes")
}
