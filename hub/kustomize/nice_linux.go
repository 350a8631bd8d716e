package kustomize

import (
	"os"
	"strconv"
	"syscall"
)

// stepBack gives every other process precedence over this one where processors are scarce. Without privileges that cannot be
// undone.
func stepBack() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return // then it takes its turn like others
	}
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, lowPriority) // a thread that has ended since
		}
	}
}
