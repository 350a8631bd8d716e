//go:build unix

package renderers

import (
	"os/exec"
	"syscall"
)

// alone gives a program a process group of its own, so that it can be ended together with what it started.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill ends a program and what it started, whatever is left of them.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
