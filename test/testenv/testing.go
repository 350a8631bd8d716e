package testenv

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// NeedT skips a test that needs real servers when tests are run with -short, but never where CI is set: there a test
// that cannot run has failed.
func NeedT(t testing.TB) {
	t.Helper()
	switch ci := os.Getenv("CI"); {
	case !testing.Short():
	case ci == "" || ci == "false":
		t.Skip("needs real servers; run without -short")
	default:
		t.Fatal("needs real servers, and CI skips nothing: run without -short")
	}
}

// ControlPlaneT starts a control plane of the test's own and stops it at the test's end. A failed test shows the end of
// the logs. Most tests do well with Shared, which costs nothing.
func ControlPlaneT(t testing.TB, opts ...Option) *ControlPlane {
	t.Helper()
	NeedT(t)
	cp, err := StartControlPlane(t.Context(), append(opts, forTests)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(cp.Logs())
		}
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cp
}

// atOnce is how many parallel tests Main runs at once. On two processors 8 took a quarter longer, and 24 saved little.
const atOnce = "16"

// common is the control plane of all tests of the binary, and what else they share.
var common struct {
	sync.Mutex
	opts []Option
	cp   *ControlPlane
	err  error
	ends []func() error
}

// AtEnd has Main call stop after all tests: for servers that tests share, as Shared is for control planes. Without Main
// they end with the process.
func AtEnd(stop func() error) {
	common.Lock()
	defer common.Unlock()
	common.ends = append(common.ends, stop)
}

// Main runs the tests of a package, and stops what Shared started. opts are for Shared. Unless -parallel says how many
// tests run at once, atOnce do, whatever processors there are: nearly all of their time they wait. Call it from TestMain,
// at its end:
//
//	func TestMain(m *testing.M) { testenv.Main(m, testenv.WithControllers(), testenv.WithNodes(2)) }
func Main(m *testing.M, opts ...Option) {
	common.opts = opts
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			fmt.Fprintln(os.Stderr, "testenv: run", atOnce, "tests at once:", err)
			os.Exit(1)
		}
	}
	code := m.Run()
	common.Lock()
	defer common.Unlock()
	if common.cp != nil {
		common.ends = append(common.ends, common.cp.Stop)
	}
	for _, stop := range common.ends {
		if err := stop(); err != nil {
			fmt.Fprintln(os.Stderr, "testenv: stop what the tests shared:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Shared returns a control plane that all tests of the binary share, started at the first call with the options that
// Main was given. Tests keep out of each other's way by namespaces; see NamespaceT. Without Main it ends with the
// process, and its directory is removed by the next run.
func Shared(t testing.TB) *ControlPlane {
	t.Helper()
	NeedT(t)
	common.Lock()
	defer common.Unlock()
	if common.cp == nil && common.err == nil {
		opts := append([]Option{WithName("shared"), forTests}, common.opts...)
		common.cp, common.err = StartControlPlane(context.Background(), opts...)
	}
	if common.err != nil {
		t.Fatal(common.err)
	}
	return common.cp
}

// NamespaceT makes a namespace for the test in cp, and returns its name. It is not deleted when the test ends, because
// that takes the controllers two hundred requests, and the control plane goes anyway. But its ConfigMaps are, of which
// some tests make hundreds: a client that watches all namespaces would be told of them.
func NamespaceT(t testing.TB, cp *ControlPlane) string {
	t.Helper()
	made, err := cp.Kube().Create(t.Context(), "testenv", Object{
		"apiVersion": "v1", "kind": "Namespace", "metadata": Object{"generateName": "test-"},
	})
	if err != nil {
		t.Fatalf("make a namespace for the test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // the test's own context has ended
		defer cancel()
		maps := Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: made.Ref().Name}
		_ = cp.Kube().DeleteAll(ctx, maps) // what a policy keeps stays
	})
	return made.Ref().Name
}

// Logs returns the end of the logs of the control plane's programs.
func (cp *ControlPlane) Logs() string {
	var logs strings.Builder
	for _, p := range []*Process{cp.apiserver, cp.manager, cp.scheduler} {
		if p != nil {
			fmt.Fprintf(&logs, "--- %s of %s ends with:\n%s\n", p.Name, cp.Name, p.Tail(logLines))
		}
	}
	return logs.String()
}

// ProgramsT returns the directory of the built programs drover, drover-helm-worker and drover-agent: DROVER_BIN, or else the repository's bin,
// for tests two directories below its root.
func ProgramsT(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("DROVER_BIN")
	if dir == "" {
		dir = filepath.Join("..", "..", "bin")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"drover", "drover-helm-worker", "drover-agent"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Fatalf("%v: run `make build` first, or say with DROVER_BIN where the binaries are", err)
		}
	}
	return dir
}

// NATST starts a nats-server for the test and stops it at the test's end.
func NATST(t testing.TB, config string) *NATS {
	t.Helper()
	NeedT(t)
	n, err := StartNATS(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}
