package saving

import (
	"context"
	"errors"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Plans makes plans of what is stored.
type Plans interface {
	// Restore makes the plan that was stored.
	Restore(ctx context.Context, st agent.AppState) (*plan.Plan, error)
	// RestoreFormer makes those of content that was applied before.
	RestoreFormer(ctx context.Context, st agent.AppState) []*plan.Plan
}

// Restore takes up what is stored of the app, before its goroutine is started. The error says why no plan can be made
// of it; the objects are the app's all the same.
func (s *Saver) Restore(ctx context.Context, st agent.AppState, plans Plans) error {
	s.Spec, s.Names = st.Spec, st.Former
	p, err := plans.Restore(ctx, st)
	if why := plan.Unmet(st.Spec); why != "" { // a newer agent stored it
		p, err = nil, errors.New(why)
	}
	s.Lasts = plans.RestoreFormer(ctx, st)
	var wants map[protocol.ObjectRef]*plan.Want
	if err == nil {
		s.enter(p, st.Run)
		wants = byRef(p)
	}
	for _, item := range st.Items {
		if s.Plan.Hooked(item.Ref) { // an agent that knew no hooks applied it
			s.Dirty = true
			continue
		}
		s.Insert(&owned.Object{Item: item, Want: wants[item.Ref],
			Sighted: owned.Sighted{Verdict: owned.Unseen}})
	}
	return err
}

// enter has a plan be what it was when it was stored: in force, or next while the hooks before it go on.
func (s *Saver) enter(p *plan.Plan, run *agent.Run) {
	if run.Ahead() && p.DeliveredBy(run) {
		s.Next = p
	}
	if s.Next == nil || !run.Install {
		s.Plan, s.Settings = p, owned.SettingsOf(p.Spec())
	}
}

// byRef are the wants of a plan by their objects.
func byRef(p *plan.Plan) map[protocol.ObjectRef]*plan.Want {
	out := make(map[protocol.ObjectRef]*plan.Want, len(p.Wants))
	for i := range p.Wants {
		out[p.Wants[i].Ref] = &p.Wants[i]
	}
	return out
}
