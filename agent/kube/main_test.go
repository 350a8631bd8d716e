package kube_test

import (
	"context"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"

	"log/slog"
)

func TestMain(m *testing.M) { testenv.Main(m, testenv.WithAudit()) }

func newClient(t testing.TB, cp *testenv.ControlPlane) *kube.Client {
	t.Helper()
	c, err := kube.New(&rest.Config{Host: cp.URL, BearerToken: cp.Token, TLSClientConfig: rest.TLSClientConfig{CAData: cp.CA}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// soon is a context for things that should not take long.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
