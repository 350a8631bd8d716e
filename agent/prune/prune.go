package prune

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// pruneTries is how often an object is looked at again that changes while it is about to be deleted.
const pruneTries = 3

// Prune deletes what the app has and no longer wants, in the reverse of the order of applying: the next stage is
// begun when the one before is gone. Nothing is deleted while something could not be applied, because what is to
// go may still serve in place of what did not come.
func (p *Pruner) Prune(ctx context.Context) {
	for ctx.Err() == nil {
		batch := p.Batch()
		if len(batch) == 0 {
			return
		}
		r := request{p.Request(), p}
		p.Await(ctx, func() {
			actor.Each(p.Slots, batch, func(o *owned.Object) { r.remove(ctx, o) })
		})
	}
}

// Batch is what may be deleted now.
func (p *Pruner) Batch() (out []*owned.Object) {
	if p.Behind() {
		return nil
	}
	if p.Held = p.Uncertain(); p.Held == "" {
		p.Held = p.Restrain()
	}
	if p.Held != "" {
		p.Forgive()
		return nil
	}
	now, stage, wave := time.Now(), fleet.Stage(-1), 0
	first := p.InTheWay(now)
	if first != nil {
		p.retryQuota(now)
	}
	for _, o := range slices.Backward(p.Own) {
		switch {
		case o.Want != nil:
			if first == nil && (o.Trouble != nil || o.Pending()) {
				p.Held = "until everything else is applied"
				p.Forgive()
				return nil
			}
			continue
		case p.WantedElsewhere(o), first != nil && !first[o]:
			continue
		case stage >= 0 && (fleet.StageOf(o.Item.Ref) != stage || o.Item.Wave != wave):
			continue
		}
		stage, wave = fleet.StageOf(o.Item.Ref), o.Item.Wave
		// what was final was its apply
		if !o.Removing && o.Hold.Over(now) && (o.Trouble == nil || o.Trouble.Final || !now.Before(o.Trouble.Next)) {
			out = append(out, o)
		}
	}
	return out
}

// Behind says whether there are newer orders than the app has: nothing is deleted by old ones.
func (p *Pruner) Behind() bool {
	_, newest := p.Board.Current()
	return p.Seq != newest
}

// Uncertain says why nothing may be deleted at the moment, if so: an object that left one app may have moved to
// another one, and of some app it is not known what it wants.
func (p *Pruner) Uncertain() string {
	if !p.Leftover() {
		return ""
	}
	if p.Plan != nil && len(p.Plan.Invalid) > 0 {
		return "until it is known what all objects of the app are"
	}
	return p.Board.Doubt(p.Name)
}

// WantedElsewhere says whether another app is about to take an object over, or its own wants it again.
func (p *Pruner) WantedElsewhere(o *owned.Object) bool {
	if !p.Leaving && (p.Plan == nil || p.Next.Wanted(o.Item.Ref)) { // it came back, or a newer version waits
		return true
	}
	return !p.Objects.Holds(o.Item.Ref, o.Claim) || p.Board.WantedBeside(p.Name, o.Item.Ref)
}

// remove deletes one object, unless a guard says that it is not to be.
func (r request) remove(ctx context.Context, o *owned.Object) {
	p := r.p
	var item agent.Item
	may, prune := false, false
	owned.WhenFree(p.Do, o, func() {
		if may = !o.Gone && !o.Coming && o.Want == nil && !o.Removing && ctx.Err() == nil; may {
			o.Busy = true
			prune, item = p.Prunes(), o.Item
		}
	})
	if !may {
		return
	}
	f := r.fate(ctx, o, item, prune)
	p.Do(func() {
		o.Busy = false
		switch {
		case o.Gone:
		case o.Want == nil && p.Objects.Holds(o.Item.Ref, o.Claim):
			p.decide(ctx, o, f)
		case f.err == nil && f.kept == "" && f.held == nil: // wanted again since, and deleted all the same
			o.Item.Line, o.Drifted, o.Deleting = agent.Sum{}, true, !f.gone
			p.Kick()
		}
		p.JudgeStash(ctx, o)
		o.Proceed()
	})
}

// fate is what became of an object that was to be pruned.
type fate struct {
	gone bool           // it is no longer there
	kept string         // why it was left, and is no longer Drover's
	held *protocol.Held // what a person has to approve first
	err  error          // why that is not known yet
}

