package renderers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/drover-dev/drover/hub/model"
)

// TestAPluginIsKeptFromTheFilesOfTheHub, where the kernel can.
func TestAPluginIsKeptFromTheFilesOfTheHub(t *testing.T) {
	t.Parallel()
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0,
		unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 {
		t.Skipf("the kernel has no Landlock: %v", errno)
	}
	dir := t.TempDir()
	secret, outside := filepath.Join(dir, "secret"), filepath.Join(dir, "outside")
	if err := os.WriteFile(secret, []byte("hunter2"), 0o644); err != nil {
		t.Fatal(err)
	}
	script := object(fmt.Sprintf("(cat %s; echo x > %s; cat /proc/%d/environ; echo x > new.yaml; kill -0 %d; echo x > "+
		"$TMPDIR/a && echo mine)",
		secret, outside, os.Getpid(), os.Getpid()))
	got := built(t, configured(t, running(script, "")), model.Plugin{Name: "p"})
	check(t, got, []string{"mine;"}, []string{"ERR", "hunter2"})
	if n := strings.Count(got, "ermission denied") + strings.Count(got, "not permitted"); n < 4 {
		t.Errorf("%d things were denied: %s", n, got)
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("it wrote outside")
	}
}

// TestNothingThatAPluginStartedIsLeft, wherever it put itself, and neither is its copy of the source.
func TestNothingThatAPluginStartedIsLeft(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"sleep 7654321 & setsid sleep 7654321 & (setsid sh -c 'sleep 7654321; true' &) ; cat a.yaml",
		"setsid sh -c 'sleep 7654321; true' & sleep 7654321",
	} {
		script = strings.ReplaceAll(script, "7654321", fmt.Sprint(1_000_000_000+time.Now().UnixNano()%1_000_000_000))
		mark := script[strings.Index(script, "sleep ")+6:][:10]
		r := configured(t, running(script, ""))
		r.Time = 2 * time.Second
		built(t, r, model.Plugin{Name: "p"})
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			left := withArgument(t, mark)
			if len(left) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("after %q there are %q", script, left)
			}
		}
	}
}

func withArgument(t *testing.T, mark string) (out []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil && strings.Contains(string(data), mark) {
			out = append(out, string(data))
		}
	}
	return out
}
