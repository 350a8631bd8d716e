package deliver

import (
	"context"
	"log/slog"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/asks"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/protocol"
)

// Config is what an agent is made of.
type Config struct {
	Identity  *credential.Identity
	Namespace string // the agent's own, where its state lives
	Name      string // pod name, or host name outside of a pod
	Image     string // that the pod runs; "" outside of a pod
	Scope     agent.Scope
	Cluster   agent.Cluster
	Objects   func(agent.Access) agent.Objects
	Plugins   agent.PluginHost // nil if there are none
	Store     agent.Store
	Bus       agent.Bus
	Log       *slog.Logger
	Upgrade   upgrade.Upgrade // how it comes to another version of itself
	Term      uint64          // counts the processes that have led; 0 if nobody counts
	Reported  func()          // if not nil, told of every report that reaches the hub
	Outdated  string          // what is wrong with how it was installed, for the report; "" if nothing is
	// Reader reads what people ask about; nil if this agent answers no questions. Answers are the kinds that it may
	// answer.
	Reader  asks.Reader
	Answers []protocol.QuestionKind
	Shown   *shown.Names // learns what people are shown for the keys of apps; nil if nobody asks it
}

// outbox is what the outbox of a session is made of; end ends the session.
func (c Config) outbox(end context.CancelCauseFunc) report.Config {
	return report.Config{Cluster: c.Identity.Credential().Cluster, Bus: c.Bus, Keep: c.Store.SaveJournal, End: end,
		Log:      c.Log,
		Reported: c.Reported, Shown: c.Shown}
}
