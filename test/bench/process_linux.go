package bench

import "syscall"

// childAttr gives a child its own process group, so that Ctrl-C reaches only us and we end things in order, and has the
// kernel kill it when we die without having done so.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
