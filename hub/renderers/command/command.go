// Package command is the plugin drover-plugin-command: a renderer that runs the commands of a ConfigManagementPlugin,
// as
// Argo CD's sidecars do (argo-cd v3.6, cmpserver/plugin). The commands are the operator's; a repository is only what
// they
// read.
//
// It may import protocol/plugin.
package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol/plugin"
)

// Name is that of the plugin.
const Name = "command"

const (
	maxErrors = 3000            // bytes of what a command says went wrong
	drainTime = 1 * time.Second // that a command's output is waited for when the command has ended
)

// config is the spec of a ConfigManagementPlugin.
type config struct {
	Init, Generate commandLine
	Discover       struct{ Find struct{ commandLine } }
}

type commandLine struct{ Command, Args []string }

// Renderer runs commands.
type Renderer struct{ Version string }

var _ plugin.Renderer = Renderer{}

// Describe implements plugin.Renderer.
func (r Renderer) Describe(context.Context) (plugin.Description, error) {
	return plugin.Description{Name: Name, Version: r.Version}, nil
}

// Discover implements plugin.Renderer: the folder is for the plugin if the command writes something.
func (Renderer) Discover(ctx context.Context, r plugin.RenderRequest) (plugin.DiscoverResponse, error) {
	c, err := configOf(r)
	if err != nil {
		return plugin.DiscoverResponse{}, err
	}
	out, err := run(ctx, "discover.find.command", c.Discover.Find.commandLine, r)
	return plugin.DiscoverResponse{Supported: len(bytes.TrimRight(out, "\n")) > 0}, err
}

// Render implements plugin.Renderer.
func (Renderer) Render(ctx context.Context, r plugin.RenderRequest) (plugin.RenderResponse, error) {
	c, err := configOf(r)
	if err != nil {
		return plugin.RenderResponse{}, err
	}
	if len(c.Init.Command) > 0 {
		if _, err := run(ctx, "init", c.Init, r); err != nil {
			return plugin.RenderResponse{}, err
		}
	}
	out, err := run(ctx, "generate", c.Generate, r)
	return plugin.RenderResponse{Manifests: out}, err
}

func configOf(r plugin.RenderRequest) (c config, err error) {
	if err := json.Unmarshal(r.Config, &c); err != nil {
		return c, fmt.Errorf("the spec of the ConfigManagementPlugin cannot be read: %w", err)
	}
	return c, nil
}

// run runs a command in the folder. What it writes to its standard error is told only if it fails.
func run(ctx context.Context, what string, c commandLine, r plugin.RenderRequest) ([]byte, error) {
	line := slices.Concat(c.Command, c.Args)
	if len(line) == 0 {
		return nil, fmt.Errorf("spec.%s has no command", what)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = filepath.Join(r.Tree, filepath.FromSlash(r.Path))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	for _, entry := range r.Env {
		if _, value, _ := strings.Cut(entry, "="); value != "" { // as Argo CD's own server does
			cmd.Env = append(cmd.Env, entry)
		}
	}
	out := &bound{most: plugin.MaxManifests, over: func() { cancel(errOutput) }}
	said := &tail{}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, said, drainTime
	err := cmd.Run()
	switch {
	case context.Cause(ctx) == errOutput:
		return nil, fmt.Errorf("spec.%s: %s wrote more than %d MiB: does it repeat something without end?", what, line[0],
			plugin.MaxManifests>>20)
	// something that it left running has its output; it ends with the render
	case err != nil && errors.Is(err, exec.ErrWaitDelay):
	case err != nil:
		text := fmt.Sprintf("spec.%s: %s: %v", what, line[0], err)
		if words := said.String(); words != "" {
			text += ": " + words
		}
		return nil, errors.New(text)
	}
	return out.text.Bytes(), nil
}

var errOutput = errors.New("the output is too large")

// bound keeps what is written up to a bound, and tells of more.
type bound struct {
	text bytes.Buffer
	most int
	over func()
}

// Write implements io.Writer.
func (b *bound) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.most {
		b.over()
		return 0, errOutput
	}
	return b.text.Write(p)
}

// tail keeps the end of what is written: that is where programs say what went wrong.
type tail struct {
	text []byte
	cut  bool
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[max(0, len(p)-maxErrors):]...)
	if over := len(t.text) - maxErrors; over > 0 {
		t.text, t.cut = append(t.text[:0:0], t.text[over:]...), true
	}
	return len(p), nil
}

func (t *tail) String() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.text), ""))
	if t.cut {
		text = "… " + text
	}
	return text
}
