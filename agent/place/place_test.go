package place

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
)

// cluster answers with the uid of its namespace kube-system.
type cluster struct {
	uid string
	err error
}

func (c cluster) UID(context.Context) (string, error) { return c.uid, c.err }

func TestAnAgentFindsOutWhereItIs(t *testing.T) {
	t.Parallel()
	refused := func(reason agent.Reason) error { return &agent.Failure{Reason: reason, Text: "no"} }
	for name, c := range map[string]struct {
		cluster cluster
		scope   agent.Scope
		uid     string
		fails   bool
	}{
		"it is told":                     {cluster: cluster{uid: "1"}, uid: "1"},
		"it may not ask":                 {cluster: cluster{err: refused(agent.ReasonForbidden)}},
		"there is no such namespace":     {cluster: cluster{err: refused(agent.ReasonMissing)}},
		"an agent with a scope":          {cluster: cluster{uid: "1"}, scope: agent.Scope{"ns"}},
		"the API server does not answer": {cluster: cluster{err: errors.New("timeout")}, fails: true},
	} {
		log := slog.New(slog.DiscardHandler)
		id := credential.NewIdentity(nil, log)
		uid, err := Find(t.Context(), c.cluster, c.scope, id, log)
		if uid != c.uid || (err != nil) != c.fails || id.UID() != c.uid {
			t.Errorf("%s: %q, %v; the identity is told %q", name, uid, err, id.UID())
		}
	}
}
