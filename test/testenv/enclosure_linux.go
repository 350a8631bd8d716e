package testenv

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	keeperStage = "keeper"
	// enclosureBridge connects the machines.
	enclosureBridge = "machines"
)

// Enclose runs this program again, with the same arguments, in an enclosure: namespaces of its own for processes,
// mounts and network, and a TMPDIR in memory. There Enclose returns; outside it does not, but ends this process as the
// enclosed one ends. Before that, and outside, it calls prepare, because in an enclosure there is no way to the
// internet. It needs root. Call it at the beginning of main or TestMain.
//
// Whatever is started, mounted, configured or written to TMPDIR in the enclosure is gone when it ends: the kernel sees to
// that, also when every process of ours is killed. Only control groups, and an empty directory, outlive the processes. A
// keeper outside removes them, even if this process is killed; should the keeper be killed too, the next one does.
func Enclose(prepare func() error) error {
	switch os.Getenv(enclosureVar) {
	case "":
		code, err := enclose(prepare)
		exit(code, err)
	case keeperStage:
		code, err := keep()
		exit(code, err)
	}
	return enter(os.Getenv(enclosureVar))
}

// exit ends the process.
func exit(code int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv: make an enclosure:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// enclose prepares, then starts the keeper and waits for it. The keeper finds out that we died by the end of its input.
func enclose(prepare func() error) (int, error) {
	if os.Getuid() != 0 {
		return 1, errors.New("namespaces, mounts and control groups need root: run this as root")
	}
	if err := needPrograms("ip", "nsenter", "nft", "containerd", "ctr", "runc"); err != nil {
		return 1, err
	}
	if err := prepare(); err != nil {
		return 1, err
	}
	keeper, err := again(keeperStage)
	if err != nil {
		return 1, err
	}
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt at the terminal is not for the keeper
	life, err := keeper.StdinPipe()
	if err != nil {
		return 1, err
	}
	defer life.Close()
	code, err := outcomeOf(keeper.Run())
	sweepCgroups() // should the keeper have been killed
	return code, err
}

// again returns a command that runs this program with the same arguments at a stage.
func again(stage string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), enclosureVar+"="+stage)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd, nil
}

// outcomeOf returns the exit code of a command that ran.
func outcomeOf(err error) (int, error) {
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		return ended.ExitCode(), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

// keep starts the enclosed process, sees that it ends when we are to end, and removes what it leaves.
func keep() (int, error) {
	sweepCgroups()
	dir, err := NewTempDir("enclosure")
	if err != nil {
		return 1, err
	}
	inside, err := again(dir.Path)
	if err != nil {
		return 1, err
	}
	inside.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := launch(inside.Start); err != nil {
		return 1, errors.Join(fmt.Errorf("make namespaces: %w", err), dir.Remove())
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	go func() {
		<-told
		_ = inside.Process.Kill() // it may have ended
	}()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is what counts
		_ = inside.Process.Kill()
	}()
	code, err := outcomeOf(inside.Wait())
	return code, errors.Join(err, removeCgroup(filepath.Base(dir.Path)), dir.Remove())
}

// enter makes the enclosed process at home in its namespaces.
func enter(dir string) error {
	tmp := filepath.Join(dir, "tmp")
	if os.Getenv("TMPDIR") == tmp {
		return nil // a child of an enclosed process
	}
	for _, m := range []struct{ source, target, kind string }{{"proc", "/proc", "proc"}, {"tmpfs", dir, "tmpfs"}} {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("keep mounts to ourselves: %w", err)
		}
		if err := syscall.Mount(m.source, m.target, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.kind, err)
		}
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	if err := os.Setenv("TMPDIR", tmp); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("let machines reach each other: %w", err)
	}
	return ip(
		"link set lo up",
		"link add "+enclosureBridge+" type bridge",
		"addr add "+EnclosureIP+"/24 dev "+enclosureBridge,
		"link set "+enclosureBridge+" up",
	)
}

// ip runs the ip command with each of lines as its arguments.
func ip(lines ...string) error {
	for _, line := range lines {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// needPrograms says which of the programs are missing.
func needPrograms(names ...string) error {
	var missing []string
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("%s: not found; install the packages containerd, runc, containernetworking-plugins, nftables, iproute2 and util-linux", strings.Join(missing, ", "))
	}
	return nil
}
