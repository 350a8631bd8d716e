package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"github.com/drover-dev/drover/envsubst"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// cook makes of a line of the blob the line that is applied, where the hub could not because only the cluster knows what it takes.
type cook struct {
	taken map[protocol.VarsRef]uint64 // what it was made with
	vars  map[string]string
	sub   *protocol.Substitution
	// stamp stands for all that goes into a line, in place of what the values are: the sum of a line is stored, and a sum of few
	// possible values would tell which.
	stamp []byte
}

// cookFor prepares what an app's lines are made by; nil if they are applied as the hub made them.
func (s *session) cookFor(ctx context.Context, a *app, spec protocol.App) (*cook, error) {
	if spec.Substitute == nil {
		return nil, nil
	}
	in, err := s.gatherInputs(ctx, a, spec)
	if err != nil {
		return nil, err
	}
	c := &cook{taken: in.taken, vars: map[string]string{}, sub: spec.Substitute}
	var versions []uint64
	for _, ref := range spec.Substitute.From {
		optional := ref.Optional
		ref.Optional = false
		data, there := in.data[ref]
		if !there && !optional {
			return nil, &lacking{ref, "variables"}
		}
		maps.Copy(c.vars, data)
		versions = append(versions, in.taken[ref])
	}
	maps.Copy(c.vars, spec.Substitute.Vars)
	if !spec.Substitute.Strict {
		if err := envsubst.CheckNames(c.vars); err != nil {
			return nil, err
		}
	}
	c.stamp, err = json.Marshal([]any{spec.Substitute, versions})
	return c, err
}

// line gives the line that is applied, and the sum that it is known by.
func (c *cook) line(text []byte) ([]byte, Sum, error) {
	if c == nil {
		return text, SumOf(text), nil
	}
	if len(c.vars) == 0 && !c.sub.Always {
		return text, SumOf(text), nil
	}
	out, err := envsubst.Replace(text, c.vars, c.sub.Strict)
	if err != nil {
		return nil, Sum{}, err
	}
	if bytes.Equal(out, text) {
		return text, SumOf(text), nil
	}
	return out, SumOf(fmt.Appendf(nil, "%s\n%s", text, c.stamp)), nil
}

// lineup puts the lines that are applied after one another.
type lineup struct {
	cook  *cook
	lines []byte // empty without a cook
	off   int
	read  int // lines
}

// next takes a line of the blob. It gives the line that is applied, where that begins, and the sum that it is known by; nil for a line
// of nothing.
func (l *lineup) next(text []byte) (line []byte, sum Sum, start int, err error) {
	start = l.off
	size := len(text)
	text = bytes.TrimRight(text, "\n")
	if len(bytes.TrimSpace(text)) == 0 {
		if l.cook == nil {
			l.off += size
		}
		return nil, Sum{}, start, nil
	}
	l.read++
	line, sum, err = l.cook.line(text)
	if err != nil {
		return nil, Sum{}, 0, fmt.Errorf("%s: %w", nameOf(text, l.read), err)
	}
	if l.cook == nil {
		l.off += size
		return line, sum, start, nil
	}
	l.lines = append(append(l.lines, line...), '\n')
	l.off = len(l.lines)
	return line, sum, start, nil
}

// finish gives a plan the lines that are applied, where they are others than the blob's.
func (l *lineup) finish(p *plan) {
	if l.cook != nil {
		p.cooked, p.cookedSize, p.taken = Pack(l.lines), int64(len(l.lines)), l.cook.taken
	}
}

// nameOf names the object of a line, the n-th of a blob.
func nameOf(text []byte, n int) string {
	var l line
	if json.Unmarshal(text, &l) != nil || l.Kind == "" {
		return fmt.Sprintf("object %d of the app", n)
	}
	return protocol.ObjectRef{Group: fleet.GroupOf(l.APIVersion), Kind: l.Kind, Namespace: l.Metadata.Namespace, Name: l.Metadata.Name}.String()
}

// sameMaking says whether two handlings make the same of the lines of a blob.
func sameMaking(a, b protocol.Handling) bool {
	return reflect.DeepEqual(a.Substitute, b.Substitute) && reflect.DeepEqual(a.Decrypt, b.Decrypt) &&
		(a.Substitute == nil && a.Decrypt == nil || a.ServiceAccount == b.ServiceAccount)
}
