package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// pruneTries is how often an object is looked at again that changes while it is about to be deleted.
const pruneTries = 3

// prune deletes what the app has and no longer wants, in the reverse of the order of applying: the next stage is
// begun when the one before is gone. Nothing is deleted while something could not be applied, because what is to
// go may still serve in place of what did not come.
func (s *session) prune(ctx context.Context, a *app) {
	for ctx.Err() == nil {
		batch := s.batch(a)
		if len(batch) == 0 {
			return
		}
		var wg sync.WaitGroup
		for _, o := range batch {
			s.applies <- struct{}{}
			wg.Go(func() {
				defer func() { <-s.applies }()
				s.remove(ctx, a, o)
			})
		}
		wg.Wait()
	}
}

// batch is what may be deleted now.
func (s *session) batch(a *app) (out []*object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.held = s.uncertain(a); a.held == "" {
		a.held = s.restrain(a)
	}
	if a.held != "" {
		a.forgive()
		return nil
	}
	now, stage, wave := time.Now(), fleet.Stage(-1), 0
	first := a.inTheWay(now)
	if first != nil {
		a.retryQuota(now)
	}
	for _, o := range slices.Backward(a.own) {
		switch {
		case o.want != nil:
			if first == nil && (o.trouble != nil || o.pending()) {
				a.held = "until everything else is applied"
				a.forgive()
				return nil
			}
			continue
		case s.wantedElsewhere(o), first != nil && !first[o]:
			continue
		case stage >= 0 && (fleet.StageOf(o.item.Ref) != stage || o.item.Wave != wave):
			continue
		}
		stage, wave = fleet.StageOf(o.item.Ref), o.item.Wave
		if !o.removing && o.hold.over(now) && (o.trouble == nil || o.trouble.final || !now.Before(o.trouble.next)) { // what was final was its apply
			out = append(out, o)
		}
	}
	return out
}

// forgive lets the deletes that failed be tried again as soon as there may be deletes.
func (a *app) forgive() {
	for _, o := range a.own {
		if o.want == nil {
			o.trouble = nil
		}
	}
}

// uncertain says why nothing may be deleted at the moment, if so: an object that left one app may have moved to
// another one, and of some app it is not known what it wants. s.mu is held.
func (s *session) uncertain(a *app) string {
	if !a.leftover() {
		return ""
	}
	if a.plan != nil && len(a.plan.Invalid) > 0 {
		return "until it is known what all objects of the app are"
	}
	if why := s.accepted.bundle.Incomplete; why != "" {
		return "until the hub knows everything that the cluster is to run, because they may have moved: " + why
	}
	for _, other := range s.ordered() {
		switch {
		case other.leaving || other == a:
		case other.spec.Error != "":
			return fmt.Sprintf("until app %s can be rendered again, because they may have moved there", other.name)
		case other.spec.Blob != nil && !other.plan.Same(other.spec) && !other.next.Same(other.spec):
			return fmt.Sprintf("until it is known what app %s wants, because they may have moved there", other.name)
		}
	}
	return ""
}

// wantedElsewhere says whether another app is about to take an object over, or its own wants it again. s.mu is held.
func (s *session) wantedElsewhere(o *object) bool {
	if a := o.app; !a.leaving && (a.plan == nil || a.next.Wanted(o.item.Ref)) { // it came back, or a newer version waits
		return true
	}
	for _, other := range s.apps {
		if other == o.app || other.leaving {
			continue
		}
		if other.next != nil && other.next.Wanted(o.item.Ref) || other.plan != nil && other.plan.Wanted(o.item.Ref) {
			return true
		}
	}
	return false
}

// remove deletes one object, unless a guard says that it is not to be.
func (s *session) remove(ctx context.Context, a *app, o *object) {
	s.mu.Lock()
	for o.busy {
		s.settled.Wait()
	}
	if o.app != a || o.want != nil || o.removing || ctx.Err() != nil {
		s.mu.Unlock()
		return
	}
	o.busy = true
	prune, item := a.prunes(), o.item
	s.mu.Unlock()
	f := s.fate(ctx, a, o, item, prune)
	s.mu.Lock()
	defer s.mu.Unlock()
	o.busy = false
	s.settled.Broadcast()
	if o.app == a && o.want == nil {
		s.decide(ctx, o, f)
	} else if f.err == nil && f.kept == "" && f.held == nil { // wanted again since, and deleted all the same
		o.item.Line, o.drifted, o.deleting = agent.Sum{}, true, !f.gone
		s.kick(ctx, o.app)
	}
	if st := o.stash; st != nil && s.all[item.Ref] == o {
		o.stash = nil
		s.judge(ctx, o, *st)
	}
}

