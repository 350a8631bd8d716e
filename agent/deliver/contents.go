package deliver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// hold is why one object is not deleted before a person approves it.
type hold struct {
	held  protocol.Held
	next  time.Time // when it is looked at again
	pause backoff.Backoff
}

// over says whether it is time to look again.
func (h *hold) over(now time.Time) bool { return h == nil || !now.Before(h.next) }

// due has it looked at again at once.
func (h *hold) due() {
	if h != nil {
		h.next = time.Time{}
	}
}

// holdBack takes down that an object waits for a person.
func (a *app) holdBack(o *object, h protocol.Held) {
	if o.hold == nil {
		o.hold = &hold{pause: backoff.Backoff{Min: 10 * time.Second, Max: 2 * time.Minute}}
	}
	if o.hold.held.ID != h.ID {
		ref := o.item.Ref
		a.emit(protocol.Event{Kind: protocol.EventHeld, App: a.name, Object: &ref, Message: h.Message})
	}
	o.hold.held, o.hold.next, o.trouble = h, time.Now().Add(o.hold.pause.Next()), nil
	a.env.out.Changed(true)
}

// guard says what would be lost with an object that is about to be deleted, unless a person approved that. An error
// says that it is not known. name is the app; goes says of an object that it is deleted anyway, beside those that
// leave their app. It asks the apps, so no app's goroutine may call it.
func (s *session) guard(ctx context.Context, name string, live agent.Live, goes func(agent.Found) bool) (*protocol.Held, error) {
	lost, others := map[protocol.ObjectRef]string{}, false
	if guard.Container(live.Ref) {
		kinds, found, beyond, err := s.cluster.Inside(ctx, live.Ref)
		if err != nil {
			return nil, fmt.Errorf("it is not known what it holds, so it is not deleted: %w", err)
		}
		rest := slices.DeleteFunc(s.remaining(guard.Roots(found)), func(f agent.Found) bool { return goes != nil && goes(f) })
		for _, f := range s.lasting(ctx, rest) {
			lost[f.Ref] = f.App
		}
		others = beyond
		s.wantedIn(live.Ref, kinds, lost)
	}
	if live.UID != "" {
		for _, a := range s.board.all() {
			a.do(func() {
				for _, o := range a.own {
					if o.want != nil && slices.Contains(o.owners, live.UID) {
						lost[o.item.Ref] = a.name
					}
				}
			})
		}
	}
	if len(lost) == 0 {
		return nil, nil
	}
	h := s.heldIn(name, live.Ref, lost, others)
	if d := s.inForce().Bundle.Deletions; d != nil && slices.Contains(d.Approved, h.ID) {
		return nil, nil
	}
	return &h, nil
}

// heldIn is the hold of an object that others would go with.
func (s *session) heldIn(app string, object protocol.ObjectRef, lost map[protocol.ObjectRef]string,
	others bool) protocol.Held {
	refs := slices.Collect(maps.Keys(lost))
	also := []string{object.Group + " " + object.String()}
	if others {
		also = append(also, "and others")
	}
	h := guard.Held(protocol.HoldContents, s.name, app, refs, also...)
	h.Object = &object
	first := ""
	for i, ref := range h.Objects[:min(len(h.Objects), 3)] {
		if i > 0 {
			first += ", "
		}
		if first += ref.String(); lost[ref] != "" && lost[ref] != app {
			first += " (app " + lost[ref] + ")"
		}
	}
	number := phrase.Count(len(refs), "object")
	if others {
		number = "more than " + number
	}
	h.Message = fmt.Sprintf("%s is not deleted, because %s that Git does not delete would go with it: %s%s; "+
		"move or delete them, or let them go with drover approve %s", object, number, first, phrase.More(len(refs)-min(len(refs), 3)), h.ID)
	return h
}

// maxLookups is how many objects are looked for one by one before a container is deleted.
const maxLookups = 100