// fate asks the guards and then deletes.
func (r request) fate(ctx context.Context, o *owned.Object, item agent.Item, prune bool) fate {
	switch {
	case r.p.Scope.Outside(item.Ref):
		return fate{kept: r.p.Scope.Failure().Text}
	case !prune:
		return fate{kept: "the app does not prune"}
	case r.p.Protected(item.Ref):
		return fate{kept: "the agent itself lives by it"}
	case item.Keep:
		return fate{kept: r.keptBy(ctx, item)}
	}
	res, err := r.p.Kinds.Resolve(ctx, item.APIVersion, item.Ref.Kind)
	if err != nil {
		return fate{gone: agent.ReasonOf(err) == agent.ReasonKind, err: err}
	}
	if !res.Namespaced {
		item.Ref.Namespace = ""
	}
	for try := 1; ; try++ {
		f := r.erase(ctx, o, res, item)
		if agent.ReasonOf(f.err) != agent.ReasonConflict || try == pruneTries {
			return f
		}
	}
}

// keptBy says which annotation keeps an object that was applied with one. What keeps it is what was applied: the look
// at the object is for the words alone.
func (r request) keptBy(ctx context.Context, item agent.Item) string {
	if res, err := r.p.Kinds.Resolve(ctx, item.APIVersion, item.Ref.Kind); err == nil {
		if !res.Namespaced {
			item.Ref.Namespace = ""
		}
		if live, err := r.Peek(ctx, res, item.Ref); err == nil && live.KeptBy != "" {
			return "it has the " + live.KeptBy
		}
	}
	return "it was applied with an annotation that keeps it from being pruned"
}

// erase looks at an object as it is, and deletes just that.
func (r request) erase(ctx context.Context, o *owned.Object, res agent.Resource, item agent.Item) fate {
	live, err := r.Peek(ctx, res, item.Ref)
	switch {
	case agent.ReasonOf(err) == agent.ReasonMissing || agent.ReasonOf(err) == agent.ReasonNamespace ||
		agent.ReasonOf(err) == agent.ReasonKind:
		return fate{gone: true}
	case err != nil:
		return fate{err: err}
	case live.App != r.Rights.App && !slices.Contains(item.Former, live.App):
		return fate{kept: fmt.Sprintf(
			"its label %s no longer says %q: somebody else took it over", fleet.LabelApp, r.Rights.App)}
	case live.KeptBy != "":
		return fate{kept: "it has the " + live.KeptBy}
	case live.Deleting:
		return fate{}
	}
	if held, err := r.p.Check.Lost(ctx, r.Rights.App, live, nil); held != nil || err != nil {
		return fate{held: held, err: err}
	}
	unwanted := false
	r.p.Do(func() {
		unwanted = !o.Gone && o.Want == nil && !r.p.Behind() && !r.p.WantedElsewhere(o) &&
			r.p.Uncertain() == "" && r.p.Cleared()
	})
	if !unwanted { // a bundle came meanwhile: the next turn decides
		return fate{err: errWanted}
	}
	gone, err := r.Objects.Delete(ctx, res, live)
	return fate{gone: gone, err: r.Explain(ctx, err)}
}

var errWanted = errors.New("a newer bundle may want it")

// decide takes down what became of an object.
func (p *Pruner) decide(ctx context.Context, o *owned.Object, f fate) {
	ref := o.Item.Ref
	switch {
	case ctx.Err() != nil:
	case f.gone:
		p.Pruned(o)
	case f.kept != "":
		p.Emit(protocol.Event{Kind: protocol.EventKept, App: p.Name, Object: &ref,
			Message: "left in the cluster, no longer Drover's: " + f.kept})
		p.spend()
		p.Forget(o)
	case f.held != nil:
		p.holdBack(o, *f.held)
	case errors.Is(f.err, errWanted):
		p.Kick()
	case f.err != nil:
		if o.Trouble == nil {
			o.Trouble = owned.NewTrouble()
		}
		o.Trouble.Note(fmt.Errorf("delete: %w", f.err), time.Now())
	default:
		o.Removing, o.Trouble, o.Hold = true, nil, nil
	}
}

// Pruned is for an object that is no longer there, and was to go.
func (p *Pruner) Pruned(o *owned.Object) {
	ref := o.Item.Ref
	p.Emit(protocol.Event{Kind: protocol.EventPruned, App: p.Name, Object: &ref,
		Message: "deleted, because Git no longer has it"})
	p.spend()
	p.Forget(o)
	p.Kick()
}
