package relation

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Steer takes over what the plan in force steers. What is yet to be pruned goes on steering.
func (r *Relations) Steer() {
	list := slices.Clone(r.Plan.Steers())
	for _, st := range r.Steers {
		if !r.Plan.Steering(st.By) && r.steering(st) {
			list = append(list, st)
		}
	}
	r.Steers = list
	r.ResteerAll()
}

// steering says whether the app still steers something.
func (r *Relations) steering(st plan.Steer) bool {
	return r.ByRef[st.By] != nil || r.Plan.Steering(st.By)
}

// eachSteer goes through what controllers steer, of all apps.
func (r *Relations) eachSteer(do func(plan.Steer)) {
	for _, st := range r.Steers {
		if r.steering(st) {
			do(st)
		}
	}
	type other struct {
		name string
		st   plan.Steer
	}
	var others []other
	r.Board.SteersBeside(r.Name, func(name string, st plan.Steer, sure bool) {
		if sure {
			name = ""
		}
		others = append(others, other{name, st})
	})
	for _, x := range others {
		if x.name == "" || r.Objects.Owner(x.st.By) == x.name {
			do(x.st)
		}
	}
}

// AllSteered are the fields that are left to controllers, by their objects.
func (r *Relations) AllSteered() map[protocol.ObjectRef][]string {
	out := map[protocol.ObjectRef][]string{}
	r.eachSteer(func(st plan.Steer) {
		for _, f := range st.Fields {
			out[f.Object] = append(out[f.Object], f.Paths...)
		}
	})
	for ref, paths := range out {
		slices.Sort(paths)
		out[ref] = slices.Compact(paths)
	}
	return out
}

// Resteer has those objects of the app applied again of which other fields are left to controllers than when they were
// applied.
func (r *Relations) Resteer() {
	steered := r.AllSteered()
	for _, o := range r.Own {
		if o.Want == nil || o.Left() || o.Item.Fields == (agent.Sum{}) {
			continue
		}
		if !slices.Equal(o.Item.Steered, steered[o.Item.Ref]) {
			o.Again()
			r.Kick()
		}
	}
}

// ResteerAll is resteer for all apps.
func (r *Relations) ResteerAll() {
	r.Resteer()
	r.TellLater(func() { r.TellOthers(r.Name, (*Relations).Resteer) })
}

// Notice holds back the health of what follows an object that was changed.
func (r *Relations) Notice(changed protocol.ObjectRef) {
	r.eachSteer(func(st plan.Steer) {
		if st.Within <= 0 || st.Target != changed {
			return
		}
		until := time.Now().Add(st.Within)
		if r.ByRef[st.By] != nil {
			r.follows(st.By, changed, until)
			return
		}
		owner := r.Objects.Owner(st.By)
		r.TellLater(func() { r.Tell(owner, func(b *Relations) { b.follows(st.By, changed, until) }) })
	})
}

// follows holds back the health of an object of the app that follows one that was changed.
func (r *Relations) follows(ref, changed protocol.ObjectRef, until time.Time) {
	if o := r.ByRef[ref]; o != nil {
		o.Unnoticed = owned.Unnoticed{Of: changed, Until: until}
		r.Kick()
	}
}

// SteerAsPlanned has the app steer what its plan in force says, as nothing else is known of it.
func (r *Relations) SteerAsPlanned() {
	if r.Plan != nil {
		r.Steers = r.Plan.Steers()
	}
}
