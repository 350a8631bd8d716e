package upgrade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// lastRelease is the commit of the release that upgrades come from. When there is a newer one, name it here.
const lastRelease = "c9a339c616efdbf8ae83c7ea2c3e2d4f4bcfe3b1"

// programs are built in the module hub or agent.
var programs = map[string]string{"drover": "hub", "drover-helm-worker": "hub", "drover-agent": "agent"}

// buildRelease builds the programs of a commit from this repository's history, once, and returns their folder. It is
// kept beside the control plane's programs, in a folder with the commit's name.
func buildRelease(ctx context.Context, commit string, log io.Writer) (string, error) {
	cache, err := testenv.CacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "drover-"+commit)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(home, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	bin := filepath.Join(home, "bin")
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	begin := time.Now()
	fmt.Fprintf(log, "test/upgrade: building the programs of %.10s into %s, about a minute\n", commit, bin)
	source := filepath.Join(home, "source")
	if err := errors.Join(os.RemoveAll(source), os.RemoveAll(bin+".part"), os.MkdirAll(source, 0o755)); err != nil {
		return "", err
	}
	if err := checkOut(ctx, commit, source); err != nil {
		return "", err
	}
	for name, module := range programs {
		if err := build(ctx, filepath.Join(source, module), name, commit, filepath.Join(bin+".part", name)); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(log, "test/upgrade: built in %s\n", time.Since(begin).Round(time.Second))
	return bin, errors.Join(os.Rename(bin+".part", bin), os.RemoveAll(source))
}

// checkOut writes the tree of a commit into a folder.
func checkOut(ctx context.Context, commit, dir string) error {
	if _, err := git(ctx, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return missing(ctx, commit)
	}
	archive, err := os.CreateTemp(filepath.Dir(dir), "source-*.tar")
	if err != nil {
		return err
	}
	defer os.Remove(archive.Name())
	defer archive.Close()
	root, err := git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	if _, err := git(ctx, "-C", root, "archive", "--format=tar", "--output="+archive.Name(), commit); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", archive.Name(), "-C", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("unpack the source of %.10s: %w: %s", commit, err, out)
	}
	return nil
}

// missing says why a commit is not here, and how to get it.
func missing(ctx context.Context, commit string) error {
	shallow, err := git(ctx, "rev-parse", "--is-shallow-repository")
	switch {
	case err != nil:
		return fmt.Errorf("the programs of %.10s are built from the repository's history, and this is no Git checkout: %w",
			commit, err)
	case shallow == "true":
		return fmt.Errorf("this clone is shallow and lacks the last release, commit %s: run `git fetch --unshallow`, or "+
			"`git fetch --depth=1 origin %[1]s`", commit)
	}
	return fmt.Errorf("the repository lacks the last release, commit %s: run `git fetch origin %[1]s`", commit)
}

// git runs the git command where the tests are.
func git(ctx context.Context, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// build builds a command of a module.
func build(ctx context.Context, module, name, commit, out string) error {
	link := "-s -w -X github.com/drover-dev/drover/internal/version.release=" + commit[:10]
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", link,
		"-o", out, "./cmd/"+name)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s of %.10s: %w: %s", name, commit, err, text)
	}
	return nil
}
