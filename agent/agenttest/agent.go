package agenttest

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
	agentnats "github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"
)

// Running is an agent that runs in the test's process.
type Running struct {
	Client *kube.Client
	Store  *kube.Store
	stop   context.CancelFunc
	done   chan error
}

// Start runs an agent for hub's cluster against cp, with its state in namespace, until the test ends. It does not
// ask who leads.
func Start(t testing.TB, cp *testenv.ControlPlane, namespace string, hub *Hub) *Running {
	t.Helper()
	return StartScoped(t, Client(t, cp), namespace, hub)
}

// StartScoped is Start with a client of the test's own, for an agent that may only touch some namespaces.
func StartScoped(t testing.TB, client *kube.Client, namespace string, hub *Hub, scope ...string) *Running {
	t.Helper()
	log := Log(t)
	r := &Running{Client: client, Store: kube.NewStore(client, namespace), done: make(chan error, 1)}
	a := agent.New(agent.Config{Credential: hub.Credential, Namespace: namespace, Identity: "test", Scope: scope, Cluster: client, Objects: client,
		Store: r.Store, Bus: agentnats.New(hub.Credential, log), Log: log})
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background()) // ended by Stop, with time to say goodbye
	go func() { r.done <- a.Run(ctx) }()
	t.Cleanup(func() { r.Stop(t) })
	return r
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

// Client is a client of cp's API server as the agent has it.
func Client(t testing.TB, cp *testenv.ControlPlane) *kube.Client {
	t.Helper()
	client, err := kube.New(&rest.Config{Host: cp.URL, BearerToken: cp.Token, TLSClientConfig: rest.TLSClientConfig{CAData: cp.CA}}, Log(t))
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
