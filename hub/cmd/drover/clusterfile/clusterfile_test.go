package clusterfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edit sets two fields of a cluster.yaml as the commands do, and gives what is written.
func edit(t *testing.T, text string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster.yaml")
	if text != "" {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Read(path, "clusters/edge/cluster.yaml")
	if err != nil {
		return "", err
	}
	for _, err := range []error{c.Set("true", "metadata", "labels", "env"), c.Set("agent:2", "spec", "agent", "image"),
		c.Write(path)} {
		if err != nil {
			return "", err
		}
	}
	again, err := Read(path, "clusters/edge/cluster.yaml")
	if err != nil || again.Get("metadata", "labels", "env") != "true" || again.Get("spec", "agent", "image") != "agent:2" {
		t.Errorf("what was written is read as %+v, %v", again, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), nil
}

func TestEditingAClusterFileKeepsWhatItIsNotAbout(t *testing.T) {
	const both = "labels:\n  env: \"true\"\nagent:\n  image: agent:2\n"
	for name, c := range map[string]struct{ text, want string }{
		"no file":            {"", both},
		"comments alone":     {"# nothing yet\n", "# nothing yet\n" + both},
		"no line at its end": {"# nothing yet", "# nothing yet\n" + both},
		"an empty document":  {"---\n# nothing yet\n", "---\n# nothing yet\n" + both},
		"empty fields":       {"labels:\nagent:\n", both},
		"fields": {"# ours\nvars: {region: eu} # of the cloud\nlabels:\n  # for selectors\n  env: staging\n  team: shop\n",
			"# ours\nvars: {region: eu} # of the cloud\nlabels:\n  # for selectors\n  env: \"true\"\n  team: shop\nagent:\n " +
				" image: agent:2\n"},
		"an object": {"apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  labels: {team: shop}\nspec:\n  " +
			"agent: {image: agent:1} # pinned\n  suspend: true\n",
			"apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  labels: {team: shop, env: \"true\"}\nspec:\n  " +
				"agent: {image: 'agent:2'} # pinned\n  suspend: true\n"},
		"an object without spec": {"apiVersion: drover.dev/v1alpha1\nkind: Cluster\n",
			"apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  labels:\n    env: \"true\"\nspec:\n  agent:\n    " +
				"image: agent:2\n"},
	} {
		if got, err := edit(t, c.text); err != nil || got != c.want {
			t.Errorf("%s: %v\ngot:\n%s\nwant:\n%s", name, err, got, c.want)
		}
	}
}

func TestAClusterFileThatCannotBeReadIsNotEdited(t *testing.T) {
	for text, want := range map[string]string{
		"a: [\n":            "fix it first",
		"- a\n":             "is no mapping",
		"a: b\n---\nc: d\n": "several documents",
		"labels: text\n":    "labels",
	} {
		if got, err := edit(t, text); err == nil || !strings.Contains(err.Error(), "clusters/edge/cluster.yaml cannot be "+
			"edited") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want an error with %q", text, got, err, want)
		}
	}
}

// TestFieldsOfAClusterFile: where they stand, as fields of the file or of an object; what is no text is empty.
func TestFieldsOfAClusterFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		object      bool
		name, image string
	}{
		"":                                    {},
		"# nothing\n":                         {},
		"---\n":                               {},
		"name: a\nagent: {image: b}\n":        {name: "a", image: "b"},
		"name: [a]\nagent: b\n":               {},
		"name: 1\n":                           {name: "1"},
		"kind: Cluster\nname: a\n":            {object: true},
		"apiVersion: a/v1\nspec: {name: a}\n": {object: true, name: "a"},
		"kind: Cluster\nspec: {agent: {image: b}, name: a}\n": {object: true, name: "a", image: "b"},
	} {
		path := filepath.Join(t.TempDir(), "cluster.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Read(path, "cluster.yaml")
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if c.IsObject() != want.object || c.Get("spec", "name") != want.name || c.Get("spec", "agent",
			"image") != want.image {
			t.Errorf("%q: object %t, name %q, image %q; want %+v", text, c.IsObject(), c.Get("spec", "name"), c.Get("spec",
				"agent", "image"), want)
		}
	}
	if _, err := Read(t.TempDir(), "cluster.yaml"); err == nil {
		t.Error("a folder is read as a file")
	}
}

// TestANewClusterFileBeginsWithAComment, and one that is there keeps its own.
func TestANewClusterFileBeginsWithAComment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "# new\n",
		"# old\n":        "# old\n",
		"labels: {a: b}": "labels: {a: b}\n",
	} {
		for _, set := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "cluster.yaml")
			if text != "" {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c, err := Read(path, "cluster.yaml")
			if err != nil {
				t.Fatal(err)
			}
			if c.Begin("# new\n"); set {
				if err := c.Set("eu", "spec", "name"); err != nil {
					t.Fatal(err)
				}
				want += "name: eu\n"
			}
			if err := c.Write(path); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil || string(data) != want {
				t.Errorf("%q, with a name %t: %q, %v, want %q", text, set, data, err, want)
			}
		}
	}
}

// TestWhatStandsInTheWayOfAFieldIsNamed, and is not overwritten.
func TestWhatStandsInTheWayOfAFieldIsNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"agent: text\n": "clusters/eu/cluster.yaml cannot be edited, because agent is no mapping: " +
			"fix it first",
		"agent: {image: [a]}\n": "clusters/eu/cluster.yaml cannot be edited, because agent.image is no " +
			"text: fix it first",
		"kind: Cluster\nspec: {agent: [a]}\n": "clusters/eu/cluster.yaml cannot be edited, because spec.agent is no " +
			"mapping: fix it first",
		"kind: Other\n": "clusters/eu/cluster.yaml cannot be edited, because it holds a Other and " +
			"does not describe the cluster: rename it first",
	} {
		path := filepath.Join(t.TempDir(), "cluster.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Read(path, "clusters/eu/cluster.yaml")
		if err == nil {
			err = c.Set("a:1", "spec", "agent", "image")
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("%q is %q now, %v", text, data, err)
		}
	}
}
