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

// cook makes of a line of the blob the line that is applied, where the hub could not because only the cluster has what it takes:
// keys, and variables.
type cook struct {
	taken   map[protocol.VarsRef]uint64 // the inputs, by version
	decrypt *decrypter                  // nil if nothing is encrypted
	vars    map[string]string
	sub     *protocol.Substitution // nil if nothing is replaced
	// stamp stands for the variables that go into a line, in place of what their values are: the sum of a line is stored, and a sum of
	// few possible values would tell which.
	stamp []byte
}

// cookFor prepares what an app's lines are made by; nil if they are applied as the hub made them. An error is *lacking where an input is
// not there that has to be.
func (s *session) cookFor(ctx context.Context, a *app, spec protocol.App, blob []byte) (*cook, error) {
	c := &cook{taken: map[protocol.VarsRef]uint64{}}
	if spec.Decrypt != nil && anyEncrypted(blob) {
		if err := s.takeKeys(ctx, a, spec, c); err != nil {
			return nil, err
		}
	}
	if spec.Substitute != nil {
		if err := s.takeVars(ctx, a, spec, c); err != nil {
			return nil, err
		}
	}
	if c.decrypt == nil && c.sub == nil {
		return nil, nil
	}
	return c, nil
}

// takeKeys reads the keys of an app. Those that are the agent's own are for apps that have the agent's own rights: a tenant could have
// anything decrypted with them that stands in Git.
func (s *session) takeKeys(ctx context.Context, a *app, spec protocol.App, c *cook) error {
	access := accessOf(spec.Handling)
	if spec.Decrypt.Secret == "" && access.Account != "" {
		return fmt.Errorf("objects of it are encrypted, and it names no Secret with keys: the agent's own are not for an app that is applied "+
			"with the rights of a service account (%s): name one that this account may read", access.Account)
	}
	ref := keysOf(spec.Decrypt, s.namespace)
	data, version, err := s.supply(ctx, a, access, ref)
	if err != nil {
		return err
	}
	if version == 0 {
		return &lacking{ref, "the keys with which its objects are decrypted"}
	}
	c.taken[ref] = version
	c.decrypt = &decrypter{plugins: s.plugins, keys: make(map[string][]byte, len(data))}
	for k, v := range data {
		c.decrypt.keys[k] = []byte(v)
	}
	return nil
}

// takeVars reads the variables of an app.
func (s *session) takeVars(ctx context.Context, a *app, spec protocol.App, c *cook) error {
	c.sub, c.vars = spec.Substitute, map[string]string{}
	var versions []uint64
	for _, ref := range spec.Substitute.From {
		optional := ref.Optional
		ref.Optional = false
		data, version, err := s.supply(ctx, a, accessOf(spec.Handling), ref)
		switch {
		case err != nil:
			return err
		case version == 0 && !optional:
			return &lacking{ref, "variables"}
		}
		c.taken[ref] = version
		maps.Copy(c.vars, data)
		versions = append(versions, version)
	}
	maps.Copy(c.vars, spec.Substitute.Vars)
	if !spec.Substitute.Strict {
		if err := envsubst.CheckNames(c.vars); err != nil {
			return err
		}
	}
	var err error
	c.stamp, err = json.Marshal([]any{spec.Substitute, versions})
	return err
}

// line gives the line that is applied, and the sum that it is known by: of what is encrypted that of the ciphertext.
func (c *cook) line(ctx context.Context, text []byte) (line []byte, sum Sum, err error) {
	sum = SumOf(text)
	if c == nil {
		return text, sum, nil
	}
	line = text
	if c.decrypt != nil && encrypted(text) {
		if line, err = c.decrypt.decrypt(ctx, text); err != nil {
			return nil, sum, err
		}
	}
	if c.sub == nil || len(c.vars) == 0 && !c.sub.Always {
		return line, sum, nil
	}
	replace := envsubst.Replace
	if !bytes.Equal(line, text) { // it was decrypted
		replace = envsubst.ReplaceSecret
	}
	replaced, err := replace(line, c.vars, c.sub.Strict)
	if err != nil {
		return nil, sum, err
	}
	if !bytes.Equal(replaced, line) {
		sum = SumOf(fmt.Appendf(nil, "%s\n%s", text, c.stamp))
	}
	return replaced, sum, nil
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
func (l *lineup) next(ctx context.Context, text []byte) (line []byte, sum Sum, start int, err error) {
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
	line, sum, err = l.cook.line(ctx, text)
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
