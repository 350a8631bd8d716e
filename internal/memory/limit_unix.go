//go:build unix

package memory

import "syscall"

// Limit bounds what this process may write to: an allocation beyond it ends the process. Reserved address space, of
// which Go takes much, does not count on Linux.
func Limit(bytes uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
