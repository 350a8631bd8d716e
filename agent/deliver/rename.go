package deliver

import (
	"context"
	"errors"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

// An app that a bundle has under another name goes on with all that is stored of it. The bundle is stored, and the
// session ends: whatever was under way goes on in the next one, as it does after a crash. That begins with the states
// of such apps: each is written under the new name before the old one is dropped. What an agent leaves in the middle of
// that, the next one ends. The label of objects is put right by their next apply, and Former says which others they may
// have until then.

// errRenamed ends a session so that the next one begins with other names.
var errRenamed = errors.New("apps go on under other names")

// renames ends the session if an accepted bundle has apps under other names, and says whether it does.
func (s *session) renames(b protocol.Bundle) bool {
	to := identity.Successors(orders.Specs(s.Board.Orders()), b.Apps)
	if len(to) > 0 {
		s.End(errRenamed)
	}
	return len(to) > 0
}

// rename gives stored apps the names that the stored bundle has for them, and says how many that were.
func (s *session) rename(ctx context.Context, states []agent.AppState, b *protocol.Bundle) ([]agent.AppState, int) {
	states = s.endMoves(ctx, states)
	if b == nil {
		return states, 0
	}
	specs := make([]protocol.App, len(states))
	for i, st := range states {
		specs[i] = st.Spec
	}
	to := identity.Successors(specs, b.Apps)
	if len(to) == 0 {
		return states, 0
	}
	out := make([]agent.AppState, len(states))
	for i, st := range states {
		from := st.Spec.Name
		out[i] = renamedState(st, to)
		if out[i].Spec.Name == from {
			continue
		}
		if at := slices.IndexFunc(b.Apps, func(a protocol.App) bool { return a.Name == out[i].Spec.Name }); at >= 0 {
			out[i].Spec.Declared, out[i].Spec.Formerly = b.Apps[at].Declared, b.Apps[at].Formerly
		}
		out[i].Moving = from
		if s.insist(ctx, func() error { return s.Store.SaveApp(ctx, out[i]) }) {
			out[i] = s.endMove(ctx, out[i])
		}
	}
	s.Log.Info("apps go on under the names that the bundle has for them", "apps", len(to))
	return out, len(to)
}

// endMoves ends what an agent left in the middle: both states are there, and say the same.
func (s *session) endMoves(ctx context.Context, states []agent.AppState) []agent.AppState {
	var copies []string
	for i, st := range states {
		if st.Moving != "" {
			copies = append(copies, st.Moving)
			states[i] = s.endMove(ctx, st)
		}
	}
	return slices.DeleteFunc(states, func(st agent.AppState) bool { return slices.Contains(copies, st.Spec.Name) })
}

// endMove drops the state of an app under the name that it had, and notes that this is done.
func (s *session) endMove(ctx context.Context, st agent.AppState) agent.AppState {
	from := st.Moving
	st.Moving = ""
	if s.insist(ctx, func() error { return s.Store.DropApp(ctx, from) }) {
		s.insist(ctx, func() error { return s.Store.SaveApp(ctx, st) })
	}
	return st
}

// insist has something stored, however long it takes. It is false if the session ended before.
func (s *session) insist(ctx context.Context, save func() error) bool {
	return s.accept.insist(ctx, save, func(err error) {
		s.Log.Warn("the state of an app cannot be stored under its new name; retrying", "err", err)
	}) == nil
}

// renamedState is what is stored of an app, with other names.
func renamedState(st agent.AppState, to map[string]string) agent.AppState {
	from := st.Spec.Name
	st.Spec = identity.Rename(st.Spec, to)
	if st.Spec.Name == from {
		return st
	}
	st.Former = append(slices.DeleteFunc(slices.Clone(st.Former), func(name string) bool {
		return name == st.Spec.Name || name == from
	}), from)
	st.Items = slices.Clone(st.Items)
	for i := range st.Items {
		st.Items[i].Remember(from)
	}
	return st
}
