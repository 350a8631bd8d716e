package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// git runs git and returns what it printed.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	return output(cmd)
}

// goCommand runs the go command and returns what it printed.
func goCommand(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS="), env...)
	out, err := output(cmd)
	return []byte(out), err
}

// output runs a command and returns what it printed, without space around it. An error has what it said of it.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		name := strings.Join(cmd.Args[:min(len(cmd.Args), 3)], " ")
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(failed.Stderr)+" "+string(out)))
	}
	return strings.TrimSpace(string(out)), err
}
