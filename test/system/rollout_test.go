package system

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// TestRolloutScripts are scripts of which each has a control plane, for real agents.
func TestRolloutScripts(t *testing.T) {
	testenv.NeedT(t)
	p := scripts(testenv.ProgramsT(t), "testdata/rollout")
	cp := testenv.ControlPlaneT(t)
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("KUBE", cp.Kubeconfig)
		port, err := ports.Free()
		if err != nil {
			return err
		}
		e.Setenv("AGENT", fmt.Sprintf("127.0.0.1:%d", port))
		return setup(e)
	}
	p.Cmds["capture"], p.Cmds["save"] = capture, save
	p.Cmds["value"] = func(ts *testscript.TestScript, neg bool, args []string) { value(ts, cp, neg, args) }
	testscript.Run(t, p)
}

// capture sets a variable to what a command says: capture NAME COMMAND…
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: capture NAME COMMAND…")
	}
	out, err := command(ts, context.Background(), args[1:]).Output()
	ts.Check(err)
	ts.Setenv(args[0], strings.TrimSpace(string(out)))
}

// save writes what a command says to a file: save FILE COMMAND…
func save(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: save FILE COMMAND…")
	}
	out, err := command(ts, context.Background(), args[1:]).Output()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out, 0o600))
}

// value waits until a ConfigMap of the cluster has a value: value NAMESPACE/NAME VALUE. With ! it is not to have it for
// a moment.
func value(ts *testscript.TestScript, cp *testenv.ControlPlane, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: value NAMESPACE/NAME VALUE")
	}
	wait := patience
	if neg {
		wait = time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	namespace, name, _ := strings.Cut(args[0], "/")
	ref := testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: name}
	err := cp.Kube().Wait(ctx, ref, args[1], func(o testenv.Object) bool { return o.Text("data", "value") == args[1] })
	if neg != (err != nil) {
		ts.Fatalf("the ConfigMap %s: %v", args[0], err)
	}
}
