package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const (
	// lookSlots is how many objects that are not well are looked into at once. Each costs a watch or two.
	lookSlots = 16
	// Where more wait, an object keeps its turn for shortTurn while others have had none, and for longTurn after that.
	shortTurn = 5 * time.Second
	longTurn  = time.Minute
)

// look is a search for the cause why an object is not healthy. It lasts as long as the object is not.
type look struct {
	object     *object
	generation int64 // of the object; the cause is of no other
	cause      fleet.Cause
	stop       context.CancelFunc // nil while it has no turn
	turn       int                // counts them
	begun      time.Time          // its turn
	looked     bool               // it has had a turn that told something, or was long enough
}

// looks are all looks that want a turn: those that have one, and those that wait for theirs.
type looks struct {
	running, waiting []*look
	timer            *time.Timer
}

// health is the object's, with the cause that a look has found.
func (o *object) health() fleet.Verdict {
	switch l := o.look; {
	case o.verdict.Health == protocol.HealthCurrent && o.unnoticed.open():
		return o.unnoticed.verdict()
	case l == nil:
		return o.verdict
	case o.verdict.Health == protocol.HealthDegraded && l.stop != nil && !l.looked: // which takes a moment, and makes the event that tells of it worth reading
		return fleet.Verdict{Health: protocol.HealthProgressing, Message: o.verdict.Message}
	default:
		return o.verdict.Because(l.cause)
	}
}

// inquire sees to it that an object is looked into while it is not well, and no longer. While a turn of its app is under way no look
// begins: what was just applied is rarely well, and looking would take from the API server what applying needs. s.mu is held.
func (s *session) inquire(ctx context.Context, o *object) {
	l, generation := o.look, o.generation
	well := o.verdict.Health == protocol.HealthCurrent || o.verdict.Health == protocol.HealthPaused
	ill := !well || l != nil && l.cause.Holds()
	if o.want == nil || !o.present || o.deleting || !ill || !fleet.Explained(o.item.Ref) {
		s.unlook(ctx, o)
		return
	}
	switch {
	case l == nil && o.app.running:
		return
	case l == nil:
		o.look = &look{object: o, generation: generation}
	case l.generation != generation:
		s.unlook(ctx, o) // what was found is of what it was before
		o.look = &look{object: o, generation: generation}
	case l.stop != nil || slices.Contains(s.looks.waiting, l):
		return
	}
	s.looks.waiting = append(s.looks.waiting, o.look)
	s.rotate(ctx)
}

// unlook ends the look into an object. s.mu is held.
func (s *session) unlook(ctx context.Context, o *object) {
	l := o.look
	if l == nil {
		return
	}
	o.look = nil
	s.rest(l)
	s.rotate(ctx)
}

// rest ends a look's turn, or its waiting for one. s.mu is held.
func (s *session) rest(l *look) {
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	is := func(x *look) bool { return x == l }
	s.looks.running = slices.DeleteFunc(s.looks.running, is)
	s.looks.waiting = slices.DeleteFunc(s.looks.waiting, is)
}

// rotate gives turns to those that wait, as far as there are any, those first that have had none. s.mu is held.
func (s *session) rotate(ctx context.Context) {
	for len(s.looks.waiting) > 0 && !s.closed {
		next := s.looks.waiting[max(0, slices.IndexFunc(s.looks.waiting, func(l *look) bool { return !l.looked }))]
		if len(s.looks.running) >= lookSlots {
			oldest := s.looks.running[0]
			turn := longTurn
			if oldest.looked && !next.looked {
				turn = shortTurn
			}
			if time.Since(oldest.begun) < turn {
				break
			}
			s.rest(oldest)
			oldest.looked = true
			s.looks.waiting = append(s.looks.waiting, oldest)
		}
		s.rest(next)
		s.begin(ctx, next)
	}
	if s.looks.timer != nil {
		s.looks.timer.Stop()
		s.looks.timer = nil
	}
	if len(s.looks.waiting) > 0 && !s.closed {
		s.looks.timer = time.AfterFunc(shortTurn, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if ctx.Err() == nil {
				s.rotate(ctx)
			}
		})
	}
}

// begin gives a look its turn. s.mu is held.
func (s *session) begin(ctx context.Context, l *look) {
	looking, stop := context.WithCancel(ctx)
	l.stop, l.begun = stop, time.Now()
	l.turn++
	s.looks.running = append(s.looks.running, l)
	turn, item := l.turn, l.object.item
	s.spawn(func() {
		defer stop()
		res, err := s.cluster.Resolve(looking, item.APIVersion, item.Ref.Kind)
		if err == nil {
			err = s.cluster.Explain(looking, res, item.Ref, func(c fleet.Cause) { s.found(ctx, l, turn, c) })
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.turn != turn || l.stop == nil {
			return // it was ended, and perhaps begun anew
		}
		if err != nil {
			s.log.Debug("why an object is not healthy could not be found out", "object", item.Ref.String(), "err", err)
		}
		before := l.object.health()
		s.rest(l) // the next change of the object begins it anew
		s.rotate(ctx)
		s.reassess(ctx, l.object, before)
	})
}

// found takes a cause down.
func (s *session) found(ctx context.Context, l *look, turn int, c fleet.Cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := l.object
	if o.look != l || l.turn != turn || l.stop == nil {
		return
	}
	before := o.health()
	l.cause, l.looked = c, true
	if o.verdict.Health == protocol.HealthCurrent && !c.Holds() {
		s.unlook(ctx, o)
	} else {
		s.rotate(ctx)
	}
	s.reassess(ctx, o, before)
}

// reassess follows up what a look has changed. s.mu is held.
func (s *session) reassess(ctx context.Context, o *object, before fleet.Verdict) {
	if o.health() != before {
		s.moveOn(ctx, o, before.Health)
	}
	if o.health() != before && s.kindOf(o.item.Ref).synced && !o.app.running {
		s.assess(ctx, o.app)
	}
}
