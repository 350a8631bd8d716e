package main

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
	c, err := readClusterFile(path, "clusters/edge/cluster.yaml")
	if err != nil {
		return "", err
	}
	for _, err := range []error{c.set("true", "metadata", "labels", "env"), c.set("agent:2", "spec", "agent", "image"), c.write(path)} {
		if err != nil {
			return "", err
		}
	}
	again, err := readClusterFile(path, "clusters/edge/cluster.yaml")
	if err != nil || again.get("metadata", "labels", "env") != "true" || again.get("spec", "agent", "image") != "agent:2" {
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
			"# ours\nvars: {region: eu} # of the cloud\nlabels:\n  # for selectors\n  env: \"true\"\n  team: shop\nagent:\n  image: agent:2\n"},
		"an object": {"apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  labels: {team: shop}\nspec:\n  agent: {image: agent:1} # pinned\n  suspend: true\n",
			"apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  labels: {team: shop, env: \"true\"}\nspec:\n  agent: {image: 'agent:2'} # pinned\n  suspend: true\n"},
		"an object without spec": {"apiVersion: drover.dev/v1alpha1\nkind: Cluster\n",
			"apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  labels:\n    env: \"true\"\nspec:\n  agent:\n    image: agent:2\n"},
	} {
		if got, err := edit(t, c.text); err != nil || got != c.want {
			t.Errorf("%s: %v\ngot:\n%s\nwant:\n%s", name, err, got, c.want)
		}
	}
}

func TestAClusterFileThatCannotBeReadIsNotEdited(t *testing.T) {
	for text, want := range map[string]string{
		"a: [\n":            "mend it first",
		"- a\n":             "is no mapping",
		"a: b\n---\nc: d\n": "several documents",
		"labels: text\n":    "labels",
	} {
		if got, err := edit(t, text); err == nil || !strings.Contains(err.Error(), "clusters/edge/cluster.yaml cannot be edited") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want an error with %q", text, got, err, want)
		}
	}
}
