package plan

import (
	"bytes"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// Find returns the want for an object that has just that line; nil if the plan has none.
func (p *Plan) Find(ref protocol.ObjectRef, line agent.Sum) *Want {
	if p == nil {
		return nil
	}
	if p.index != nil {
		if w := p.index[ref]; w != nil && w.Line == line {
			return w
		}
		return nil
	}
	for i := range p.Wants {
		if w := &p.Wants[i]; w.Is(ref) && w.Line == line {
			return w
		}
	}
	return nil
}

// Only returns the former content that is left when a plan is reduced to some of its objects; nil if it has none of
// them.
func (p *Plan) Only(keep func(*Want) bool) (*Plan, error) {
	var wants []Want
	for i := range p.Wants {
		if keep(&p.Wants[i]) {
			wants = append(wants, p.Wants[i])
		}
	}
	switch {
	case len(wants) == 0:
		return nil, nil
	case p.Digest == "" && len(wants) == len(p.Wants): // it was reduced before
		return p, nil
	}
	raw, err := p.Raw()
	if err != nil {
		return nil, err
	}
	lines, err := p.Lines()
	if err != nil {
		return nil, err
	}
	var numbered [][]byte
	for text := range bytes.Lines(raw) {
		if len(bytes.TrimSpace(text)) > 0 {
			numbered = append(numbered, bytes.TrimRight(text, "\n"))
		}
	}
	var rawOnly, linesOnly []byte
	for i := range wants {
		w := &wants[i]
		rawOnly = append(append(rawOnly, numbered[w.number-1]...), '\n')
		line := w.LineOf(lines)
		w.number, w.offset = uint32(i+1), uint32(len(linesOnly))
		linesOnly = append(append(linesOnly, line...), '\n')
	}
	q := &Plan{Home: p.Home, Generation: p.Generation, spec: protocol.App{Handling: p.Handling()}, Wants: wants,
		packed: agent.Pack(rawOnly), size: int64(len(rawOnly))}
	if p.applied != nil {
		q.applied, q.appliedSize = agent.Pack(linesOnly), int64(len(linesOnly))
	}
	return q.Former(), nil
}

// Former returns the plan as former content: without hooks and definitions, and indexed for Find.
func (p *Plan) Former() *Plan {
	q := *p
	q.Hooks, q.definitions = nil, nil
	q.index = make(map[protocol.ObjectRef]*Want, len(q.Wants))
	for i := range q.Wants {
		w := &q.Wants[i]
		q.index[w.Ref] = w
		if bare := w.WithoutNamespace(); w.KindUnknown && q.index[bare] == nil {
			q.index[bare] = w
		}
	}
	return &q
}
