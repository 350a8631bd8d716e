//go:build unix

package main

import "syscall"

// limitMemory bounds what this process may write to. Reserved address space, of which Go takes much, does not count on Linux.
func limitMemory(bytes uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
