package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/protocol"
)

// idle is an environment that nothing happens in.
func idle(t *testing.T) (context.Context, *Env) {
	t.Helper()
	ctx, end := context.WithCancelCause(t.Context())
	log := slog.New(slog.DiscardHandler)
	out := report.New(report.Config{Log: log}, time.Now())
	return ctx, NewEnv(ctx, Ports{Log: log, Reach: func(agent.Access) agent.Objects { return nil }}, out, end)
}

// Why an object could not be applied is no reason to put its deletion off.
func TestObjectThatCouldNotBeAppliedIsDeletedAtOnce(t *testing.T) {
	for name, remove := range map[string]func(*App){
		"object": func(a *App) { a.Next = &plan.Plan{Digest: "new"}; a.turns.activate() },
		"app":    func(a *App) { a.leave(orders.Order{Spec: a.Spec, Leaving: true}) },
	} {
		_, s := idle(t)
		w := &plan.Want{Ref: protocol.ObjectRef{Kind: "ConfigMap", Name: "a"}, Line: agent.SumOf([]byte("refused"))}
		a := s.NewApp("web")
		a.Plan, a.Spec = &plan.Plan{Digest: "old", Wants: []plan.Want{*w}}, protocol.App{Name: "web", Prune: true}
		s.Board.Add(a, a.Spec)
		o := &owned.Object{Item: agent.Item{Ref: w.Ref}, Want: w, Trouble: owned.NewTrouble()}
		o.Trouble.Note(&agent.Failure{Reason: agent.ReasonInvalid, Text: "refused"}, time.Now())
		o.Trouble.Line = w.Line
		a.Insert(o)
		o.Claim = s.Objects.Claim(a.Name, w.Ref, nil).Number
		s.Watches.Track(w.Ref)
		remove(a)
		if batch := a.pruner.Batch(); len(batch) != 1 {
			t.Errorf("%s: it is not deleted: %v, held %q", name, o.Trouble, a.pruner.Held)
		}
	}
}
