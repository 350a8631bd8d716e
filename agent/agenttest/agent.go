package agenttest

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/agent/kube"
	agentnats "github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"
)

// Running is an agent that runs in the test's process.
type Running struct {
	Client   *kube.Client
	Store    *kube.Store
	Identity *credential.Identity
	Bus      *agentnats.Session
	since    time.Time
	stop     context.CancelFunc
	done     chan error
}

// Says whether a report is this agent's, or of one that was started later.
func (r *Running) Says(report protocol.Report) bool { return !report.Agent.Started.Before(r.since) }

// Start runs an agent for hub's cluster against cp, with its state in namespace, until the test ends. It joins with
// hub's token if it has not joined. It does not ask for the lead. To the API server it is the user
// namespace, so that its requests can be told from others'; see testenv.ControlPlane.RequestsOf. edit may change what
// the agent is made of.
func Start(t testing.TB, cp *testenv.ControlPlane, namespace string, hub *Hub, edit ...func(*deliver.Config)) *Running {
	t.Helper()
	return StartWith(t, cp, namespace, hub.TokenFile(t), edit...)
}

// StartWith is Start with a join token in a file, which need not be there.
func StartWith(t testing.TB, cp *testenv.ControlPlane, namespace, token string, edit ...func(*deliver.Config)) *Running {
	t.Helper()
	user, err := cp.UserToken(namespace)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(t, cp, user)
	cluster := among{client, namespace, isFirst(cp.URL, namespace)}
	return start(t, client, namespace, token, append([]func(*deliver.Config){func(c *deliver.Config) { c.Cluster = cluster }}, edit...)...)
}

// StartScoped is Start with a client of the test's own, for an agent that may only touch some namespaces.
func StartScoped(t testing.TB, client *kube.Client, namespace string, hub *Hub, scope ...string) *Running {
	t.Helper()
	return start(t, client, namespace, hub.TokenFile(t), func(c *deliver.Config) { c.Scope = scope })
}

func start(t testing.TB, client *kube.Client, namespace, token string, edit ...func(*deliver.Config)) *Running {
	t.Helper()
	log := Log(t)
	r := &Running{since: time.Now(), Client: client, Store: kube.NewStore(client, namespace), done: make(chan error, 1)}
	r.Identity = credential.NewIdentity(kube.NewVault(client, namespace), log)
	r.Bus = agentnats.New(agentnats.Config{Identity: r.Identity, TokenFile: token, Look: 100 * time.Millisecond, Log: log})
	c := deliver.Config{Identity: r.Identity, Namespace: namespace, Name: "test", Cluster: among{client, namespace, false},
		Objects: client.With, Store: r.Store, Bus: r.Bus, Log: log}
	for _, f := range edit {
		f(&c)
	}
	a := deliver.New(c)
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background()) // ended by Stop, with time to say goodbye
	go func() { r.done <- a.Run(ctx) }()
	t.Cleanup(func() { r.Stop(t) })
	return r
}

// Trouble waits until the agent says what a person has to do, with want in it.
func (r *Running) Trouble(t testing.TB, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(r.Bus.Trouble(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %q; the trouble is %q", want, r.Bus.Trouble())
		}
	}
}

// Stop ends the agent in order.
func (r *Running) Stop(t testing.TB) {
	t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		if err != nil {
			t.Errorf("the agent ended with %v", err)
		}
		r.done <- nil // for the next Stop
	case <-time.After(patience):
		t.Fatal("the agent does not end")
	}
}

// Client is an administrator's client of cp's API server, of the kind that the agent has.
func Client(t testing.TB, cp *testenv.ControlPlane) *kube.Client {
	t.Helper()
	return clientOf(t, cp, cp.Token)
}

func clientOf(t testing.TB, cp *testenv.ControlPlane, token string) *kube.Client {
	t.Helper()
	client, err := kube.New(&rest.Config{Host: cp.URL, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: cp.CA}}, Log(t))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Log is a log that DROVER_TEST_LOG=1 shows.
func Log(t testing.TB) *slog.Logger {
	out := io.Discard
	if os.Getenv("DROVER_TEST_LOG") != "" {
		out = t.Output()
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
