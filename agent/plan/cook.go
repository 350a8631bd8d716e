package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/envsubst"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Cook makes of a line of the blob the line that is applied, where the hub could not because only the cluster has what it takes:
// keys, and variables.
type Cook struct {
	Taken   map[protocol.VarsRef]uint64 // the inputs, by version
	Decrypt *Decrypter                  // nil if nothing is encrypted
	Vars    map[string]string
	Sub     *protocol.Substitution // nil if nothing is replaced
	// stamp stands for the variables that go into a line, in place of what their values are: the sum of a line is stored, and a sum of
	// few possible values would tell which.
	Stamp []byte
}

// line gives the line that is applied, and the sum that it is known by: of what is encrypted that of the ciphertext.
func (c *Cook) line(ctx context.Context, text []byte) (line []byte, sum agent.Sum, err error) {
	sum = agent.SumOf(text)
	if c == nil {
		return text, sum, nil
	}
	line = text
	if c.Decrypt != nil && encrypted(text) {
		if line, err = c.Decrypt.decrypt(ctx, text); err != nil {
			return nil, sum, err
		}
	}
	if c.Sub == nil || len(c.Vars) == 0 && !c.Sub.Always {
		return line, sum, nil
	}
	replace := envsubst.Replace
	if !bytes.Equal(line, text) { // it was decrypted
		replace = envsubst.ReplaceSecret
	}
	replaced, err := replace(line, c.Vars, c.Sub.Strict)
	if err != nil {
		return nil, sum, err
	}
	if !bytes.Equal(replaced, line) {
		sum = agent.SumOf(fmt.Appendf(nil, "%s\n%s", text, c.Stamp))
	}
	return replaced, sum, nil
}

// lineup puts the lines that are applied after one another.
type lineup struct {
	cook  *Cook
	lines []byte // empty without a cook
	off   int
	read  int // lines
}

// next takes a line of the blob. It gives the line that is applied, where that begins, and the sum that it is known by; nil for a line
// of nothing.
func (l *lineup) next(ctx context.Context, text []byte) (line []byte, sum agent.Sum, start int, err error) {
	start = l.off
	size := len(text)
	text = bytes.TrimRight(text, "\n")
	if len(bytes.TrimSpace(text)) == 0 {
		if l.cook == nil {
			l.off += size
		}
		return nil, agent.Sum{}, start, nil
	}
	l.read++
	line, sum, err = l.cook.line(ctx, text)
	if err != nil {
		return nil, agent.Sum{}, 0, fmt.Errorf("%s: %w", nameOf(text, l.read), err)
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
func (l *lineup) finish(p *Plan) {
	if l.cook != nil {
		p.cooked, p.cookedSize, p.Taken = agent.Pack(l.lines), int64(len(l.lines)), l.cook.Taken
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
