package app

import (
	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
)

// Wishes are the objects of the app as the newest content that it knows asks for them, and those that it owns beyond.
// lines says whether Patch is needed. It is for other goroutines than the app's, and changes nothing.
func (a *App) Wishes(lines bool) (out []agent.Wish, err error) {
	var wants []*plan.Want // of out, as far as they are wanted
	var p *plan.Plan
	coming := a.env.coming(a.Name)
	a.Do(func() {
		if p = coming; p == nil {
			p = a.Plan
		}
		out, wants = a.wishes(p)
	})
	if p == nil || !lines {
		return out, nil
	}
	text, err := p.Lines()
	if err != nil {
		return nil, err
	}
	for i, w := range wants {
		if w != nil {
			out[i].Patch.Line, out[i].Patch.App = w.LineOf(text), a.Name
		}
	}
	return out, nil
}

// coming is the plan of an app that is to come into force; nil if there is none.
func (e *Env) coming(name string) *plan.Plan {
	entry, _ := e.Board.Entry(name)
	return entry.Next()
}

// wishes compares what is owned with a plan. nil is one that wants nothing.
func (p *parts) wishes(of *plan.Plan) (out []agent.Wish, wants []*plan.Want) {
	settings, known := p.Settings, map[*owned.Object]bool{}
	reach := access.Of(p.Spec.Handling)
	if of != nil && of != p.Plan {
		settings, reach = owned.SettingsOf(of.Spec()), access.Of(of.Handling())
	}
	most := len(p.Own)
	if of != nil {
		most += len(of.Wants)
	}
	out = make([]agent.Wish, most)
	if of != nil {
		for i := range of.Wants {
			w := &of.Wants[i]
			wish := &out[len(wants)]
			wants = append(wants, w)
			wish.Ref, wish.APIVersion, wish.Access, wish.Once = w.Ref, w.APIVersion, reach, w.Mode == fleet.ModeIfNotPresent
			wish.Patch.Leave, wish.Verdict = settings.Leaves(w), owned.NotThere
			if o := p.wanted(w); o != nil {
				known[o] = true
				wish.Ref, wish.Present, wish.Verdict = o.Item.Ref, o.Present, o.Health()
				if o.Item.Scaled {
					wish.Patch.Leave.Paths = append(wish.Patch.Leave.Paths, "/spec/replicas")
				}
				wish.Patch.Leave.Paths = append(wish.Patch.Leave.Paths, o.Item.Steered...)
			}
		}
	}
	for _, o := range p.Own {
		if !known[o] {
			wish := &out[len(wants)]
			wants = append(wants, nil)
			wish.Ref, wish.Access, wish.Gone = o.Item.Ref, reach, true
			wish.Present, wish.Verdict = o.Present, o.Health()
		}
	}
	return out[:len(wants)], wants
}

// wanted is what the app owns of a want.
func (p *parts) wanted(w *plan.Want) *owned.Object {
	if o := p.ByRef[w.Ref]; o != nil || !w.KindUnknown {
		return o
	}
	return p.ByRef[w.WithoutNamespace()]
}
