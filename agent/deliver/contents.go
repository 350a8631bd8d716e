package deliver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
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

// holdBack takes down that an object waits for a person. s.mu is held.
func (s *session) holdBack(o *object, h protocol.Held) {
	if o.hold == nil {
		o.hold = &hold{pause: backoff.Backoff{Min: 10 * time.Second, Max: 2 * time.Minute}}
	}
	if o.hold.held.ID != h.ID {
		ref := o.item.Ref
		s.emit(protocol.Event{Kind: protocol.EventHeld, App: o.app.name, Object: &ref, Message: h.Message})
	}
	o.hold.held, o.hold.next, o.trouble = h, time.Now().Add(o.hold.pause.Next()), nil
	s.out.Changed(true)
}

// container says whether deleting an object takes with it what it holds.
func container(ref protocol.ObjectRef) bool {
	return plan.IsDefinition(ref) || ref.Group == "" && ref.Kind == "Namespace"
}

// guard says what would be lost with an object that is about to be deleted, unless a person approved that. An error
// says that it is not known. name is the app; goes says of an object that it is deleted anyway, beside those that
// leave their app.
func (s *session) guard(ctx context.Context, name string, live agent.Live, goes func(agent.Found) bool) (*protocol.Held, error) {
	lost, others := map[protocol.ObjectRef]string{}, false
	if container(live.Ref) {
		kinds, found, beyond, err := s.cluster.Inside(ctx, live.Ref)
		if err != nil {
			return nil, fmt.Errorf("it is not known what it holds, so it is not deleted: %w", err)
		}
		s.mu.Lock()
		released := map[*app]bool{}
		rest := slices.DeleteFunc(roots(found), func(f agent.Found) bool {
			return s.departs(f, released) || goes != nil && goes(f)
		})
		s.mu.Unlock()
		for _, f := range s.lasting(ctx, rest) {
			lost[f.Ref] = f.App
		}
		others = beyond
		s.mu.Lock()
		s.wantedIn(live.Ref, kinds, lost)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, o := range s.all {
		if o.want != nil && live.UID != "" && slices.Contains(o.owners, live.UID) {
			lost[ref] = o.app.name
		}
	}
	if len(lost) == 0 {
		return nil, nil
	}
	h := s.heldIn(name, live.Ref, lost, others)
	if d := s.accepted.bundle.Deletions; d != nil && slices.Contains(d.Approved, h.ID) {
		return nil, nil
	}
	return &h, nil
}

// heldIn is the hold of an object that others would go with. s.mu is held.
func (s *session) heldIn(app string, object protocol.ObjectRef, lost map[protocol.ObjectRef]string,
	others bool) protocol.Held {
	refs := slices.Collect(maps.Keys(lost))
	also := []string{object.Group + " " + object.String()}
	if others {
		also = append(also, "and others")
	}
	h := heldOf(protocol.HoldContents, s.name, app, refs, also...)
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

// roots leaves out of what a container holds what Kubernetes makes by itself, what is being deleted already, and what
// another object of the container controls: that goes or stays with it.
func roots(found []agent.Found) (out []agent.Found) {
	byUID := make(map[string]*agent.Found, len(found))
	for i := range found {
		byUID[found[i].UID] = &found[i]
	}
	for _, f := range found {
		if f.Deleting || byKubernetes(f.Ref) || controlledBy(&f, byUID) {
			continue
		}
		out = append(out, f)
	}
	return out
}

// controlledBy says whether an object that nothing controls is at the upper end of a line of controllers. One that
// goes round has none.
func controlledBy(f *agent.Found, byUID map[string]*agent.Found) bool {
	top := f
	for range 10 {
		c := top.Controller()
		if c == nil {
			return top != f
		}
		next := byUID[c.UID]
		if next == nil {
			return top != f
		}
		top = next
	}
	return false
}

// byKubernetes says whether every namespace has an object of this name.
func byKubernetes(ref protocol.ObjectRef) bool {
	switch ref.Group + "/" + ref.Kind + "/" + ref.Name {
	case "/ConfigMap/kube-root-ca.crt", "/ServiceAccount/default":
		return true
	}
	return false
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

// departs says whether an object is deleted because it left its app, or is what a hook left that no app has any more.
// released remembers which apps delete what they have left over. s.mu is held.
func (s *session) departs(f agent.Found, released map[*app]bool) bool {
	if f.KeptBy != "" || s.protected(f.Ref) {
		return false
	}
	if f.HookRun != "" {
		for _, a := range s.apps {
			if !a.leaving && (a.plan.Hooked(f.Ref) || a.next.Hooked(f.Ref)) {
				return false
			}
		}
		return f.App != "" && f.Fields != agent.Sum{}
	}
	o := s.all[f.Ref]
	switch {
	case o == nil || o.want != nil || o.item.Keep || o.hold != nil:
		return false
	case f.App != o.app.name && !slices.Contains(o.item.Former, f.App) || s.wantedElsewhere(o):
		return false
	}
	yes, known := released[o.app]
	if !known {
		yes = s.releases(o.app)
		released[o.app] = yes
	}
	return yes
}

// releases says whether nothing keeps an app from deleting what it has left over. s.mu is held.
func (s *session) releases(a *app) bool {
	if !a.prunes() || s.suspended(a) || s.uncertain(a) != "" {
		return false
	}
	for _, o := range a.own {
		if o.want != nil && (o.trouble != nil || o.pending()) {
			return false
		}
	}
	d := s.accepted.bundle.Deletions
	over, _ := s.overdrawn(a, d)
	return over == nil || slices.Contains(d.Approved, over.ID)
}

// wantedIn adds what apps want to have in a container, whether it is there yet or not. s.mu is held.
func (s *session) wantedIn(container protocol.ObjectRef, kinds []agent.Resource, to map[protocol.ObjectRef]string) {
	for _, a := range s.apps {
		for _, p := range [...]*plan.Plan{a.plan, a.next} {
			if p == nil || a.leaving {
				continue
			}
			for i := range p.Wants {
				ref := s.refOf(&p.Wants[i])
				if within(ref, container, kinds) && ref != container {
					to[ref] = a.name
				}
			}
		}
	}
}

// within says whether an object belongs into a container, which holds objects of some kinds.
func within(ref, container protocol.ObjectRef, kinds []agent.Resource) bool {
	if container.Kind == "Namespace" {
		return ref.Namespace == container.Name
	}
	return slices.ContainsFunc(kinds, func(r agent.Resource) bool { return r.Group == ref.Group && r.Kind == ref.Kind })
}
