// Package host is the process that starts a renderer plugin for one render, the program drover-renderers. It speaks
// gRPC
// with the plugin, which drover does not link, and JSON with drover over its standard input and output. It confines
// itself before it starts the plugin, which inherits that: the memory and the files of each process are bounded and, on
// Linux with Landlock, the plugin can read the programs and libraries of the system and its copy of the source alone,
// and
// write to its own folder alone.
//
// It may import hub/renderers and protocol/plugin, and go-plugin comes with that.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/drover-dev/drover/hub/renderers"
	"github.com/drover-dev/drover/protocol/plugin"
)

// insideWord is the first argument of a host that is confined.
const insideWord = "inside"

// Run is the life of a host, by the arguments that renderers starts it with. It gives the code to exit with.
func Run(args []string, in io.Reader, out, stderr io.Writer) int {
	if len(args) != 4 || args[0] != renderers.HostWord && args[0] != insideWord {
		fmt.Fprintln(stderr, "drover-renderers starts renderer plugins for drover, which starts it by itself: keep it in "+
			"the same folder.")
		return 2
	}
	if args[0] == renderers.HostWord {
		if err := confine(args[1:]); err != nil { // it goes on as another program, unless nothing can be confined
			fmt.Fprintln(stderr, "drover-renderers: confine the plugin:", err)
			return 1
		}
	}
	a := answer(in)
	if err := json.NewEncoder(out).Encode(a); err != nil {
		fmt.Fprintln(stderr, "drover-renderers:", err)
		return 1
	}
	return 0
}

// answer does the job that comes in. Nothing that was started for it is left when it returns.
func answer(in io.Reader) (a renderers.Answer) {
	var j renderers.Job
	jobs := json.NewDecoder(in)
	if err := jobs.Decode(&j); err != nil {
		return renderers.Answer{Error: "the job cannot be read: " + err.Error()}
	}
	adopt()
	defer endAll()
	ctx, cancel := context.WithTimeout(context.Background(), j.Time)
	defer cancel()
	go func() {
		_ = jobs.Decode(new(json.RawMessage)) // there is one job: what follows is the end
		cancel()
	}()
	a, err := do(ctx, j)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		a = renderers.Answer{Error: fmt.Sprintf("it did not end within %s: see what it waits for, or have it do less",
			j.Time)}
	case errors.Is(err, plugin.ErrEnded):
		a = renderers.Answer{Error: fmt.Sprintf("the plugin crashed over it; it may need more than the %d MiB of memory "+
			"that it "+
			"may have", renderers.MaxMemory>>20)}
	case err != nil:
		a = renderers.Answer{Error: bounded(err.Error())}
	}
	return a
}

func do(ctx context.Context, j renderers.Job) (renderers.Answer, error) {
	work := filepath.Join(j.Root, renderers.WorkFolder)
	cmd := exec.Command(j.Program)
	cmd.Dir = work
	cmd.Env = []string{"PATH=" + Path, "GOMAXPROCS=2", fmt.Sprintf("GOMEMLIMIT=%d", renderers.MaxMemory/2)}
	for name, folder := range map[string]string{"TMPDIR": "tmp", "HOME": "home"} {
		at := filepath.Join(work, folder)
		if err := os.MkdirAll(at, 0o700); err != nil {
			return renderers.Answer{}, err
		}
		cmd.Env = append(cmd.Env, name+"="+at)
	}
	if _, err := os.Stat(j.Program); err != nil {
		return renderers.Answer{}, fmt.Errorf("its program is not there (%s): install it beside drover", j.Program)
	}
	p, err := plugin.StartRenderer(cmd)
	if err != nil {
		return renderers.Answer{}, fmt.Errorf("it cannot be started, or is not of version %d of the contract: %w",
			plugin.Version, err)
	}
	defer p.Stop()
	if d, err := p.Describe(ctx); err != nil || d.Name != j.Runs {
		return renderers.Answer{}, fmt.Errorf("its program says that it is %.80q, and should be %q (%v): see where it "+
			"comes from",
			d.Name, j.Runs, err)
	}
	r := plugin.RenderRequest{Config: j.Config, Tree: j.Tree, Path: j.Path, Env: j.Env}
	if j.Discover {
		found, err := p.Discover(ctx, r)
		return renderers.Answer{Supported: found.Supported}, err
	}
	made, err := p.Render(ctx, r)
	if err == nil && len(made.Manifests) > renderers.MaxOutput {
		err = fmt.Errorf("it gives more than %d MiB of manifests", renderers.MaxOutput>>20)
	}
	return renderers.Answer{Manifests: made.Manifests}, err
}

// Path is where plugins find programs: what the hub's own environment says may lead to what is not for them.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func bounded(text string) string { return text[:min(len(text), 2*renderers.MaxSaid)] }
