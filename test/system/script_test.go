package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// patience is how long `until` waits for what takes milliseconds.
var patience = race.Patience(90 * time.Second)

func TestScripts(t *testing.T) {
	testscript.Run(t, scripts(testenv.ProgramsT(t), "testdata"))
}

// scripts are those in a folder, over the programs in bin.
func scripts(bin, dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			e.Setenv("DROVER_DATA_DIR", filepath.Join(e.WorkDir, ".data"))
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				e.Setenv("GIT_"+who+"_NAME", "Test")
				e.Setenv("GIT_"+who+"_EMAIL", "test@example.com")
			}
			for _, name := range []string{"API", "NATS"} {
				port, err := ports.Free()
				if err != nil {
					return err
				}
				e.Setenv(name, fmt.Sprintf("127.0.0.1:%d", port))
				e.Setenv(name+"_PORT", fmt.Sprint(port))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"until": until, "exits": exits, "commit": commit},
	}
}

// until runs a command again and again until its output matches, or with ! no longer does: until REGEXP COMMAND…
func until(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND…")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	last := ""
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		out, _ := command(ts, ctx, args[1:]).CombinedOutput()
		if want.Match(out) != neg {
			return
		}
		if len(out) > 0 {
			last = string(out)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("not within %s: %s from %v; it said:\n%s", patience, args[0], args[1:], last)
		}
	}
}

// exits asserts a command's exit code: exits CODE COMMAND…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	cmd := command(ts, context.Background(), args[1:])
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		ts.Fatalf("%v: %v", args[1:], err)
	}
	if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("%v exits with %s, not %s:\n%s", args[1:], got, args[0], out)
	}
	if strings.Contains(string(out), "goroutine ") {
		ts.Fatalf("%v prints a stack trace at a person:\n%s", args[1:], out)
	}
}

// commit makes a commit of everything in the folder repo: commit MESSAGE
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: commit MESSAGE")
	}
	for _, git := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", args[0]}} {
		cmd := command(ts, context.Background(), append([]string{"git", "-C", "repo"}, git...))
		if out, err := cmd.CombinedOutput(); err != nil {
			ts.Fatalf("git %v: %v\n%s", git, err, out)
		}
	}
}

func command(ts *testscript.TestScript, ctx context.Context, args []string) *exec.Cmd {
	path := args[0]
	if !strings.Contains(path, "/") {
		for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
			if _, err := os.Stat(filepath.Join(dir, path)); err == nil {
				path = filepath.Join(dir, path)
				break
			}
		}
	}
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "GIT_CONFIG_NOSYSTEM", "DROVER_DATA_DIR", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL",
		"GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}
