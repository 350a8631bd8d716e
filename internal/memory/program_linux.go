package memory

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// releaseProgram drops the pages of the program's file that cannot have been changed: its code and its constants. What
// cannot be dropped stays; nothing depends on it.
func releaseProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var start, end uintptr
		var perms, offset, device, inode, path string
		_, err := fmt.Sscanf(lines.Text(), "%x-%x %s %s %s %s %s", &start, &end, &perms, &offset, &device, &inode, &path)
		if err == nil && path == program && strings.HasPrefix(perms, "r-") && strings.HasSuffix(perms, "p") {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, start, end-start, syscall.MADV_DONTNEED)
		}
	}
}
