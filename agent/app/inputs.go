package app

import (
	"slices"

	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/protocol"
)

// inputChanged has the apps that take something from an input look whether they have to be read again.
func (e *Env) inputChanged(ref protocol.VarsRef, version uint64) {
	namespace := e.Namespace
	for _, a := range e.Board.Where(func(e *board.Entry[*App]) bool {
		return !e.Order.Leaving && slices.Contains(input.Of(e.Order.Spec.Handling, namespace), ref)
	}) {
		a.Post(func() { a.supplied(ref, version) })
	}
}

// StopUnusedInputs ends the watches of inputs that no app has any more.
func (e *Env) StopUnusedInputs(given map[string]orders.Order) {
	e.Inputs.StopUnused(func(ref protocol.VarsRef) bool {
		for _, o := range given {
			if slices.Contains(input.Of(o.Spec.Handling, e.Namespace), ref) {
				return true
			}
		}
		return false
	})
}
