package board

import (
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Entry is one app's place on the board.
type Entry[A comparable] struct {
	App    A
	Order  orders.Order // written for the bundle
	Coming *plan.Plan   // from the bundle, until the app has taken it as its next; written for the bundle
	Facts  Summary      // written by the app
}

// Summary is what an app tells of itself.
type Summary struct {
	Plan, Next *plan.Plan
	Phase      protocol.Phase
	Fetching   bool         // its blob is not here yet
	Kindless   bool         // objects of it wait for their kind to be served
	Clashing   bool         // another app has an object that it wants
	Steers     []plan.Steer // the fields of other objects that its objects write
	Status     orders.Status
}

// Next is the plan that is to come into force.
func (e *Entry[A]) Next() *plan.Plan {
	if e.Coming != nil {
		return e.Coming
	}
	return e.Facts.Next
}

// plans are all plans of an app that stays.
func (e *Entry[A]) plans() []*plan.Plan {
	if e.Order.Leaving {
		return nil
	}
	return []*plan.Plan{e.Facts.Plan, e.Facts.Next, e.Coming}
}

// Wanted says whether a plan of an app that stays has an object.
func (e *Entry[A]) Wanted(ref protocol.ObjectRef) bool {
	return !e.Order.Leaving && (e.Facts.Plan.Wanted(ref) || e.Facts.Next.Wanted(ref) || e.Coming.Wanted(ref))
}

// unknown says whether it is not known what an app wants.
func (e *Entry[A]) unknown() bool {
	spec := e.Order.Spec
	return spec.Blob != nil && !e.Facts.Plan.Same(spec) && !e.Facts.Next.Same(spec) && !e.Coming.Same(spec)
}

// Status is how the app is: it may be one that has not taken what a bundle has for it yet.
func (e *Entry[A]) Status() orders.Status {
	st := e.Facts.Status
	st.Attempted = e.Order.Spec.Revision
	if e.Coming == nil && !e.unknown() {
		return st
	}
	if st.Settled = false; st.Ready == "True" {
		st.Ready, st.Reason = "Unknown", "Progressing"
	}
	return st
}
