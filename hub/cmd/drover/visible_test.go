package main

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/internal/shown"
)

// unseen are characters that move what a terminal shows, or that nobody sees.
const unseen = "\r\x1b\u202e\u2066\u009b\u200b\u2028"

// hostileRepository is a repository whose files have such characters wherever lint and render show something of them.
func hostileRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"clusters/a/bad\u202eyaml.yaml": "apiVersion: v1\nkind: [\n",
		"clusters/b/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {text: " +
			"\"a\u202eb\\u2066c\\e[2Jd\", plain: word}\n" +
			"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\ndata: {plain: word}\n",
		"clusters/c/app.yaml": "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: " +
			"{path: \"apps/\u202e\\e[2J\"}\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=t", "-c",
		"user.email=t@example.com", "commit", "-q", "-m", "x"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

// Nothing that stands in Git moves what a terminal shows of lint and render, and what render prints says the same
// nevertheless.
func TestNothingInGitChangesHowLintAndRenderLook(t *testing.T) {
	t.Parallel()
	repo := hostileRepository(t)
	shown := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		run(t.Context(), append(args, "--repo", repo), &stdout, &stderr)
		if all := stdout.String() + stderr.String(); strings.ContainsAny(all, unseen) {
			t.Errorf("%v shows %q", args, all)
		}
		return stdout.String()
	}
	if lint := shown("lint"); strings.Count(lint, "\n") < 2 || !strings.Contains(lint, "\ufffd") {
		t.Errorf("lint says only %q", lint)
	}
	shown("lint", "-o", "json")
	shown("render", "a")
	shown("render", "c")
	for _, output := range []string{"yaml", "json"} {
		text := shown("render", "b", "-o", output)
		first, second, _ := strings.Cut(text, map[string]string{"yaml": "---\n", "json": "\n"}[output])
		var object struct{ Data map[string]string }
		if err := yaml.Unmarshal([]byte(first), &object); err != nil ||
			object.Data["text"] != "a\u202eb\u2066c\x1b[2Jd" {
			t.Errorf("-o %s says %q (%v)", output, object.Data, err)
		}
		if output == "yaml" && !strings.Contains(second, "data:\n  plain: word\n") {
			t.Errorf("an object without such characters is printed as %q", second)
		}
	}
}

// The hub's log quotes what is not visible.
func TestTheLogShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := newLogger(&out, "info", shown.New())
	if err != nil {
		t.Fatal(err)
	}
	log.Info("of others: "+unseen, "cluster", unseen, "err", slog.AnyValue(usageError{os.ErrInvalid}), unseen, "x")
	if strings.ContainsAny(out.String(), unseen) || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q", out.String())
	}
}
