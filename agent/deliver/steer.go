package deliver

import (
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// steer takes over what the plan in force steers. What is yet to be pruned goes on steering.
func (a *app) steer() {
	list := slices.Clone(a.plan.Steers())
	for _, st := range a.steers {
		if !a.plan.Steering(st.By) && a.steering(st) {
			list = append(list, st)
		}
	}
	a.steers = list
	a.resteerAll()
}

// steering says whether the app still steers something.
func (a *app) steering(st plan.Steer) bool { return a.byRef[st.By] != nil || a.plan.Steering(st.By) }

// eachSteer goes through what controllers steer, of all apps.
func (a *app) eachSteer(do func(plan.Steer)) {
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
	a.env.board.SteersBeside(a.name, func(name string, st plan.Steer, sure bool) {
		if sure {
			name = ""
		}
		others = append(others, other{name, st})
	})
	for _, x := range others {
		if x.name == "" || a.env.objects.Owner(x.st.By) == x.name {
			do(x.st)
		}
	}
}

// allSteered are the fields that are left to controllers, by their objects.
func (a *app) allSteered() map[protocol.ObjectRef][]string {
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
func (a *app) resteer() {
	steered := a.allSteered()
	for _, o := range a.own {
		if o.want == nil || o.left() || o.item.Fields == (agent.Sum{}) {
			continue
		}
		if !slices.Equal(o.item.Steered, steered[o.item.Ref]) {
			o.again()
			a.Kick()
		}
	}
}

// resteerAll is resteer for all apps.
func (a *app) resteerAll() {
	a.resteer()
	a.TellLater(func() {
		for _, other := range a.env.board.All() {
			if other != a {
				other.Post(other.resteer)
			}
		}
	})
}

// unnoticed is a change that the controller of an object has yet to notice: until then what the object says of itself
// is old.
type unnoticed struct {
	of    protocol.ObjectRef
	until time.Time // when it must have
}

// notice holds back the health of what follows an object that was changed.
func (a *app) notice(changed protocol.ObjectRef) {
	a.eachSteer(func(st plan.Steer) {
		if st.Within <= 0 || st.Target != changed {
			return
		}
		until := time.Now().Add(st.Within)
		if a.byRef[st.By] != nil {
			a.follows(st.By, changed, until)
			return
		}
		owner := a.env.objects.Owner(st.By)
		a.TellLater(func() { a.env.tellApp(owner, func(b *app) { b.follows(st.By, changed, until) }) })
	})
}

// follows holds back the health of an object of the app that follows one that was changed.
func (a *app) follows(ref, changed protocol.ObjectRef, until time.Time) {
	if o := a.byRef[ref]; o != nil {
		o.unnoticed = unnoticed{changed, until}
		a.Kick()
	}
}

// open says whether the change is yet to be noticed.
func (u unnoticed) open() bool { return !u.until.IsZero() && time.Now().Before(u.until) }

func (u unnoticed) verdict() fleet.Verdict {
	return fleet.Verdict{Health: protocol.HealthProgressing,
		Message: fmt.Sprintf("its controller has not seen the last change of %s yet", u.of)}
}
