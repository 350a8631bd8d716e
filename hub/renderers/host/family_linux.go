package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// adopt has what the plugin leaves running become a child of this process, wherever it put itself.
func adopt() {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // an error says that it cannot: the group is ended anyway
}

// maxEnding is how long ending the rest may take.
const maxEnding = 2 * time.Second

// endAll ends all children of this process, and theirs, which become its own.
func endAll() {
	for began := time.Now(); time.Since(began) < maxEnding; time.Sleep(time.Millisecond) {
		children := childrenOf(os.Getpid())
		if len(children) == 0 {
			return
		}
		for _, pid := range children {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		for {
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != nil || pid <= 0 {
				break
			}
		}
	}
}

// childrenOf are the processes whose parent a process is.
func childrenOf(parent int) (out []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid: the name may hold anything
		var state string
		var of int
		rest := data[bytes.LastIndexByte(data, ')')+1:]
		if n, _ := fmt.Sscan(string(rest), &state, &of); n == 2 && of == parent {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}
