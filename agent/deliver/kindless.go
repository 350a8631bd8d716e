package deliver

import (
	"context"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
)

// kindless says whether an object waits for its kind to be served.
func (o *object) kindless() bool {
	return o.trouble != nil && agent.ReasonOf(o.trouble.err) == agent.ReasonKind
}

// heedDefinitions watches the cluster's definitions while objects wait for their kind, so that nobody has to ask again and again whether
// it is there. s.mu is held.
func (s *session) heedDefinitions(ctx context.Context) {
	if len(s.scope) > 0 {
		return // whoever may not see definitions asks again
	}
	waiting := false
	for _, a := range s.apps {
		waiting = waiting || a.kindless
	}
	switch {
	case !waiting && s.heed != nil:
		s.heed()
		s.heed = nil
	case waiting && s.heed == nil && !s.closed:
		var heeding context.Context
		heeding, s.heed = context.WithCancel(ctx)
		s.spawn(func() {
			s.cluster.Definitions(heeding, func(name string) { s.defined(ctx, name) })
		})
	}
}

// defined tries what waits for a kind of the group of a definition that came or changed.
func (s *session) defined(ctx context.Context, name string) {
	_, group, _ := strings.Cut(name, ".")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retry(ctx, func(o *object) bool {
		if !o.kindless() || o.item.Ref.Group != group {
			return false
		}
		o.trouble.pause = servedSoon() // a definition is served a moment after it says that it is
		return true
	})
	for ref, l := range s.hooks {
		if l.trouble != nil && ref.Group == group {
			l.trouble.next = time.Time{}
			s.kick(ctx, l.app)
		}
	}
}
