package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet/envsubst"
	"github.com/drover-dev/drover/protocol"
)

// Input is a ConfigMap or Secret of the cluster that lines are transformed with, as it was read.
type Input struct {
	Ref     protocol.VarsRef
	Version uint64 // 0 if it does not exist
	Data    map[string]string
}

// Transform decrypts and substitutes the lines of a blob, where only the cluster has the keys and variables for that.
type Transform struct {
	inputs     map[protocol.VarsRef]uint64 // by version
	decrypt    *decrypter                  // nil if nothing is encrypted
	substitute *protocol.Substitution      // nil if nothing is substituted
	vars       map[string]string
	// stamp identifies the variables in the sum of a line without their values: the sum is stored, and one over few
	// possible values would tell which of them it is.
	stamp []byte
}

// NewTransform prepares a transform from its inputs: the keys, nil if nothing is encrypted; and the variables, in the
// order of sub.From, if sub is not nil. It is nil if there is nothing to do.
func NewTransform(plugins agent.PluginHost, keys *Input, sub *protocol.Substitution, vars []Input) (*Transform, error) {
	if keys == nil && sub == nil {
		return nil, nil
	}
	t := &Transform{inputs: map[protocol.VarsRef]uint64{}}
	if keys != nil {
		t.inputs[keys.Ref] = keys.Version
		t.decrypt = newDecrypter(plugins, keys.Data)
	}
	if sub == nil {
		return t, nil
	}
	t.substitute, t.vars = sub, map[string]string{}
	var versions []uint64
	for _, in := range vars {
		t.inputs[in.Ref] = in.Version
		maps.Copy(t.vars, in.Data)
		versions = append(versions, in.Version)
	}
	maps.Copy(t.vars, sub.Vars)
	if !sub.Strict {
		if err := envsubst.CheckNames(t.vars); err != nil {
			return nil, err
		}
	}
	var err error
	t.stamp, err = json.Marshal([]any{sub, versions})
	return t, err
}

// line returns the line that is applied, and the sum that identifies it. For an encrypted line that is the sum of the
// ciphertext.
func (t *Transform) line(ctx context.Context, text []byte) (line []byte, sum agent.Sum, err error) {
	sum = agent.SumOf(text)
	if t == nil {
		return text, sum, nil
	}
	line = text
	if t.decrypt != nil && encrypted(text) {
		if line, err = t.decrypt.decrypt(ctx, text); err != nil {
			return nil, sum, err
		}
	}
	if t.substitute == nil || len(t.vars) == 0 && !t.substitute.Always {
		return line, sum, nil
	}
	replace := envsubst.Replace
	if !bytes.Equal(line, text) { // it was decrypted
		replace = envsubst.ReplaceSecret
	}
	replaced, err := replace(line, t.vars, t.substitute.Strict)
	if err != nil {
		return nil, sum, err
	}
	if !bytes.Equal(replaced, line) {
		sum = agent.SumOf(fmt.Appendf(nil, "%s\n%s", text, t.stamp))
	}
	return replaced, sum, nil
}

// lineBuilder concatenates the lines that are applied.
type lineBuilder struct {
	transform *Transform
	lines     []byte // empty without a transform: they are those of the blob
	offset    int
	number    int // of lines that were read
	limit     int // bytes that all lines may have after they were transformed
}

// appliedLine is a line that is applied. Its text is nil where the blob has an empty line.
type appliedLine struct {
	text   []byte
	sum    agent.Sum // identifies it
	offset int       // among all lines that are applied
	number int       // from 1
}

// next transforms a line of the blob.
func (b *lineBuilder) next(ctx context.Context, text []byte) (appliedLine, error) {
	start := b.offset
	if b.transform == nil {
		b.offset += len(text)
	}
	text = bytes.TrimRight(text, "\n")
	if len(bytes.TrimSpace(text)) == 0 {
		return appliedLine{}, nil
	}
	b.number++
	line, sum, err := b.transform.line(ctx, text)
	if err != nil {
		return appliedLine{}, fmt.Errorf("%s: %w", nameOf(text, b.number), err)
	}
	if b.transform != nil {
		if len(b.lines)+len(line) >= b.limit {
			return appliedLine{}, fmt.Errorf("%s: with it the objects are larger than %d MiB after decryption and "+
				"substitution: split the app, or shorten the variables", nameOf(text, b.number), b.limit>>20)
		}
		b.lines = append(append(b.lines, line...), '\n')
		b.offset = len(b.lines)
	}
	return appliedLine{line, sum, start, b.number}, nil
}

// finish gives a plan that is being read the lines that are applied, where they are not those of the blob.
func (b *lineBuilder) finish(p *Plan) {
	if b.transform != nil {
		p.applied, p.appliedSize, p.inputs = agent.Pack(b.lines), int64(len(b.lines)), b.transform.inputs
	}
}

// nameOf names the object of a line for people.
func nameOf(text []byte, number int) string {
	var l line
	if json.Unmarshal(text, &l) != nil || l.Kind == "" {
		return fmt.Sprintf("object %d of the app", number)
	}
	return l.ref().String()
}
