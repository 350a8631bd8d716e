//go:build unix && !linux

package testenv

import "syscall"

// childAttr gives a child its own process group, so that an interrupt at the terminal reaches only us. Only Linux can
// tie its life to ours: elsewhere a killed test leaves its servers behind.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
