// Command drover-plugins is the plugin host of drover-agent, which starts and stops it; it does nothing by itself. It is
// a program of its own because it speaks gRPC with plugins, which would be a third of the agent.
//
// Plugins are the programs drover-plugin-NAME in the folder that its argument names, or else in the folder plugins
// beside it. Each is started when it is first needed, and again when it has crashed. The host and each plugin have a
// bounded memory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent/pluginhost"
	"github.com/drover-dev/drover/protocol/plugin"
)

const (
	// maxMemory is what the host and every plugin may each write to, in bytes. The pod's own limit is above that. It
	// counts what was once taken, so that plugins are told to be content with much less.
	maxMemory = 256 << 20
	// workTime is within the time that the agent gives, so that it is this program that says which plugin hangs.
	workTime = 20 * time.Second
	maxWords = 500 // bytes of an error
)

func main() {
	if err := limitMemory(maxMemory); err != nil {
		fmt.Fprintln(os.Stderr, "drover-plugins: bound the memory:", err)
		os.Exit(1)
	}
	h := host{folder: folder(), started: map[string]*plugin.Running{}}
	err := h.serve(os.Stdin, os.Stdout)
	h.stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "drover-plugins:", err)
		os.Exit(1)
	}
}

func folder() string {
	if len(os.Args) > 1 {
		return os.Args[1]
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return filepath.Join(filepath.Dir(self), "plugins")
}

// host has the plugins that it started.
type host struct {
	folder  string
	started map[string]*plugin.Running
}

// serve answers questions until there are none any more.
func (h *host) serve(r io.Reader, w io.Writer) error {
	for {
		var q pluginhost.Question
		if err := pluginhost.Read(r, &q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var a pluginhost.Answer
		out, err := h.transform(q)
		if a.Object = out; err != nil {
			a.Error = words(err)
		}
		if err := pluginhost.Write(w, a); err != nil {
			return err
		}
	}
}

// words bounds what is said.
func words(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}

func (h *host) transform(q pluginhost.Question) ([]byte, error) {
	p, err := h.plugin(q.Plugin)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), workTime)
	defer cancel()
	r, err := p.Transform(ctx, plugin.Request{Object: q.Object, Secrets: q.Secrets})
	switch {
	case ctx.Err() != nil:
		h.end(q.Plugin)
		return nil, fmt.Errorf("the plugin %s did not answer within %s, and was ended", q.Plugin, workTime)
	case errors.Is(err, plugin.ErrEnded):
		h.end(q.Plugin)
		return nil, fmt.Errorf("the plugin %s crashed over it; it may be too large for the %d MB of memory that a plugin has", q.Plugin, maxMemory>>20)
	}
	return r.Object, err
}

// name is what a plugin may be called: enough to keep it within the folder.
var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// plugin gives a plugin that runs.
func (h *host) plugin(of string) (*plugin.Running, error) {
	if p := h.started[of]; p != nil && !p.Exited() {
		return p, nil
	}
	h.end(of)
	if !name.MatchString(of) {
		return nil, fmt.Errorf("%.80q is no name of a plugin", of)
	}
	path := filepath.Join(h.folder, plugin.Prefix+of)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("there is no plugin %s (looked for %s): add it to the agent's image", of, path)
	}
	cmd := exec.Command(path)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "GOMAXPROCS=1", fmt.Sprintf("GOMEMLIMIT=%d", maxMemory/4)}
	p, err := plugin.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("the plugin %s cannot be started, or is not of version %d of the contract: %w", of, plugin.Version, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), workTime)
	defer cancel()
	if d, err := p.Describe(ctx); err != nil || d.Name != of {
		p.Stop()
		return nil, fmt.Errorf("the plugin %s says that it is %.80q (%v): see where it comes from", of, d.Name, err)
	}
	h.started[of] = p
	return p, nil
}

func (h *host) end(of string) {
	if p := h.started[of]; p != nil {
		p.Stop()
		delete(h.started, of)
	}
}

func (h *host) stop() {
	for of := range h.started {
		h.end(of)
	}
}
