package deliver

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/protocol"
)

// unused is a Store that is never asked.
type unused struct{ agent.Store }

// idle is a session that nothing happens in.
func idle(t *testing.T) (context.Context, *session) {
	ctx, end := context.WithCancelCause(t.Context())
	log := slog.New(slog.DiscardHandler)
	c := Config{Store: unused{}, Log: log, Identity: credential.NewIdentity(nil, log)}
	return ctx, newSession(ctx, c, report.New(c.outbox(end), time.Now()), end)
}

// Why an object could not be applied is no reason to put its deletion off.
func TestObjectThatCouldNotBeAppliedIsDeletedAtOnce(t *testing.T) {
	for name, remove := range map[string]func(context.Context, *app){
		"object": func(ctx context.Context, a *app) { a.Next = &plan.Plan{Digest: "new"}; a.activate(ctx) },
		"app":    func(_ context.Context, a *app) { a.leave(orders.Order{Spec: a.Spec, Leaving: true}) },
	} {
		ctx, s := idle(t)
		w := &plan.Want{Ref: protocol.ObjectRef{Kind: "ConfigMap", Name: "a"}, Line: agent.SumOf([]byte("refused"))}
		a := s.newApp("web")
		a.Plan, a.Spec = &plan.Plan{Digest: "old", Wants: []plan.Want{*w}}, protocol.App{Name: "web", Prune: true}
		s.board.Add(a, a.Spec)
		o := &owned.Object{Item: agent.Item{Ref: w.Ref}, Want: w, Trouble: owned.NewTrouble()}
		o.Trouble.Note(&agent.Failure{Reason: agent.ReasonInvalid, Text: "refused"}, time.Now())
		o.Trouble.Line = w.Line
		a.Insert(o)
		o.Claim = s.objects.Claim(a.Name, w.Ref, nil).Number
		s.watches.Track(w.Ref)
		remove(ctx, a)
		if batch := a.batch(); len(batch) != 1 {
			t.Errorf("%s: it is not deleted: %v, held %q", name, o.Trouble, a.held)
		}
	}
}
