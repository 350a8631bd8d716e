package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/drover-dev/drover/hub/renderers"
)

// The rights of Landlock (Documentation/userspace-api/landlock.rst of Linux).
const (
	mayRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_EXECUTE
	mayFirst = 1<<13 - 1 // all rights of version 1
	ofFiles  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE

	scopes = 1<<0 | 1<<1 // abstract sockets, and signals (version 6)
)

// readable is what plugins may read and run of the system: programs and libraries, and of its configuration what these
// need. What else is in /etc, in homes and in data directories may be secret.
var readable = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/proc",
	"/etc/ssl", "/etc/pki",
	"/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf",
	"/etc/ld.so.conf.d", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/passwd",
	"/etc/group",
	"/etc/services", "/etc/protocols", "/etc/localtime", "/etc/mime.types"}

// devices are those that plugins may read and write.
var devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}

// confine has this process start again with less rights, which it cannot get back. paths are the folder of the
// render, the
// folder of the configuration, and the plugin's program.
func confine(paths []string) error {
	runtime.LockOSThread() // rights are those of a thread; what is started again has but this one
	for limit, most := range map[int]uint64{unix.RLIMIT_DATA: renderers.MaxMemory, unix.RLIMIT_FSIZE: renderers.MaxFile,
		unix.RLIMIT_CORE: 0} {
		if err := unix.Setrlimit(limit, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("bound what it takes: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("keep it from other rights: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := landlock(append([]string{self}, paths...)); err != nil {
		return err
	}
	return syscall.Exec(self, append([]string{self, insideWord}, paths...), os.Environ())
}

// ruleset is struct landlock_ruleset_attr; a kernel of an older version has the beginning of it.
type ruleset struct{ files, network, scoped uint64 }

// landlock takes the rights to files from this thread. Where the kernel has no Landlock it takes none.
func landlock(paths []string) error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return nil // it is too old, or built or booted without
	}
	all := uint64(mayFirst)
	var attr ruleset
	size := unsafe.Sizeof(attr.files)
	if version >= 2 {
		all |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		all |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if attr.files = all; version >= 6 {
		attr.scoped, size = scopes, unsafe.Sizeof(attr)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return fmt.Errorf("make rules for files: %w", errno)
	}
	defer func() { _ = unix.Close(int(fd)) }() // nothing was written to it
	program, root, dir, plugin := paths[0], paths[1], paths[2], paths[3]
	rules := map[string]uint64{program: mayRead, dir: mayRead, plugin: mayRead, filepath.Join(root,
		renderers.TreeFolder): mayRead,
		filepath.Join(root, renderers.WorkFolder): all}
	for _, at := range readable {
		rules[at] = mayRead
	}
	for _, at := range devices {
		rules[at] = ofFiles &^ unix.LANDLOCK_ACCESS_FS_EXECUTE
	}
	for at, rights := range rules {
		if err := allow(int(fd), at, rights&all); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("rule for %s: %w", at, err)
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("take the rules on: %w", errno)
	}
	return nil
}

// allow adds what may be done with a file, or below a folder.
func allow(rules int, at string, rights uint64) error {
	fd, err := unix.Open(at, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // nothing was written to it
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= ofFiles
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
