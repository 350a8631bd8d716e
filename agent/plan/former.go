package plan

import (
	"bytes"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// Find is an object with just that line; nil if the plan has none.
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
		if w := &p.Wants[i]; w.Ref == ref && w.Line == line {
			return w
		}
	}
	return nil
}

// Only is the plan with nothing but the lines in open, which it takes out of there; nil if it has none of them.
func (p *Plan) Only(open map[protocol.ObjectRef]agent.Sum) (*Plan, error) {
	var wants []Want
	for i := range p.Wants {
		if w := &p.Wants[i]; open[w.Ref] != (agent.Sum{}) && open[w.Ref] == w.Line {
			wants = append(wants, *w)
			delete(open, w.Ref)
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
	var made [][]byte
	for text := range bytes.Lines(raw) {
		if len(bytes.TrimSpace(text)) > 0 {
			made = append(made, bytes.TrimRight(text, "\n"))
		}
	}
	var rawOnly, linesOnly []byte
	for i := range wants {
		w := &wants[i]
		rawOnly = append(append(rawOnly, made[w.nth-1]...), '\n')
		line := w.LineOf(lines)
		w.nth, w.off = uint32(i+1), uint32(len(linesOnly))
		linesOnly = append(append(linesOnly, line...), '\n')
	}
	q := &Plan{Home: p.Home, Generation: p.Generation, Handling: p.Handling, Wants: wants,
		Packed: agent.Pack(rawOnly), Size: int64(len(rawOnly))}
	if p.cooked != nil {
		q.cooked, q.cookedSize = agent.Pack(linesOnly), int64(len(linesOnly))
	}
	q.Reindex()
	return q, nil
}

// Reindex makes the index of former content.
func (p *Plan) Reindex() {
	p.index = make(map[protocol.ObjectRef]*Want, len(p.Wants))
	for i := range p.Wants {
		p.index[p.Wants[i].Ref] = &p.Wants[i]
	}
}
