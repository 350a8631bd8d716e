package agent_test

import (
	"slices"
	"testing"

	"github.com/drover-dev/drover/internal/deptest"
)

const room = "github.com/drover-dev/drover/agent"

// The adapters do not know each other, packages of one duty know the nouns alone, and nobody but cmd knows all.
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
	below := with(map[string]string{"k8s.io": "the nouns are no client's",
		"github.com/nats-io": "the nouns are no client's"})
	duties := []string{"plan", "report", "upgrade", "credential", "inventory", "watch", "mailbox", "orders", "guard",
		"blobs", "contents", "orphans", "board", "drift", "budget", "place", "access", "input", "apply", "checks", "hook",
		"actor", "asks"}
	// of an app
	parts := []string{"owned", "relation", "pass", "sight", "heal", "move", "prune", "hookrun", "planning", "status",
		"fetch", "saving", "assess", "outcome", "retry"}
	based := map[string][]string{"status": {"planning"}, "fetch": {"planning"}, "assess": {"planning", "status"}}
	others := slices.Concat(duties, parts, []string{"app", "deliver", "kube", "nats", "pluginhost"})
	for _, name := range others {
		below[room+"/"+name] = "the nouns know nothing of what is done with them"
	}
	deptest.Ban(t, room, below)
	allowed := map[string][]string{
		"actor":  {"mailbox"},
		"watch":  {"inventory"}, // a watch tells the owner of an object
		"orders": {"plan"}, "guard": {"plan"}, "contents": {"guard", "plan"}, "orphans": {"guard", "orders", "plan"},
		"board": {"orders", "plan"}, "budget": {"guard", "plan"},
		"hook": {"guard", "plan"}, "place": {"credential", "mailbox", "report"}, "input": {"access", "plan"}, "apply": {"guard", "plan"},
	}
	for _, duty := range duties {
		banned := with(map[string]string{"k8s.io": "the API server is behind agent.Cluster",
			"github.com/nats-io": "the hub is behind agent.Bus"})
		for _, other := range others {
			if other != duty && !slices.Contains(allowed[duty], other) {
				banned[room+"/"+other] = "packages of one duty do not know each other"
			}
		}
		deptest.Ban(t, room+"/"+duty, banned)
	}
	above := []string{"app", "deliver", "kube", "nats", "pluginhost"}
	for _, part := range parts {
		banned := with(map[string]string{"k8s.io": "the API server is behind agent.Cluster",
			"github.com/nats-io": "the hub is behind agent.Bus"})
		for _, other := range slices.Concat(parts, above) {
			if other != part && other != "owned" && !slices.Contains(based[part], other) {
				banned[room+"/"+other] = "the parts of an app know its objects, and not each other"
			}
		}
		deptest.Ban(t, room+"/"+part, banned)
	}
	deptest.Ban(t, room+"/app", with(map[string]string{room + "/deliver": "an app does not know its session",
		room + "/kube": "adapters are behind the ports of the root",
		room + "/nats": "adapters are behind the ports of the root"}))
	deptest.Ban(t, room+"/deliver", with(map[string]string{
		room + "/kube": "adapters are behind the ports of the root", room +
			"/nats": "adapters are behind the ports of the root",
		"k8s.io": "the API server is behind agent.Cluster", "github.com/nats-io": "the hub is behind agent.Bus",
	}))
	deptest.Ban(t, room+"/simulate", with(map[string]string{room + "/kube": "its clusters are made up",
		room + "/deliver": "its clusters are made up", "k8s.io": "its clusters are made up"}))
	for _, adapter := range []string{"kube", "nats"} {
		other := map[string]string{"kube": "nats", "nats": "kube"}[adapter]
		deptest.Ban(t, room+"/"+adapter, with(map[string]string{room + "/" + other: "adapters do not know each other",
			room + "/deliver": "adapters do not know who calls them"}))
	}
	deptest.Ban(t, room+"/kube", map[string]string{"github.com/nats-io": "that is the matter of agent/nats"})
	deptest.Ban(t, room+"/nats", map[string]string{"k8s.io": "that is the matter of agent/kube"})
}
