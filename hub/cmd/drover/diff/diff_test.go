package diff

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/difference"
)

var errUsage = errors.New("used wrongly")

// aRepository has two clusters, of which one is labelled, at main, and what files make of it as its work tree.
func aRepository(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	put("clusters/bern/own.yaml", configMap("own", "1"))
	put("clusters/bern/cluster.yaml", "labels: {env: prod}\n")
	put("clusters/lima/own.yaml", configMap("own", "1"))
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m",
			"begin"}} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir},
			args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", args[0], err, out)
		}
	}
	for i := 0; i < len(files); i += 2 {
		put(files[i], files[i+1])
	}
	return dir
}

func configMap(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: shop}\ndata: {k: '" + value + "'}\n"
}

// run runs the command, and gives the code with which the program ends, 2 for wrong use.
func run(t *testing.T, args ...string) (out string, code int, err error) {
	t.Helper()
	cmd := New(func(err error) error { return errors.Join(errUsage, err) })
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var stdout strings.Builder
	cmd.SetOut(&stdout)
	cmd.SetErr(&stdout)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	var ended exit
	var usage tree.Usage
	switch {
	case errors.As(err, &ended):
		code = ended.ExitCode()
	case errors.Is(err, errUsage), errors.As(err, &usage):
		code = 2
	case err != nil:
		code = -1
	}
	return stdout.String(), code, err
}

// The exit code is that of kubectl diff, and what is said names what to do.
func TestTheExitCodeSaysWhatWasFound(t *testing.T) {
	t.Parallel()
	changed := aRepository(t, "clusters/bern/own.yaml", configMap("own", "2"), "clusters/lima/new.yaml",
		configMap("new", "1"))
	broken := aRepository(t, "clusters/bern/own.yaml", "kind: [\n", "clusters/lima/new.yaml", configMap("new", "1"))
	none := t.TempDir()
	for _, c := range []struct {
		name, repo, args string
		code             int
		says             string
	}{
		{"nothing differs", changed, "--head main", 0, "no difference in 2 clusters"},
		{"something does", changed, "", 1, "2 changes in 2 of 2 clusters"},
		{"of one cluster", changed, "--cluster bern", 1, "1 change in 1 of 1 cluster,"},
		{"of a label", changed, "-l env=prod", 1, "1 change in 1 of 1 cluster,"},
		{"of no cluster", changed, "-l env=none", 0, "no difference in 0 clusters"},
		{"a file that is no YAML", broken, "", 3, "2 errors at the revision that is compared"},
		{"a cluster that is not there", changed, "--cluster oslo", 3,
			"--cluster oslo: there is no such cluster at either revision: there are [bern lima]"},
		{"an app that is not there", changed, "--app none", 3, "--app: "},
		{"a base that is not there", changed, "--base none", 3, "--base none: "},
		{"a head that is not there", changed, "--head none", 3, "--head none: "},
		{"no repository", none, "--head main", 3, "--head main: "},
		{"no work tree", none, "", 3, none + " has no work tree to compare: say --head REVISION"},
		{"a format", changed, "-o xml", 2, "-o xml: use text, json, yaml or markdown"},
		{"a selector", changed, "-l a=(", 2, "-l: "},
		{"an argument", changed, "bern", 2, "it takes no arguments; choose clusters with --cluster or -l"},
		{"a pattern of folders", changed, "--path a=b=c/../..", 2, ""},
		{"an account", changed, "--flux-default-service-account A/b", 2,
			"--flux-default-service-account \"A/b\" is no name of a " +
				"service account: write the name alone"},
	} {
		args := append(strings.Fields(c.args), "--repo", c.repo)
		if !slices.Contains(args, "--base") {
			args = append(args, "--base", "main")
		}
		out, code, err := run(t, args...)
		said := out
		if err != nil {
			said += err.Error()
		}
		if code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("%s: code %d, want %d with %q: %s", c.name, code, c.code, c.says, said)
		}
	}
}

// What does not render is an error, and nothing of it counts as deleted; the other clusters are compared all the same.
func TestNothingOfAFaultIsDeleted(t *testing.T) {
	t.Parallel()
	repo := aRepository(t, "clusters/bern/own.yaml", "kind: [\n", "clusters/lima/new.yaml", configMap("new", "1"))
	out, code, err := run(t, "--repo", repo, "--base", "main")
	if code != exitError || strings.Contains(out, "deleted") || !strings.Contains(out, "+ ConfigMap/shop/new") ||
		!strings.Contains(out, "\nErrors:\n  ") || !strings.Contains(out, "clusters/bern/own.yaml") ||
		!strings.Contains(out, "[bern]") {
		t.Errorf("code %d, %v: %s", code, err, out)
	}
	repo = aRepository(t, "clusters/bern/own.yaml", configMap("own", `1\n# </details> @everyone`))
	out, code, err = run(t, "--repo", repo, "--base", "main", "-o", "markdown")
	if code != exitDifferent || !strings.HasPrefix(out, marker) || !strings.Contains(out,
		"\n```diff\n! ConfigMap/shop/own\n    data.k: ") {
		t.Errorf("a comment: code %d, %v: %s", code, err, out)
	}
}

// A cluster of which nobody can tell what it would get is not removed.
func TestAClusterWithAFaultIsNotRemoved(t *testing.T) {
	t.Parallel()
	repo := aRepository(t, "clusters/lima/cluster.yaml", "name: bern\n")
	out, code, err := run(t, "--repo", repo, "--base", "main", "--cluster", "bern")
	if code != 3 || strings.Contains(out, "removed") || strings.Contains(out, "deleted") || !strings.Contains(out,
		"\nErrors:\n") &&
		!strings.HasPrefix(out, "Errors:\n") {
		t.Errorf("code %d, %v: %s", code, err, out)
	}
}

// What is wrong in most clusters comes first, then by app; nothing is a list, too.
func TestProblemsAreInOrder(t *testing.T) {
	t.Parallel()
	c := comparison{report: &Report{}, groups: difference.NewGrouping()}
	c.errors.add("b", "z", "1", false)
	c.errors.add("a", "z", "1", false)
	c.errors.add("a", "y", "2", false)
	c.errors.add("a", "y", "1", false)
	c.errors.add("a", "x", "3", true)
	c.finish()
	var got []string
	for _, p := range c.report.Errors {
		got = append(got, p.App+p.Text+strings.Join(p.Clusters, ""))
	}
	if !slices.Equal(got, []string{"z1ab", "x3a", "y1a", "y2a"}) || c.report.Notes == nil {
		t.Errorf("errors are %q, notes %v", got, c.report.Notes)
	}
}

// A text is in a comment as a whole or not at all.
func TestAPageIsFull(t *testing.T) {
	t.Parallel()
	p := page{left: 10}
	for text, fits := range map[string]bool{strings.Repeat("x", 11): false, "ääääää": false, "": true} {
		if p.add(text) != fits {
			t.Errorf("%q fits: %t", text, !fits)
		}
	}
	if !p.add("äääää") || p.add("x") || p.out.String() != "äääää" {
		t.Errorf("it has %q", p.out.String())
	}
}
