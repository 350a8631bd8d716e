package app

import (
	"slices"

	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// learn takes down which fields of an object have one owner only, and tells what that does to the app's rules.
func (a *App) learn(o *owned.Object, w *plan.Want, fields []string) {
	for _, field := range fields {
		if slices.Contains(o.Item.Whole, field) {
			continue
		}
		o.Item.Whole, a.Dirty = append(slices.Clone(o.Item.Whole), field), true
		a.Kick() // to store it, for when nothing tells it any more
		ref := o.Item.Ref
		if _, parts := owned.Whole([]string{field}, a.Leaves(w).Paths); len(parts) > 0 {
			a.Emit(protocol.Event{Kind: protocol.EventLeft, App: a.Name, Object: &ref,
				Fields: []string{field}, Message: owned.LeftWhole(field, parts[0])})
		}
	}
}