// fate is what became of an object that was to be pruned.
type fate struct {
	gone bool           // it is no longer there
	kept string         // why it was left, and is no longer Drover's
	held *protocol.Held // what a person has to approve first
	err  error          // why that is not known yet
}

// fate asks the guards and then deletes.
func (s *session) fate(ctx context.Context, a *app, o *object, item agent.Item, prune bool) fate {
	switch {
	case s.scope.Outside(item.Ref):
		return fate{kept: s.scope.Failure().Text}
	case !prune:
		return fate{kept: "the app does not prune"}
	case s.protected(item.Ref):
		return fate{kept: "the agent itself lives by it"}
	case item.Keep:
		return fate{kept: s.keptBy(ctx, a, item)}
	}
	res, err := s.cluster.Resolve(ctx, item.APIVersion, item.Ref.Kind)
	if err != nil {
		return fate{gone: agent.ReasonOf(err) == agent.ReasonKind, err: err}
	}
	if !res.Namespaced {
		item.Ref.Namespace = ""
	}
	for try := 1; ; try++ {
		f := s.erase(ctx, a, o, res, item)
		if agent.ReasonOf(f.err) != agent.ReasonConflict || try == pruneTries {
			return f
		}
	}
}

// keptBy says which annotation keeps an object that was applied with one. What keeps it is what was applied: the look
// at the object is for the words alone.
func (s *session) keptBy(ctx context.Context, a *app, item agent.Item) string {
	if res, err := s.cluster.Resolve(ctx, item.APIVersion, item.Ref.Kind); err == nil {
		if !res.Namespaced {
			item.Ref.Namespace = ""
		}
		if live, err := s.peek(ctx, a, res, item.Ref); err == nil && live.KeptBy != "" {
			return "it has the " + live.KeptBy
		}
	}
	return "it was applied with an annotation that keeps it from being pruned"
}

// erase looks at an object as it is, and deletes just that.
func (s *session) erase(ctx context.Context, a *app, o *object, res agent.Resource, item agent.Item) fate {
	live, err := s.peek(ctx, a, res, item.Ref)
	switch {
	case agent.ReasonOf(err) == agent.ReasonMissing || agent.ReasonOf(err) == agent.ReasonNamespace || agent.ReasonOf(err) == agent.ReasonKind:
		return fate{gone: true}
	case err != nil:
		return fate{err: err}
	case live.App != a.name && !slices.Contains(item.Former, live.App):
		return fate{kept: fmt.Sprintf("its label %s no longer says %q: somebody else took it over", fleet.LabelApp, a.name)}
	case live.KeptBy != "":
		return fate{kept: "it has the " + live.KeptBy}
	case live.Deleting:
		return fate{}
	}
	if held, err := s.guard(ctx, a.name, live, nil); held != nil || err != nil {
		return fate{held: held, err: err}
	}
	s.mu.Lock()
	unwanted := o.app == a && o.want == nil && !s.wantedElsewhere(o) && s.uncertain(a) == "" && s.cleared(a)
	s.mu.Unlock()
	if !unwanted { // a bundle came meanwhile: the next turn decides
		return fate{err: errWanted}
	}
	gone, err := s.objects(a).Delete(ctx, res, live)
	return fate{gone: gone, err: s.unpermitted(ctx, a, err)}
}

var errWanted = errors.New("a newer bundle may want it")

// decide takes down what became of an object. s.mu is held.
func (s *session) decide(ctx context.Context, o *object, f fate) {
	ref := o.item.Ref
	switch {
	case ctx.Err() != nil:
	case f.gone:
		s.gone(ctx, o)
	case f.kept != "":
		s.emit(protocol.Event{Kind: protocol.EventKept, App: o.app.name, Object: &ref, Message: "left in the cluster, no longer Drover's: " + f.kept})
		o.app.spend(s.accepted.bundle.Deletions)
		s.forget(ctx, o)
	case f.held != nil:
		s.holdBack(o, *f.held)
	case errors.Is(f.err, errWanted):
		s.kick(ctx, o.app)
	case f.err != nil:
		if o.trouble == nil {
			o.trouble = newTrouble()
		}
		o.trouble.note(fmt.Errorf("delete: %w", f.err), time.Now())
	default:
		o.removing, o.trouble, o.hold = true, nil, nil
	}
}

// gone is for an object that is no longer there, and was to go. s.mu is held.
func (s *session) gone(ctx context.Context, o *object) {
	ref := o.item.Ref
	a := o.app
	s.emit(protocol.Event{Kind: protocol.EventPruned, App: a.name, Object: &ref, Message: "deleted, because Git no longer has it"})
	a.spend(s.accepted.bundle.Deletions)
	s.forget(ctx, o)
	s.kick(ctx, a)
}
