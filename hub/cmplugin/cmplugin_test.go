package cmplugin

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const head = "apiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\n"

// folder is a folder with these files; those without an extension are programs.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		mode := os.FileMode(0o600)
		if filepath.Ext(name) == "" {
			mode = 0o700
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAConfigurationIsRead(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"b.yaml": "# a comment\n---\n" + head + "metadata: {name: b}\nspec: {version: v1.0, generate: {command: " +
			"[cat]}}\n---\n" + head +
			"metadata: {name: own, annotations: {drover.dev/program: x, drover.dev/tenants: 'true'}}\nspec: {}\n",
		"README.md": "no plugin", "drover-plugin-x": "1", "drover-plugin-alone": "2", "drover-plugin-note.md": "no program",
	}
	dir := folder(t, files)
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"alone", "b-v1.0", "own"}; !slices.Equal(s.Names(), want) {
		t.Errorf("there are %q, want %q", s.Names(), want)
	}
	if p := s.Named("own"); p == nil || !p.Tenants || p.Writable || p.Runs != "x" ||
		filepath.Base(p.Program) != "drover-plugin-x" {
		t.Errorf("own is %+v", p)
	}
	if p := s.Named("b-v1.0"); p == nil || p.Program != "" || p.Runs != "command" || s.Named("b") != nil {
		t.Errorf("b is %+v", p)
	}
	before, own := s.Digest(), s.Named("own").Digest
	if err := os.WriteFile(filepath.Join(dir, "drover-plugin-x"), []byte("another release"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err = Load(dir); err != nil || s.Digest() == before || s.Named("own").Digest == own {
		t.Errorf("another program has the same digest, %v", err)
	}
	if s, err := Load(""); s != nil || err != nil || s.Digest() != "" || s.Named("x") != nil || s.Discovered() != nil {
		t.Errorf("no folder: %v, %v", s, err)
	}
}

func TestAWrongConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"apiVersion: v1\nkind: " +
			"ConfigMap\n": `a ConfigMap of "v1": only ConfigManagementPlugins`,
		head + "metadata: {name: a}\nspec: {}\n": "the " +
			"ConfigManagementPlugin a has no spec.generate.command",
		head + "spec: {generate: {command: " +
			"[cat]}}\n": `"" is no name of a ConfigManagementPlugin`,
		head + "metadata: {name: ../a}\nspec: {generate: {command: [cat]}}\n": `"../a" is no name`,
		head + "metadata: {name: a}\nspec: {generate: {command: cat}}\n": "the " +
			"ConfigManagementPlugin a: json: ",
		head + "metadata: {name: a}\nspec: {provideGitCreds: true, generate: {command: [cat]}}\n": "provideGitCreds: " +
			"plugins are given no credentials",
		head + "metadata: {name: a, annotations: {drover.dev/program: " +
			"b}}\n": `names the program "b" (drover.dev/program), and no program`,
		head + "a: b: c\n": "the renderer plugins: ",
		head + "metadata: {name: a}\nspec: {generate: {command: [cat]}}\n---\n" + head +
			"metadata: {name: a}\nspec: {generate: {command: [ls]}}\n": `both configure "a": rename one`,
	} {
		if _, err := Load(folder(t, map[string]string{"a.yaml": text})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := Load("nowhere"); err == nil || !strings.Contains(err.Error(),
		"name a folder with ConfigManagementPlugins") {
		t.Errorf("a folder that is not there: %v", err)
	}
}
