package agent

import (
	"context"
	"time"
)

// apply applies one object, if it is still due when nobody else has it under way.
func (s *session) apply(ctx context.Context, a *app, o *object, lines []byte) (changed bool) {
	s.mu.Lock()
	for o.busy {
		s.settled.Wait()
	}
	w := o.want
	if o.app != a || !o.due(time.Now()) || ctx.Err() != nil {
		s.mu.Unlock()
		return false
	}
	o.busy = true
	s.mu.Unlock()
	live, err := s.send(ctx, a, o, w, lines)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := o.version
	s.settle(ctx, o, w, live, err)
	return err == nil && live.Version != before
}

// send finds where an object belongs and applies it there.
func (s *session) send(ctx context.Context, a *app, o *object, w *want, lines []byte) (Live, error) {
	res, err := s.cluster.Resolve(ctx, w.apiVersion, w.ref.Kind)
	if err != nil {
		return Live{}, err
	}
	s.mu.Lock()
	if w.loose && !res.Namespaced {
		s.rename(o, w)
	}
	ref := w.ref
	if s.scope.outside(ref) { // which was not known before its kind was
		s.mu.Unlock()
		return Live{}, s.scope.failure()
	}
	s.watch(ctx, res, s.scope.covering(ref))
	s.mu.Unlock()
	live, err := s.objects.Apply(ctx, res, ref, a.name, w.lineOf(lines))
	return live, s.scope.explain(err, ref.Namespace)
}

// rename takes away the namespace that was guessed for an object whose kind was not known. s.mu is held.
func (s *session) rename(o *object, w *want) {
	w.loose = false
	s.untrack(o)
	w.ref.Namespace, o.item.Ref.Namespace = "", ""
	s.track(o)
	o.app.dirty = true
}
