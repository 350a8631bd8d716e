package plan

import (
	"github.com/drover-dev/drover/protocol"
)

// Ignored indexes the rules of the plan's app by their objects, anew whenever there are others. The session's mutex
// is held.
func (p *Plan) Ignored() map[protocol.ObjectRef][]int {
	if p.Rules == nil {
		p.Rules = make(map[protocol.ObjectRef][]int, len(p.Spec.Ignored))
		for i, rule := range p.Spec.Ignored {
			p.Rules[rule.Object] = append(p.Rules[rule.Object], i)
		}
	}
	return p.Rules
}
