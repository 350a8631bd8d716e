package app

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// steer takes over what the plan in force steers. What is yet to be pruned goes on steering.
func (a *App) steer() {
	list := slices.Clone(a.Plan.Steers())
	for _, st := range a.steers {
		if !a.Plan.Steering(st.By) && a.steering(st) {
			list = append(list, st)
		}
	}
	a.steers = list
	a.resteerAll()
}

// steering says whether the app still steers something.
func (a *App) steering(st plan.Steer) bool { return a.ByRef[st.By] != nil || a.Plan.Steering(st.By) }

// eachSteer goes through what controllers steer, of all apps.
func (a *App) eachSteer(do func(plan.Steer)) {
	for _, st := range a.steers {
		if a.steering(st) {
			do(st)
		}
	}
	type other struct {
		name string
		st   plan.Steer
	}
	var others []other
	a.env.Board.SteersBeside(a.Name, func(name string, st plan.Steer, sure bool) {
		if sure {
			name = ""
		}
		others = append(others, other{name, st})
	})
	for _, x := range others {
		if x.name == "" || a.env.Objects.Owner(x.st.By) == x.name {
			do(x.st)
		}
	}
}

// allSteered are the fields that are left to controllers, by their objects.
func (a *App) allSteered() map[protocol.ObjectRef][]string {
	out := map[protocol.ObjectRef][]string{}
	a.eachSteer(func(st plan.Steer) {
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

// resteer has those objects of the app applied again of which other fields are left to controllers than when they were
// applied.
func (a *App) resteer() {
	steered := a.allSteered()
	for _, o := range a.Own {
		if o.Want == nil || o.Left() || o.Item.Fields == (agent.Sum{}) {
			continue
		}
		if !slices.Equal(o.Item.Steered, steered[o.Item.Ref]) {
			o.Again()
			a.Kick()
		}
	}
}

// resteerAll is resteer for all apps.
func (a *App) resteerAll() {
	a.resteer()
	a.TellLater(func() {
		for _, other := range a.env.Board.All() {
			if other != a {
				other.Post(other.resteer)
			}
		}
	})
}

// notice holds back the health of what follows an object that was changed.
func (a *App) notice(changed protocol.ObjectRef) {
	a.eachSteer(func(st plan.Steer) {
		if st.Within <= 0 || st.Target != changed {
			return
		}
		until := time.Now().Add(st.Within)
		if a.ByRef[st.By] != nil {
			a.follows(st.By, changed, until)
			return
		}
		owner := a.env.Objects.Owner(st.By)
		a.TellLater(func() { a.env.tellApp(owner, func(b *App) { b.follows(st.By, changed, until) }) })
	})
}

// follows holds back the health of an object of the app that follows one that was changed.
func (a *App) follows(ref, changed protocol.ObjectRef, until time.Time) {
	if o := a.ByRef[ref]; o != nil {
		o.Unnoticed = owned.Unnoticed{Of: changed, Until: until}
		a.Kick()
	}
}
