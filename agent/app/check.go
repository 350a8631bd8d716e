package app

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/checks"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// newChecks are the checks of an app.
func (e *Env) newChecks(a *App) checks.Checks {
	return checks.New(checks.Config{Cluster: e.Cluster, Scope: e.Scope, Start: e.Crew.Start, Post: a.Post,
		Changed: func() {
			if e.Life.Err() == nil {
				a.checksChanged()
			}
		},
		Account: func() string { return a.Spec.Handling.ServiceAccount }, May: e.mayRead,
		Brought: func(group, kind string) protocol.HealthRule { return e.Board.Rules(group, kind)[a.Name] },
		Rule: func(group, kind string) *health.Rule {
			rules, brought := e.Watches.RulesFor(agent.Watched{Group: group, Kind: kind})
			own, ok := brought[a.Name]
			if !ok {
				return rules.For(a.Name)
			}
			own.Message = nil // an app is not to quote from what belongs to others
			return health.New(own)
		}})
}

// mayRead says whether an account may read an object. One that is not there could be read.
func (e *Env) mayRead(ctx context.Context, account string, res agent.Resource, ref protocol.ObjectRef) error {
	at := e.Reach(agent.Access{Account: account})
	_, err := at.Get(ctx, res, ref)
	if k := agent.ReasonOf(err); k == agent.ReasonMissing || k == agent.ReasonNamespace {
		return nil
	}
	return access.Rights{Account: account, At: at, Own: func() access.Reader { return e.Reach(agent.Access{}) }}.Explain(ctx, err)
}

// checksChanged has the app looked at when an object of others that it checks is another.
func (a *App) checksChanged() {
	if a.hooks.Run.Open() {
		a.Kick()
	}
	a.assessIdle(a.env.Life)
}

// recheck watches what the app's bundle says is to be checked, and nothing else.
func (a *App) recheck(ctx context.Context) {
	var want []protocol.ObjectRef
	for _, ref := range a.Spec.Handling.Checks {
		if !a.Leaving && ctx.Err() == nil && !slices.Contains(want, ref) && !a.has(ref) {
			want = append(want, ref)
		}
	}
	a.checks.Set(ctx, want, a.Home())
}

// has says whether an object is the app's own, which is judged anyway.
func (a *App) has(ref protocol.ObjectRef) bool {
	homes := []string{ref.Namespace}
	if ref.Namespace == "" {
		homes = append(homes, a.Home())
	} else {
		homes = append(homes, "") // of a kind that has no namespaces
	}
	for _, ns := range homes {
		ref.Namespace = ns
		if o := a.ByRef[ref]; o != nil && o.Want != nil {
			return true
		}
	}
	return false
}
