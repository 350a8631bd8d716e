package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
)

// tidy lets go of the objects of hooks whose phase is over, or deletes them, after it is stored how they ended. It says whether the app
// can go on, which it does while they linger.
func (s *session) tidy(ctx context.Context, a *app) bool {
	s.mu.Lock()
	list, dirty := a.run.Untidy(), a.dirty
	s.mu.Unlock()
	if len(list) == 0 {
		return ctx.Err() == nil
	}
	if dirty && !s.save(ctx, a) {
		return false
	}
	for _, h := range list {
		s.mu.Lock()
		l := s.lookOut(a, h.Ref, h.APIVersion)
		resting := l.trouble != nil && time.Now().Before(l.trouble.next)
		s.mu.Unlock()
		if resting || ctx.Err() != nil {
			continue
		}
		tidy, err := s.letGo(ctx, a, h)
		s.mu.Lock()
		switch {
		case err != nil && ctx.Err() == nil:
			if l.trouble == nil {
				l.trouble = newTrouble()
			}
			l.trouble.note(err, time.Now())
		case tidy:
			h.Tidy, a.dirty, l.trouble = true, true, nil
			s.lookAway(a, h.Ref)
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.run.Past = slices.DeleteFunc(a.run.Past, func(h agent.HookState) bool { return h.Tidy })
	for _, h := range a.run.Untidy() {
		if l := s.hooks[h.Ref]; l != nil && l.trouble != nil {
			a.lookAt(l.trouble.next)
		}
	}
	return ctx.Err() == nil
}

// letGo deletes the object of a hook, or takes Drover's finalizer from it, and says whether there is nothing left to do.
func (s *session) letGo(ctx context.Context, a *app, h *agent.HookState) (tidy bool, err error) {
	if !h.Doomed() && !fleet.HasHealth(h.Ref) {
		return true, nil
	}
	res, err := s.cluster.Resolve(ctx, h.APIVersion, h.Ref.Kind)
	if err != nil {
		return agent.ReasonOf(err) == agent.ReasonKind, err
	}
	s.mu.Lock()
	s.watch(ctx, res, s.scope.Covering(h.Ref)) // which tells when it is gone
	s.mu.Unlock()
	live, err := s.objects(a).Get(ctx, res, h.Ref)
	switch r := agent.ReasonOf(err); {
	case r == agent.ReasonMissing || r == agent.ReasonNamespace || r == agent.ReasonKind:
		return true, nil
	case err != nil:
		return false, err
	case live.HookRun != h.Mark: // it is another one's
		return true, nil
	case h.Doomed() && !s.spared(h.Ref, live):
		return s.objects(a).Retire(ctx, res, live)
	}
	return true, s.objects(a).Release(ctx, res, live)
}
