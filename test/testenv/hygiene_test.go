package testenv

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv/ports"
)

// TestKilledOwnerLeavesNothing kills a process that has started servers, and looks for what it leaves.
func TestKilledOwnerLeavesNothing(t *testing.T) {
	t.Parallel()
	NeedT(t)
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a killed process")
	}
	owner := exec.Command(os.Args[0], "-test.run=^TestOwner$", "-test.v")
	owner.Env = append(os.Environ(), "TESTENV_OWNER=1", "TMPDIR="+t.TempDir())
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); lines.Scan() && len(pids) < 4; {
		if _, list, ok := strings.Cut(lines.Text(), "children: "); ok {
			for _, field := range strings.Fields(list) {
				pid, err := strconv.Atoi(field)
				if err != nil {
					t.Fatal(err)
				}
				pids = append(pids, pid)
			}
			break
		}
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // it was killed
	if len(pids) != 4 {
		t.Fatalf("the owner started processes %v; want four", pids)
	}
	for _, pid := range pids {
		if err := poll(within(t), 10*time.Millisecond, func() (bool, error) { return !runs(pid), nil }); err != nil {
			t.Errorf("process %d lives on", pid)
		}
	}
}

// TestOwner is the process that TestKilledOwnerLeavesNothing kills.
func TestOwner(t *testing.T) {
	if os.Getenv("TESTENV_OWNER") == "" {
		t.Skip("runs only as the child of another test")
	}
	cp := ControlPlaneT(t, WithControllers())
	n := NATST(t, "")
	fmt.Println("children:", cp.etcd.p.PID(), cp.apiserver.PID(), cp.manager.PID(), n.p.PID())
	<-context.Background().Done() // until killed
}

// runs reports whether the process is there and has not ended; who should collect an orphan that has may be slow.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	after := stat[strings.LastIndexByte(string(stat), ')')+1:]
	return !strings.HasPrefix(strings.TrimSpace(string(after)), "Z")
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	NeedT(t)
	e, err := StartEtcd(within(t), WithFsync())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := StartControlPlane(within(t), WithEtcd(e), WithControllers(), WithNodes(1))
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{e.p.PID(), cp.apiserver.PID(), cp.manager.PID()}
	if err := cp.Stop(); err != nil {
		t.Error(err)
	}
	if err := e.Stop(); err != nil {
		t.Error(err)
	}
	for _, pid := range pids {
		if runs(pid) {
			t.Errorf("process %d lives on", pid)
		}
	}
	for _, dir := range []string{cp.Dir, e.dir.Path} {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there (%v)", dir, err)
		}
	}
	if err := cp.Stop(); err != nil {
		t.Errorf("stopping again: %v", err)
	}
}

func TestSweepRemovesOnlyWhatIsNobodys(t *testing.T) {
	mine, err := NewTempDir("mine")
	if err != nil {
		t.Fatal(err)
	}
	atEnd(t, mine.Remove)
	dead, err := NewTempDir("dead")
	if err != nil {
		t.Fatal(err)
	}
	dead.lock.Close() // as the end of its owner does
	young, err := NewTempDir("young")
	if err != nil {
		t.Fatal(err)
	}
	young.lock.Close()
	atEnd(t, young.Remove)
	for _, d := range []*TempDir{mine, dead} {
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(d.Path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	for d, want := range map[*TempDir]bool{mine: true, dead: false, young: true} {
		if _, err := os.Stat(d.Path); (err == nil) != want {
			t.Errorf("%s: there is %v; want %v", filepath.Base(d.Path), err == nil, want)
		}
	}
}

func TestPortTakenMeanwhileIsTriedAgain(t *testing.T) {
	t.Parallel()
	NeedT(t)
	bin, err := Binaries(t.Context(), t.Output(), "nats-server")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := NewTempDir("ports")
	if err != nil {
		t.Fatal(err)
	}
	taken, err := ports.Listen()
	if err != nil {
		t.Fatal(err)
	}
	atEnd(t, taken.Close)
	n := &NATS{Dir: dir.Path, dir: dir, bin: bin["nats-server"]}
	atEnd(t, n.Stop)
	if err := n.Configure(""); err != nil {
		t.Fatal(err)
	}
	tries := 0
	err = retryPorts(func() (err error) {
		if n.Port = taken.Addr().(*net.TCPAddr).Port; tries > 0 {
			if n.Port, err = ports.Free(); err != nil {
				return err
			}
		}
		tries++
		return n.run(within(t))
	})
	if err != nil || tries != 2 {
		t.Errorf("%d tries (%v); want 2", tries, err)
	}
}

func TestSilentServerIsReportedWithItsLog(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	p, err := StartProcess("sh", log, nil, "/bin/sh", "-c", "echo what happened; exec sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	err = p.await(t.Context(), 300*time.Millisecond, func(context.Context) error { return syscall.ECONNREFUSED })
	if err == nil || !strings.Contains(err.Error(), "what happened") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v; want the end of the log and what was tried", err)
	}
}

// atEnd calls f when the test ends, and has its error fail the test.
func atEnd(t *testing.T, f func() error) {
	t.Cleanup(func() {
		if err := f(); err != nil {
			t.Error(err)
		}
	})
}
