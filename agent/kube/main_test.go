package kube_test

import (
	"context"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"

	"log/slog"
)

func TestMain(m *testing.M) { testenv.Main(m, testenv.WithAudit()) }

// newClient is a client of the user that has the test's name.
func newClient(t testing.TB, cp *testenv.ControlPlane) *kube.Client {
	t.Helper()
	token, err := cp.UserToken(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(&rest.Config{Host: cp.URL, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: cp.CA}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// soon is a context for things that should not take long.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), race.Patience(90*time.Second))
	t.Cleanup(cancel)
	return ctx
}
