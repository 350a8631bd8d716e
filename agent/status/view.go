// Package status is what becomes known of an app: from what the app is to be, what it has, and how far it has come,
// the phase, reason and message of which people read, and how others may rely on it. It reads and decides; nothing is
// asked, and nothing is told.
//
// It may import agent, the packages budget, hook, orders, owned, planning and report in agent/, fleet and protocol.
package status

import (
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/protocol"
)

// View is what the phase of an app follows from.
type View struct {
	*owned.Set
	*orders.Current
	Fetch    *planning.Fetch
	Progress hook.Progress
	Fault    *owned.Trouble // what concerns the whole app; nil if nothing does
	Fresh    bool           // the plan in force has not been applied through yet
	Held     string         // why nothing is deleted
	Over     bool           // more would be deleted than is permitted
	Deleted  uint64         // how many objects were, as reports count them
	Until    time.Time      // when the hooks are looked at again; zero for never
	Checks   []protocol.Problem
	Scope    agent.Scope
}

// Settled says whether what the bundle wants the app to be is in force.
func (v View) Settled() bool {
	return v.Plan != nil && v.Next == nil && v.Fetch.Fetching == "" && !v.Fetch.Unfit.Known()
}

// Problems are all objects that are not as they should be, worst first.
func (v View) Problems() []protocol.Problem {
	out := append(v.Unwell(), v.Checks...)
	if v.Plan != nil {
		for _, ref := range v.Plan.Outside {
			out = append(out, protocol.Problem{Object: ref, Health: protocol.HealthDegraded, Message: v.Scope.Failure().Text})
		}
	}
	order.Sort(out, owned.CompareProblems)
	return out
}

// Report is the app's part of a report.
func (c *Condition) Report(v View) protocol.AppReport {
	r := protocol.AppReport{Name: v.Name, Declared: v.Spec.Declared, Phase: c.Phase, Health: c.Health, Reason: c.Reason, Message: c.Message,
		Current: c.Current, Since: c.Since, Leaving: v.Leaving && len(v.Own) > 0, Deleted: v.Deleted}
	if v.Plan != nil {
		r.Revision, r.Digest = v.Settings.Revision, v.Plan.Digest
		r.Images = v.Plan.Images
	}
	r.Objects = len(v.Own) - v.LeftoverCount()
	r.Problems = v.Problems()
	if len(r.Problems) > report.MaxProblems {
		r.Problems, r.More = r.Problems[:report.MaxProblems], len(r.Problems)-report.MaxProblems
	}
	if text := owned.Conflicts(v.Own); text != "" {
		r.Message = text
	}
	return r
}

// Status is how other apps, and the conditions of its own, see the app.
func (c *Condition) Status(v View) orders.Status {
	settled := v.Settled()
	st := orders.Status{Attempted: v.Spec.Revision, InForce: v.Plan != nil, Settled: settled, Message: c.Message}
	st.Ready, st.Reason = c.Readiness(settled)
	if v.Plan != nil {
		st.Applied, st.Generation = v.Settings.Revision, v.Plan.Generation
	}
	return st
}
