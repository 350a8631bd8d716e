package testenv

import "syscall"

// childAttr gives a child its own process group, so that an interrupt at the terminal reaches only us and we stop
// things in order, and has the kernel kill it when we die without having stopped it.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
