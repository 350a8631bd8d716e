package board

import (
	"cmp"
	"fmt"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/protocol"
)

// Awaited says for which app an app with a spec has to wait before it begins, and why; "" if for none. own is how the
// app is, acc the bundle whose orders it has.
func (b *Board[A]) Awaited(spec protocol.App, own orders.Status, acc orders.Accepted) string {
	for _, name := range spec.DependsOn {
		d, there := b.Entry(name)
		conditions, instead := conditionsOn(spec.Ready, name)
		if !instead && (!there || d.Facts.Phase != protocol.PhaseHealthy || d.Next() != nil || d.Facts.Fetching) {
			return fmt.Sprintf("waits for app %s, which is %s", name, cmp.Or(d.Facts.Phase, protocol.PhasePending))
		}
		var status *orders.Status
		if there {
			st := d.Status()
			status = &st
		}
		if waits := unmet(conditions, own, status, acc); waits != "" {
			return waits
		}
	}
	return ""
}

// conditionsOn are the conditions on an app, and whether they replace the one that the app is healthy.
func conditionsOn(ready []protocol.Readiness, app string) (out []protocol.Readiness, instead bool) {
	for _, r := range ready {
		if r.App == app {
			out, instead = append(out, r), instead || r.Instead
		}
	}
	return out, instead
}

// unmet says which of the conditions that an app has on another is not met; "" if all are. dep is how the other app is;
// nil if there is none.
func unmet(conditions []protocol.Readiness, own orders.Status, dep *orders.Status, acc orders.Accepted) string {
	for _, r := range conditions {
		program, err := expr.Decode(r.Expression)
		is := false
		if err == nil {
			is, err = program.Bool(map[string]any{"self": own.Object(acc, r.Self), "dep": dep.Object(acc, r.Dep)})
		}
		switch {
		case err != nil:
			return fmt.Sprintf("waits for app %s, and cannot tell whether it is ready: %v; correct the condition in Git",
				r.App, err)
		case !is:
			return fmt.Sprintf("waits for app %s until %s", r.App, r.Text)
		}
	}
	return ""
}
