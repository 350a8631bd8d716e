//go:build unix && !linux

package bench

import "syscall"

// childAttr gives a child its own process group, so that Ctrl-C reaches only us and we end things in order. Only Linux can
// tie its life to ours.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
