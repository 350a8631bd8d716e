package edit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLabelsAreWrittenAsSelectorsNameThem(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{"env=staging": true, "env=": true, "a.b/c-d=e_f.g": true, "a=1": true,
		"env": false, "=x": false,
		"env=a b": false, `env="a"`: false, "-a=b": false, "a-=b": false, "a=-b": false, "a=b-": false, "a=b=c": false,
		"ä=b": false, "": false} {
		if label.MatchString(text) != good {
			t.Errorf("%q is a label: %t", text, !good)
		}
	}
}

// What a new cluster cannot be called, and where it cannot be, is said before anything is written.
func TestAClusterThatCannotBeAdded(t *testing.T) {
	t.Parallel()
	c := fleet(t)
	c.commit("clusters/named/cluster.yaml", "name: called\n")
	before := c.git("rev-parse", "HEAD")
	for _, w := range []struct {
		code int
		says string
		args string
	}{
		{misused, "the cluster's name: ", "New"},
		{misused, "the cluster's name: ", "../new"},
		{misused, "--from: ", "new --from ../edge"},
		{misused, `--label "env": write it as env=staging`, "new --label env"},
		{misused, "--folder other/new: with --path clusters it would be no cluster's folder", "new --folder other/new"},
		{misused, "--folder ../new: ", "new --folder ../new"},
		{misused, "it takes the name of the new cluster", ""},
		{misused, "it takes the name of the new cluster", "a b"},
		{bad, "clusters/edge exists already in ", "edge"},
		{bad, "clusters/edge exists already in ", "new --folder clusters/edge"},
		{bad, "--from nosuch: there is no cluster \"nosuch\" at ", "new --from nosuch"},
	} {
		c.wants(w.code, w.says, append([]string{"add"}, strings.Fields(w.args)...)...)
	}
	if c.git("rev-parse", "HEAD") != before || c.git("status", "--porcelain") != "" {
		t.Error("something was changed")
	}
	c.write("clusters/fresh/own.yaml", "kind: none\n")
	c.wants(bad, "clusters/fresh is no folder that is committed in ", "add", "copy", "--from", "fresh")
	c.write("clusters/edge/own.yaml", "kind: changed\n")
	c.wants(bad, "has changes that are not committed:\n M clusters/edge/own.yaml\ncommit or stash them first", "add",
		"copy", "--from", "edge")
}

// A copy has the files of the other cluster as they are: links as links, programs as programs; and its own name.
func TestACopyOfAClusterIsItsFolder(t *testing.T) {
	t.Parallel()
	c := fleet(t)
	c.write("clusters/edge/deep/run.sh", "#!/bin/sh\necho edge edge-2 ledge\n")
	if err := os.Chmod(filepath.Join(c.dir, "clusters/edge/deep/run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../prod/own.yaml", filepath.Join(c.dir, "clusters/edge/link.yaml")); err != nil {
		t.Fatal(err)
	}
	c.commit("clusters/edge/cluster.yaml",
		"# ours\napiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: edge, labels: {env: edge}}\n")
	c.write("clusters/edge/untracked.yaml", "kind: none\n")
	said := c.wants(fine, "clusters/new is committed as ", "add", "new", "--from", "edge", "--label", "region=eu")
	if files := c.git("show", "--format=",
		"--name-only"); files != "clusters/new/cluster.yaml\n"+
		"clusters/new/deep/run.sh\nclusters/new/link.yaml\nclusters/new/own.yaml" {
		t.Errorf("copied are %q", files)
	}
	if modes := c.git("ls-tree", "-r", "HEAD", "clusters/new/deep/run.sh",
		"clusters/new/link.yaml"); !strings.HasPrefix(modes, "100755 ") ||
		!strings.Contains(modes, "\n120000 ") {
		t.Errorf("copied are\n%s", modes)
	}
	text := c.git("show", "HEAD:clusters/new/cluster.yaml")
	for _, part := range []string{"# ours", "name: new", "env: edge", "region: eu"} {
		if !strings.Contains(text, part) {
			t.Errorf("its file lacks %q:\n%s", part, text)
		}
	}
	var named []string
	for line := range strings.Lines(said) {
		if at, _, is := strings.Cut(strings.TrimSpace(line), " still names edge"); is {
			named = append(named, at)
		}
	}
	if !slices.Equal(named, []string{"clusters/new/cluster.yaml:4", "clusters/new/deep/run.sh:2"}) {
		t.Errorf("what still names the other is %q", named)
	}
}

// Where a folder's name is not the cluster's, its file says it.
func TestAFolderOfAnotherNameNamesItsCluster(t *testing.T) {
	t.Parallel()
	c := fleet(t)
	c.wants(fine, "clusters/eu/prod is committed", "add", "eu-prod", "--path", "clusters/*/*", "--folder",
		"clusters/eu/prod")
	if text := c.git("show", "HEAD:clusters/eu/prod/cluster.yaml"); !strings.Contains(text, "name: eu-prod") ||
		!strings.HasPrefix(text, "# The cluster eu-prod. What lies beside this file is delivered to it.") {
		t.Errorf("its file is\n%s", text)
	}
	c.wants(bad, "there is a cluster eu-prod already in clusters/eu/prod: choose another name", "add", "eu-prod", "--path",
		"clusters/*/*",
		"--folder", "clusters/eu/other")
}

// A hub that follows the branch is asked for the new cluster; what it says is told, and nothing without one.
func TestTheHubIsAskedForTheNewCluster(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source   map[string]any
		clusters []string
		want     string // "" for nothing
	}{
		"it knows it": {map[string]any{"branch": "main"}, []string{"edge", "new"},
			"The hub knows it: pending.\n"},
		"it follows another": {map[string]any{"branch": "release"}, []string{"edge"},
			"The hub follows release: it will know the cluster when main is merged there.\n"},
		"it does not yet": {map[string]any{"branch": "main"}, []string{"edge"},
			"The hub does not show it yet: see `drover status new`.\n"},
		"it is another fleet's":   {map[string]any{"repository": "/srv/other"}, []string{"edge"}, ""},
		"another, also of a name": {map[string]any{"repository": "/srv/other", "branch": "release"}, []string{"new"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := fleet(t)
			if c.source["repository"] == nil {
				c.source["repository"] = x.dir
			}
			x.knowing(c.source, c.clusters...)
			said := x.wants(fine, "drover agent manifest --cluster new | kubectl apply -f -\n", "add", "new")
			_, after, _ := strings.Cut(said, "kubectl apply -f -\n")
			if got := strings.TrimPrefix(after, "\n"); got != c.want {
				t.Errorf("it says %q, want %q", got, c.want)
			}
		})
	}
}
