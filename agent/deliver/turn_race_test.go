package deliver

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// A bundle may take an app away, or bring it back, between any two steps of its worker. The race detector judges (make race): what a
// bundle changes of an app is read under the session's lock.
func TestStepsReadAnAppUnderTheLock(t *testing.T) {
	t.Parallel()
	ctx, s := idle(t)
	hook := plan.Hook{Want: plan.Want{Ref: protocol.ObjectRef{Kind: "ConfigMap", Name: "hook"}}, Hook: fleet.Hook{Upgrade: []fleet.HookPhase{fleet.PostDelete}}}
	old := &plan.Plan{Hooks: []plan.Hook{hook}, Digest: "old"}
	a := &app{name: "web", spec: protocol.App{Name: "web"}, plan: old}
	s.apps[a.name] = a
	a.run = &agent.Run{Digest: old.Digest, Since: time.Now(), Past: []agent.HookState{{Ref: hook.Ref}}}
	steps := map[string]func(){
		"part":      func() { s.part(ctx, a, fleet.PreDelete) },
		"awaitPast": func() { s.awaitPast(ctx, a, old) },
		"ready":     func() { s.ready(ctx, a, old, 0) },
		"precede":   func() { s.precede(ctx, a, old) },
		"complete":  func() { s.complete(ctx, a, old) },
		"deliver":   func() { s.deliver(ctx, a, old) },
		"fallBack":  func() { s.fallBack(ctx, a) },
		"keepLast":  func() { s.keepLast(a) },
		"crowded":   func() { s.crowded(a) },
		"prune":     func() { s.prune(ctx, a) },
		"house":     func() { s.house(ctx, a, old) },
		"hooks":     func() { s.hooksOf(ctx, a, old, fleet.PreSync, nil) },
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			if a.own = nil; name == "ready" {
				a.own = []*object{{item: agent.Item{Ref: hook.Ref}, app: a}}
				a.run.Since = time.Time{} // so that it is late
			}
			var bundles sync.WaitGroup
			done := make(chan struct{})
			bundles.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					default:
					}
					s.mu.Lock()
					if a.leaving {
						a.take(protocol.App{Name: "web", Timeout: 1 + i%2})
						a.plan = old
						for _, o := range a.own {
							o.want = &plan.Want{Ref: o.item.Ref}
						}
					} else {
						a.leave()
					}
					s.mu.Unlock()
				}
			})
			for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline); {
				step()
			}
			close(done)
			bundles.Wait()
		})
	}
}

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
	t.Parallel()
	for name, remove := range map[string]func(context.Context, *session, *app){
		"object": func(ctx context.Context, s *session, a *app) { a.next = &plan.Plan{Digest: "new"}; s.activate(ctx, a) },
		"app":    func(_ context.Context, _ *session, a *app) { a.leave() },
	} {
		ctx, s := idle(t)
		w := &plan.Want{Ref: protocol.ObjectRef{Kind: "ConfigMap", Name: "a"}, Line: agent.SumOf([]byte("refused"))}
		a := &app{name: "web", plan: &plan.Plan{Digest: "old", Wants: []plan.Want{*w}}, spec: protocol.App{Name: "web", Prune: true}}
		o := &object{item: agent.Item{Ref: w.Ref}, app: a, want: w, trouble: newTrouble()}
		o.trouble.note(&agent.Failure{Reason: agent.ReasonInvalid, Text: "refused"}, time.Now())
		o.trouble.line = w.Line
		a.own, s.apps[a.name] = []*object{o}, a
		s.track(o)
		remove(ctx, s, a)
		if batch := s.batch(a); len(batch) != 1 {
			t.Errorf("%s: it is not deleted: %v", name, o.trouble)
		}
	}
}
