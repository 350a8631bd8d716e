package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/drover-dev/drover/agent/pluginhost"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol/plugin"
)

// TestMain is the programs, too: this one and plugins, by the names of links to the test's own program.
func TestMain(m *testing.M) {
	base := filepath.Base(os.Args[0])
	name, isPlugin := strings.CutPrefix(base, plugin.Prefix)
	switch {
	case base == pluginhost.Program:
		main()
	case isPlugin && name == "newer":
		goplugin.Serve(&goplugin.ServeConfig{HandshakeConfig: goplugin.HandshakeConfig{ProtocolVersion: plugin.Version + 1,
			MagicCookieKey: plugin.Handshake.MagicCookieKey, MagicCookieValue: plugin.Handshake.MagicCookieValue}, GRPCServer: goplugin.DefaultGRPCServer})
	case isPlugin && name == "silent":
		select {}
	case isPlugin:
		plugin.Serve(behaviour(name))
	default:
		os.Exit(m.Run())
	}
}

// behaviour is a plugin that does as it is called.
type behaviour string

func (b behaviour) Describe(context.Context) (plugin.Description, error) {
	if b == "liar" {
		return plugin.Description{Name: "sops"}, nil
	}
	return plugin.Description{Name: string(b)}, nil
}

func (b behaviour) Transform(ctx context.Context, r plugin.Request) (plugin.Response, error) {
	switch {
	case b == "crash" && string(r.Object) != "1":
		os.Exit(3)
	case b == "hang":
		<-make(chan struct{})
	case b == "flood":
		return plugin.Response{Object: make([]byte, plugin.MaxMessage/4*3)}, nil
	case b == "greedy":
		for len(r.Object) < 1<<30 {
			r.Object = append(r.Object, strings.Repeat("x", 64<<20)...) // little by little takes longer than plugins are given
		}
	case b == "chatty":
		for range 1000 {
			println(strings.Repeat("s3cret ", 1000))
		}
		return plugin.Response{}, errors.New(strings.Repeat("long\n", 1000))
	case b == "pid":
		return plugin.Response{Object: []byte(strconv.Itoa(os.Getpid()))}, nil
	case b == "secrets":
		return plugin.Response{Object: append(r.Secrets["key"], os.Getenv("AGENTS")...)}, nil
	}
	return plugin.Response{Object: r.Object}, nil
}

// program is where the test's own program is. The race detector needs more memory than plugins may take, so under it the
// program is built once more without.
func program(t *testing.T) string {
	t.Helper()
	if !race.Enabled {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		return self
	}
	path := filepath.Join(t.TempDir(), "plain")
	build := exec.Command("go", "test", "-c", "-race=false", "-o", path, ".")
	build.Env = append(os.Environ(), "GOFLAGS=") // they may ask for the race detector again
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the test without the race detector: %v\n%s", err, out)
	}
	return path
}

// hosted starts drover-plugins with plugins of these names.
func hosted(t *testing.T, names ...string) *pluginhost.Host {
	t.Helper()
	self, dir := program(t), t.TempDir()
	h := &pluginhost.Host{Path: filepath.Join(dir, pluginhost.Program), Folder: dir, Log: slog.New(slog.DiscardHandler)}
	if err := os.Symlink(self, h.Path); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Symlink(self, filepath.Join(dir, plugin.Prefix+name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(h.Close)
	return h
}

// What a plugin does wrong is said of what it was asked, and the others go on.
func TestABadPluginStopsOnlyItself(t *testing.T) {
	t.Setenv("AGENTS", "the agent's own")
	h := hosted(t, "good", "crash", "flood", "greedy", "chatty", "newer", "liar", "secrets")
	h.Answer = 2 * time.Minute // taking too much memory takes a while beside other tests; time is not the matter here
	good := func() {
		t.Helper()
		if out, err := h.Transform(t.Context(), "good", []byte("{}"), nil); err != nil || string(out) != "{}" {
			t.Errorf("the good one gives %q, %v", out, err)
		}
	}
	for _, c := range []struct{ plugin, want string }{
		{"crash", "the plugin crash crashed"},
		{"flood", "larger than max"},
		{"greedy", "the plugin greedy crashed over it; it may be too large for the 256 MB"},
		{"chatty", "long long long"},
		{"newer", "the plugin newer cannot be started, or is not of version 1 of the contract"},
		{"liar", `the plugin liar says that it is "sops"`},
		{"nowhere", "there is no plugin nowhere"},
		{"../good", `"../good" is no name of a plugin`},
	} {
		out, err := h.Transform(t.Context(), c.plugin, []byte("{}"), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(out) > 0 {
			t.Errorf("%s: %d bytes, %v", c.plugin, len(out), err)
		} else if len(err.Error()) > 2*maxWords || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s says %d bytes: %q", c.plugin, len(err.Error()), err)
		}
		good()
	}
	if out, err := h.Transform(t.Context(), "crash", []byte("1"), nil); err != nil || string(out) != "1" {
		t.Errorf("a plugin that crashed is not restarted: %q, %v", out, err)
	}
	if out, err := h.Transform(t.Context(), "secrets", nil, map[string][]byte{"key": []byte("its ")}); err != nil || string(out) != "its " {
		t.Errorf("a plugin was told %q, %v", out, err)
	}
}

func TestAPluginThatHangsIsEnded(t *testing.T) {
	t.Parallel()
	h := hosted(t, "good", "hang", "pid")
	h.Answer = time.Second
	begin := time.Now()
	if _, err := h.Transform(t.Context(), "hang", []byte("{}"), nil); err == nil || !strings.Contains(err.Error(), "the plugin hang did not answer within 1s") {
		t.Errorf("it says %v", err)
	}
	h.Answer = 0
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := h.Transform(ctx, "hang", []byte("{}"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("it was not given up: %v", err)
	}
	if took := time.Since(begin); took > race.Patience(90*time.Second) {
		t.Errorf("that took %s", took)
	}
	if out, err := h.Transform(t.Context(), "good", []byte("{}"), nil); err != nil || string(out) != "{}" {
		t.Errorf("after that: %q, %v", out, err)
	}
}

// Nothing runs while nobody asks.
func TestPluginsEndWhenIdle(t *testing.T) {
	t.Parallel()
	h := hosted(t, "pid")
	h.Idle = 100 * time.Millisecond
	pid := func() int {
		t.Helper()
		out, err := h.Transform(t.Context(), "pid", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(string(out))
		return n
	}
	first := pid()
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); !errors.Is(syscall.Kill(first, 0), syscall.ESRCH); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the plugin still runs")
		}
	}
	if again := pid(); again == first {
		t.Error("it did not end")
	}
}

func TestWithoutTheProgramItIsSaid(t *testing.T) {
	t.Parallel()
	h := &pluginhost.Host{Path: filepath.Join(t.TempDir(), pluginhost.Program), Log: slog.New(slog.DiscardHandler)}
	if _, err := h.Transform(t.Context(), "sops", nil, nil); err == nil || !strings.Contains(err.Error(), "drover-plugins, which hosts plugins, is not at "+h.Path) {
		t.Errorf("it says %v", err)
	}
}
