package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// hub is the hub, and the drover command that asks it.
type hub struct {
	*process
	bin     string // directory of the programs
	dataDir string
}

// startHub starts the hub of a repository, with its data and its log in w. Its gates may ask the address metrics, which
// the hub refuses otherwise, as every address of its own machine that a file in Git names.
func startHub(w *testenv.TempDir, bin, repo, metrics string, ended func(*process)) (*hub, error) {
	h := &hub{bin: bin, dataDir: w.File("hub")}
	api, bus, err := ports.Pair()
	if err != nil {
		return nil, err
	}
	h.process, err = start("hub", w.File("hub.log"), ended, filepath.Join(bin, "drover"), "hub", "--repo", repo, "--data-dir", h.dataDir,
		fmt.Sprintf("--listen=127.0.0.1:%d", api), fmt.Sprintf("--nats-listen=127.0.0.1:%d", bus),
		fmt.Sprintf("--advertise=tls://127.0.0.1:%d", bus), "--allow-source-address="+metrics)
	return h, err
}

// again starts a hub that was killed, as it was.
func (h *hub) again(ended func(*process)) (err error) {
	h.process, err = start(h.Name, h.Log, ended, h.args...)
	return err
}

// refusal is a drover command that ended with another code than 0, and what it said.
type refusal struct {
	command string
	code    int
	said    string
}

// Error says which command it was, and what it said.
func (r *refusal) Error() string {
	return fmt.Sprintf("%s: exit code %d: %s", r.command, r.code, r.said)
}

// drover runs the drover command as the reader would and returns what it prints.
func (h *hub) drover(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(h.bin, "drover"), args...)
	cmd.Env = append(os.Environ(), "DROVER_DATA_DIR="+h.dataDir, "DROVER_HUB=", "DROVER_TOKEN=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if exit, ok := err.(*exec.ExitError); ok {
		err = &refusal{"drover " + strings.Join(args, " "), exit.ExitCode(), strings.TrimSpace(stderr.String())}
	}
	return stdout.String(), err
}

// fleet is what `drover status -o json` says, as far as the story needs it.
type fleet struct {
	Source struct {
		Revision struct{ Hash string }
		Error    string
		Held     []struct {
			ID, Reason string
			Count      int
		}
	}
	Clusters []row
}

// row is what it says of one cluster.
type row struct {
	Name, State, Health, Message string
	Synced                       bool
	Applied                      struct{ Hash string }
}

// String tells how the cluster is.
func (r row) String() string {
	synced := "in sync"
	if !r.Synced {
		synced = "not in sync"
	}
	return strings.TrimSuffix(fmt.Sprintf("%s is %s, %s, %s: %s", r.Name, r.State, r.Health, synced, r.Message), ": ")
}

// good says whether the cluster is as one hopes.
func (r row) good() bool { return r.State == "connected" && r.Synced && r.Health == "current" }

// detail is what `drover status NAME -o json` says.
type detail struct {
	row
	AppRows []struct{ Name, Phase, Health, Message, Error string }
	Events  []event
}

// event is a line of the journal.
type event struct {
	Kind, App, By, Message string
	Fields                 []string
	Took                   float64
	Object                 struct{ Kind, Namespace, Name string }
}

// status asks how the fleet is.
func (h *hub) status(ctx context.Context) (f fleet, err error) {
	return f, h.ask(ctx, &f, "status", "-o", "json")
}

// cluster asks how one cluster is.
func (h *hub) cluster(ctx context.Context, name string) (d detail, err error) {
	return d, h.ask(ctx, &d, "status", name, "-o", "json")
}

func (h *hub) ask(ctx context.Context, answer any, args ...string) error {
	out, err := h.drover(ctx, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), answer); err != nil {
		return fmt.Errorf("read what drover %s says: %w", strings.Join(args, " "), err)
	}
	return nil
}

// untilStatus waits until the fleet's status is as wanted. is returns what is not, or "".
func (h *hub) untilStatus(ctx context.Context, what string, is func(fleet) string) error {
	return until(ctx, "drover status: "+what, func() (bool, string) {
		f, err := h.status(ctx)
		if err != nil {
			return false, err.Error()
		}
		not := is(f)
		return not == "", not
	})
}

// policy is what `drover rollout -o json` says of one.
type policy struct {
	Policy string
	Bad    []struct{ Target, Why string }
	Waves  []struct{ Name, Target, Reason, Text string }
}

// untilRollouts waits until rollouts are as wanted. is returns what is not, or "".
func (h *hub) untilRollouts(ctx context.Context, what string, is func([]policy) string) error {
	return until(ctx, "drover rollout: "+what, func() (bool, string) {
		var all []policy
		if err := h.ask(ctx, &all, "rollout", "-o", "json"); err != nil {
			return false, err.Error()
		}
		not := is(all)
		return not == "", not
	})
}

// untilGood waits until the hub has resolved a revision, and says that all n clusters run it and are well.
func (h *hub) untilGood(ctx context.Context, hash string, n int) error {
	return h.untilStatus(ctx, fmt.Sprintf("%d clusters connected, in sync and current at %.7s", n, hash), func(f fleet) string {
		if f.Source.Revision.Hash != hash {
			return fmt.Sprintf("the hub is at %.7s; %s", f.Source.Revision.Hash, f.Source.Error)
		}
		i := slices.IndexFunc(f.Clusters, func(r row) bool { return !r.good() || r.Applied.Hash != hash })
		switch {
		case i >= 0:
			return f.Clusters[i].String()
		case len(f.Clusters) != n:
			return fmt.Sprintf("%d clusters", len(f.Clusters))
		}
		return ""
	})
}
