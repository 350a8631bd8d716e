package plan

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet/envsubst"
	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/opaque"
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

	values map[string]string // that are put in, by their tokens
	filled []byte            // as stamp, for values
	// secret: a Secret is among what is put in, so that nothing of a line that was changed may be told.
	secret bool
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
		t.secret = t.secret || in.Ref.Kind != "ConfigMap"
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

// WithOpaque is a transform, which may be nil, that puts opaque values in as well. inputs are the objects that they are
// taken from.
func (t *Transform) WithOpaque(of []protocol.Opaque, inputs []Input) (*Transform, error) {
	out := Transform{inputs: map[protocol.VarsRef]uint64{}}
	if t != nil {
		out = *t
	}
	data := map[protocol.VarsRef]map[string]string{}
	var versions []uint64
	for _, in := range inputs {
		data[in.Ref], out.inputs[in.Ref] = in.Data, in.Version
		out.secret = out.secret || in.Ref.Kind != "ConfigMap"
		versions = append(versions, in.Version)
	}
	out.values = map[string]string{}
	for _, o := range of {
		if o.Digest {
			continue
		}
		value, err := valueOf(o, data)
		if err != nil {
			return nil, err
		}
		out.values[o.Token] = value
	}
	plain := maps.Clone(out.values)
	for _, o := range of {
		if o.Digest {
			out.values[o.Token] = opaque.Digest(o.Token, plain)
		}
	}
	var err error
	out.filled, err = json.Marshal([]any{of, versions})
	return &out, err
}

// valueOf is an opaque value. No error quotes one.
func valueOf(o protocol.Opaque, data map[protocol.VarsRef]map[string]string) (value string, err error) {
	var of protocol.VarsRef
	vars := map[string]string{}
	for _, ref := range o.From {
		ref.Optional = false
		if v, ok := data[ref][o.Key]; ok {
			value, of, vars[o.Key] = v, ref, v
		}
	}
	if o.Template != "" {
		if value, err = envsubst.Text(o.Template, vars); err != nil {
			return "", fmt.Errorf("%s, which the chart is given, cannot be replaced: correct it in Git", o.Template)
		}
	} else if of.Name == "" {
		return "", fmt.Errorf("%s, which the chart is given, is in none of %v: add it there, or give it a value in Git",
			o.Key, o.From)
	}
	if err := opaque.Check(value); err != nil {
		return "", fmt.Errorf("%s of the %s cannot be put into what the chart made: %w; give it such a value, or have the "+
			"chart read a Secret itself", o.Key, cmp.Or(of, o.From[0]), err)
	}
	return value, nil
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
	if filled := opaque.Fill(line, t.values); len(t.values) > 0 && !bytes.Equal(filled, line) {
		// nothing else is replaced in what a chart made
		return filled, agent.SumOf(fmt.Appendf(nil, "%s\n%s", text, t.filled)), nil
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
	// rendered and changed are the lines of the blob that variables changed, before and after.
	rendered, changed [][]byte
	kept              [][]byte // the others that may name images
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
		b.note(text, line)
	}
	return appliedLine{line, sum, start, b.number}, nil
}

// finish gives a plan that is being read the lines that are applied, where they are not those of the blob.
func (b *lineBuilder) finish(p *Plan) {
	if b.transform != nil {
		p.applied, p.appliedSize, p.inputs = agent.Pack(b.lines), int64(len(b.lines)), b.transform.inputs
		p.Images = b.images()
	}
}

// note remembers a line for images.
func (b *lineBuilder) note(rendered, line []byte) {
	switch {
	case b.transform.secret || encrypted(rendered) || !bytes.Contains(line, []byte(`"image"`)):
	case bytes.Equal(rendered, line):
		b.kept = append(b.kept, line)
	default:
		b.rendered, b.changed = append(b.rendered, rendered), append(b.changed, line)
	}
}

// images are those of all lines, if variables changed any of them; otherwise the blob has them. They are not told where
// a Secret is among the variables, or an object is encrypted.
func (b *lineBuilder) images() []string {
	if slices.Equal(facts.ImagesOf(b.rendered), facts.ImagesOf(b.changed)) {
		return nil
	}
	images := facts.ImagesOf(slices.Concat(b.kept, b.changed))
	return images[:min(len(images), protocol.MaxImages)]
}

// nameOf names the object of a line for people.
func nameOf(text []byte, number int) string {
	var l line
	if json.Unmarshal(text, &l) != nil || l.Kind == "" {
		return fmt.Sprintf("object %d of the app", number)
	}
	return l.ref().String()
}
