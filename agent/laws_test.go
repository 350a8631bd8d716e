package agent_test

import (
	"testing"

	"github.com/drover-dev/drover/internal/deptest"
)

const room = "github.com/drover-dev/drover/agent"

// The adapters do not know each other, and the loop knows none of them.
func TestWhoMayImportWhom(t *testing.T) {
	t.Parallel()
	never := map[string]string{
		"github.com/drover-dev/drover/hub":  "hub and agent never import each other",
		"github.com/drover-dev/drover/test": "nothing imports tests",
		room + "/agenttest":                 "only tests may",
	}
	with := func(more map[string]string) map[string]string {
		for path, why := range never {
			more[path] = why
		}
		return more
	}
	deptest.Ban(t, room, with(map[string]string{
		room + "/kube": "adapters import the root", room + "/nats": "adapters import the root",
		"k8s.io": "the loop speaks with Cluster", "github.com/nats-io": "the loop speaks with Bus",
	}))
	deptest.Ban(t, room+"/kube", with(map[string]string{room + "/nats": "adapters do not know each other", "github.com/nats-io": "that is agent/nats' matter"}))
	deptest.Ban(t, room+"/nats", with(map[string]string{room + "/kube": "adapters do not know each other", "k8s.io": "that is agent/kube's matter"}))
}
