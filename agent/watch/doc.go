// Package watch follows what is in the cluster: the objects of apps by kind, autoscalers, definitions, inputs, and the
// causes why objects are not healthy. Each of its types has a small lock of its own, keeps no state of an app, and
// tells what it sees through functions that must not block.
//
// It may import agent, agent/inventory, fleet and protocol.
package watch

import (
	"context"
	"log/slog"

	"github.com/drover-dev/drover/agent"
)

// Session is what watches need of the session that they are part of.
type Session struct {
	Cluster agent.Cluster
	Scope   agent.Scope
	Log     *slog.Logger
	Life    context.Context   // ends with the session
	Start   func(func()) bool // runs something, unless the session is over
}
