package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Source is what a plan is read from.
type Source struct {
	Spec              protocol.App
	Epoch, Generation uint64    // of the bundle
	Received          time.Time // when the bundle arrived; zero for what was stored
	Packed            []byte    // the blob, compressed
	Lines             []byte    // and not
}

// Read indexes the lines of a blob as the transform changes them; t is nil if they are applied as the hub rendered
// them. The plan has to be placed before it is used: namespaces and the order are not known yet.
func Read(ctx context.Context, src Source, t *Transform) (*Plan, error) {
	blob := src.Spec.Blob
	r := reader{names: map[string]string{}, plan: &Plan{Digest: blob.Digest, Home: src.Spec.Namespace, Epoch: src.Epoch,
		Generation: src.Generation, spec: src.Spec, received: src.Received, packed: src.Packed, size: blob.Size,
		Wants:       make([]Want, 0, max(0, min(blob.Objects, bytes.Count(src.Lines, []byte("\n"))))),
		definitions: map[string][]agent.Resource{}}}
	out := lineBuilder{transform: t, limit: protocol.MaxBlob}
	for text := range bytes.Lines(src.Lines) {
		next, err := out.next(ctx, text)
		if err != nil {
			return nil, err
		}
		if next.text == nil {
			continue
		}
		if err := r.add(next); err != nil {
			return nil, err
		}
	}
	if r.lines != blob.Objects {
		return nil, fmt.Errorf("the blob has %d objects, its bundle says %d", r.lines, blob.Objects)
	}
	out.finish(r.plan)
	return r.plan, nil
}

// reader is a plan while its lines are read.
type reader struct {
	plan  *Plan
	lines int
	names map[string]string // each name once, however many objects share it
}

func (r *reader) intern(s string) string {
	if known, ok := r.names[s]; ok {
		return known
	}
	r.names[s] = s
	return s
}

// add indexes one line.
func (r *reader) add(next appliedLine) error {
	var l line
	r.lines++
	if err := json.Unmarshal(next.text, &l); err != nil {
		return fmt.Errorf("object %d of the blob is no JSON object", r.lines) // json's error might quote a secret
	}
	p := r.plan
	course, err := l.course()
	switch {
	case err != nil:
		p.Invalid = append(p.Invalid, fmt.Sprintf("object %d of the app %v", r.lines, err))
		return nil
	case course.Skip:
		return nil
	}
	w := r.want(&l, next, course)
	if course.Hook != nil {
		h := Hook{Want: w, Hook: *course.Hook}
		if w.Ref.Name == "" {
			h.generateName = l.Metadata.GenerateName
		}
		p.Hooks = append(p.Hooks, h)
		return nil
	}
	if fleet.HasAlias(w.Ref, l.StringData, l.Spec) {
		w.Line = canonical(w.Line)
	}
	p.steers = append(p.steers, steersOf(p.Home, w.Ref, l.Spec)...)
	if IsDefinition(w.Ref) {
		p.definitions[w.Ref.Name] = l.defines()
	}
	p.Wants = append(p.Wants, w)
	return nil
}

func (r *reader) want(l *line, next appliedLine, course fleet.Course) Want {
	t, ref := fleet.TreatmentOf(l.Metadata.Annotations, l.Metadata.Labels), l.ref()
	ref.Group, ref.Kind, ref.Namespace = r.intern(ref.Group), r.intern(ref.Kind), r.intern(ref.Namespace)
	return Want{Ref: ref, APIVersion: r.intern(l.APIVersion), Line: next.sum,
		offset: uint32(next.offset), length: uint32(len(next.text)), number: uint32(next.number),
		Keep: t.Keep, Mode: t.Mode, Recreate: t.Recreate, NamespaceOmitted: ref.Namespace == "",
		HasReplicas: l.hasReplicas(), Wave: course.Wave, After: course.After}
}

// canonical is the sum of a line that is applied as fleet.Canonical changes it. It differs from the line's own, by
// which older agents applied it unchanged, so the objects that they applied are applied once more.
func canonical(s agent.Sum) agent.Sum { return agent.SumOf(append(s[:], "canonical"...)) }
