package plugin_test

import (
	"bytes"
	"context"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol/plugin"
)

// upper is a Renderer: it gives what stands in the file of its folder, in capitals.
type upper struct{}

func (upper) Describe(context.Context) (plugin.Description, error) {
	return plugin.Description{Name: "upper", Version: "1"}, nil
}

func (upper) Discover(_ context.Context, r plugin.RenderRequest) (plugin.DiscoverResponse, error) {
	_, err := os.Stat(filepath.Join(r.Tree, r.Path, "file"))
	return plugin.DiscoverResponse{Supported: err == nil}, nil
}

func (upper) Render(_ context.Context, r plugin.RenderRequest) (plugin.RenderResponse, error) {
	data, err := os.ReadFile(filepath.Join(r.Tree, r.Path, "file"))
	if string(data) == "die" {
		os.Exit(3)
	}
	if string(data) == "much" {
		data = bytes.Repeat([]byte("x"), plugin.MaxManifests)
	}
	if err != nil {
		return plugin.RenderResponse{}, errors.New("no file")
	}
	return plugin.RenderResponse{Manifests: append(bytes.ToUpper(data), strings.Join(r.Env, ",")+string(r.Config)...)}, nil
}

// TestMain has this program be a plugin where it is started as one.
func TestMain(m *testing.M) {
	if os.Getenv(plugin.RendererHandshake.MagicCookieKey) == plugin.RendererHandshake.MagicCookieValue {
		plugin.ServeRenderer(upper{})
		return
	}
	os.Exit(m.Run())
}

func started(t *testing.T) *plugin.RunningRenderer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := plugin.StartRenderer(exec.Command(self))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

func TestARendererInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	r := started(t)
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ask := plugin.RenderRequest{Tree: dir, Path: ".", Env: []string{"A=1"}, Config: []byte("{}")}
	if d, err := r.Describe(t.Context()); err != nil || d.Name != "upper" {
		t.Errorf("it is %+v, %v", d, err)
	}
	if found, err := r.Discover(t.Context(), ask); err != nil || found.Supported {
		t.Errorf("an empty folder: %+v, %v", found, err)
	}
	if _, err := r.Render(t.Context(), ask); err == nil || err.Error() != "no file" {
		t.Errorf("the error is %v", err)
	}
	write("kind: x\n")
	if found, err := r.Discover(t.Context(), ask); err != nil || !found.Supported {
		t.Errorf("a folder with the file: %+v, %v", found, err)
	}
	if made, err := r.Render(t.Context(), ask); err != nil || string(made.Manifests) != "KIND: X\nA=1{}" {
		t.Errorf("rendered is %q, %v", made.Manifests, err)
	}
	write("much")
	if made, err := r.Render(t.Context(), ask); err != nil || len(made.Manifests) < plugin.MaxManifests {
		t.Errorf("as much as is permitted: %d, %v", len(made.Manifests), err)
	}
	write("die")
	if _, err := r.Render(t.Context(), ask); !errors.Is(err, plugin.ErrEnded) {
		t.Errorf("after its end: %v", err)
	}
}

// TestATransformerIsNoRenderer: a plugin of one kind is not taken for one of another.
func TestATransformerIsNoRenderer(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^$")
	if p, err := plugin.Start(cmd); err == nil {
		p.Stop()
		t.Error("a Renderer was started as a Transformer")
	}
}

// TestTheExampleOfTheDocumentation is Go, and short.
func TestTheExampleOfTheDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "plugins.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```go\n")
	text, _, ok := strings.Cut(text, "```\n")
	if !ok || strings.Count(text, "\n") >= 100 {
		t.Fatalf("the example has %d lines", strings.Count(text, "\n"))
	}
	dir, err := os.MkdirTemp(".", "example-") // within the module, so that it is built as one that imports it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), file, nil, 0); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "drover-plugin-gotemplate")
	if out, err := exec.Command("go", "build", "-o", program, "./"+dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r, err := plugin.StartRenderer(exec.Command(program))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	tree := t.TempDir()
	if err := os.WriteFile(filepath.Join(tree, "a.tmpl"), []byte("color: {{.ARGOCD_ENV_COLOR}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := r.Render(t.Context(), plugin.RenderRequest{Tree: tree, Path: ".",
		Env: []string{"ARGOCD_ENV_COLOR=red=1"}})
	if err != nil || string(made.Manifests) != "---\ncolor: red=1\n" {
		t.Errorf("it renders %q, %v", made.Manifests, err)
	}
}