// lasting leaves out the objects whose controller is gone, which are about to be collected as garbage, and those of
// Drover's that were deleted since they were listed.
func (s *session) lasting(ctx context.Context, list []agent.Found) (out []agent.Found) {
	there, lookups := map[string]bool{}, 0
	lives := func(uid string, look func() bool) bool {
		yes, known := there[uid]
		if !known && lookups < maxLookups {
			lookups++
			yes, known = look(), true
			there[uid] = yes
		}
		return yes || !known
	}
	for _, f := range list {
		if c := f.Controller(); c != nil && !lives(c.UID, func() bool { return s.lives(ctx, *c, f.Ref.Namespace) }) {
			continue
		}
		if f.Fields != (agent.Sum{}) && !lives(f.UID, func() bool { return s.stays(ctx, f) }) {
			continue
		}
		out = append(out, f)
	}
	return out
}

// stays says whether an object that was found is still there, and not being deleted. It is, if that is not known.
func (s *session) stays(ctx context.Context, f agent.Found) bool {
	live, err := s.reach(agent.Access{}).Get(ctx, f.Resource, f.Ref)
	if err != nil {
		return agent.ReasonOf(err) != agent.ReasonMissing
	}
	return live.UID == f.UID && !live.Deleting
}

// lives says whether an owner is there. It is, if that is not known.
func (s *session) lives(ctx context.Context, o agent.Owner, namespace string) bool {
	res, err := s.cluster.Resolve(ctx, o.APIVersion, o.Kind)
	if err != nil {
		return true
	}
	ref := protocol.ObjectRef{Group: res.Group, Kind: res.Kind, Name: o.Name}
	if res.Namespaced {
		ref.Namespace = namespace
	}
	live, err := s.reach(agent.Access{}).Get(ctx, res, ref)
	switch {
	case agent.ReasonOf(err) == agent.ReasonMissing:
		return false
	case err != nil:
		return true
	}
	return live.UID == o.UID
}

// remaining leaves out the objects that are deleted because they left their app, and what a hook left that no app has
// any more. Each owner is asked about its own.
func (s *session) remaining(found []agent.Found) (out []agent.Found) {
	byOwner := map[string][]agent.Found{}
	for _, f := range found {
		owner := s.objects.Owner(f.Ref)
		switch {
		case f.KeptBy != "" || s.protected(f.Ref):
			out = append(out, f)
		case f.HookRun != "":
			if s.board.hooked(f.Ref) || f.App == "" || f.Fields == (agent.Sum{}) {
				out = append(out, f)
			}
		case owner == "":
			out = append(out, f)
		default:
			byOwner[owner] = append(byOwner[owner], f)
		}
	}
	for _, owner := range slices.Sorted(maps.Keys(byOwner)) {
		list := byOwner[owner]
		if a := s.board.app(owner); a != nil {
			a.do(func() { list = a.staying(list) })
		}
		out = append(out, list...)
	}
	return out
}

// staying leaves out those of the app's objects that it deletes.
func (a *app) staying(found []agent.Found) (out []agent.Found) {
	releases := !a.behind() && a.releases()
	for _, f := range found {
		o := a.byRef[f.Ref]
		if o == nil || o.coming || o.want != nil || o.item.Keep || o.hold != nil || !releases ||
			f.App != a.name && !slices.Contains(o.item.Former, f.App) || a.wantedElsewhere(o) {
			out = append(out, f)
		}
	}
	return out
}

// releases says whether nothing keeps an app from deleting what it has left over.
func (a *app) releases() bool {
	if !a.prunes() || a.suspended() || a.uncertain() != "" {
		return false
	}
	for _, o := range a.own {
		if o.want != nil && (o.trouble != nil || o.pending()) {
			return false
		}
	}
	d := a.accepted.Bundle.Deletions
	over, _ := a.overdrawn(d)
	return over == nil || slices.Contains(d.Approved, over.ID)
}

// wantedIn adds what apps want to have in a container, whether it is there yet or not.
func (s *session) wantedIn(container protocol.ObjectRef, kinds []agent.Resource, to map[protocol.ObjectRef]string) {
	for app, plans := range s.board.plansBeside("") {
		for _, p := range plans {
			if p == nil {
				continue
			}
			for i := range p.Wants {
				ref := s.refOf(&p.Wants[i])
				if guard.Within(ref, container, kinds) && ref != container {
					to[ref] = app
				}
			}
		}
	}
}

// protected are the objects that the agent never deletes, though an app had them: it lives by them.
func (s *session) protected(ref protocol.ObjectRef) bool {
	return guard.OwnPart(ref, s.namespace, s.scope)
}
