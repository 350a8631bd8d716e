package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// want is one object as a plan wants it.
type want struct {
	ref        protocol.ObjectRef
	apiVersion string
	line       Sum
	off, size  uint32 // where the line is among the lines
	keep       bool   // annotated to be left when it would be pruned
	loose      bool   // its kind was not known, so its namespace is a guess
}

// plan is the index of an app's blob. The lines themselves are kept compressed.
type plan struct {
	spec       protocol.App
	generation uint64
	packed     []byte
	wants      []want // in the order of applying
	defines    map[string][]Resource
	since      time.Time // when the bundle arrived; zero if it was stored
}

// lines decompresses the lines.
func (p *plan) lines() ([]byte, error) { return Unpack(p.packed, p.spec.Blob.Size) }

// lineOf is one of lines.
func (w *want) lineOf(lines []byte) []byte { return lines[w.off : w.off+w.size] }

// wanted says whether the plan wants an object.
func (p *plan) wanted(ref protocol.ObjectRef) bool {
	for i := range p.wants {
		if p.wants[i].ref == ref {
			return true
		}
	}
	return false
}

// same says whether two specs ask for the same objects in the same places.
func (p *plan) same(spec protocol.App) bool {
	return p != nil && spec.Blob != nil && p.spec.Blob.Digest == spec.Blob.Digest && p.spec.Namespace == spec.Namespace
}

// line is what is read of a line to index it.
type line struct {
	APIVersion string
	Kind       string
	Metadata   struct {
		Name, Namespace string
		Annotations     map[string]any
	}
	Spec json.RawMessage
}

// definition is what is read of a CustomResourceDefinition.
type definition struct {
	Group string
	Names struct{ Kind, Plural string }
	Scope string

	Versions []struct {
		Name   string
		Served bool
	}
}

// readPlan indexes lines. Namespaces are not known before place is called.
func readPlan(spec protocol.App, generation uint64, packed, lines []byte) (*plan, error) {
	p := &plan{spec: spec, generation: generation, packed: packed, wants: make([]want, 0, spec.Blob.Objects), defines: map[string][]Resource{}}
	interned := map[string]string{}
	intern := func(s string) string {
		if was, ok := interned[s]; ok {
			return was
		}
		interned[s] = s
		return s
	}
	off := 0
	for text := range bytes.Lines(lines) {
		start := off
		off += len(text)
		text = bytes.TrimRight(text, "\n")
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("object %d of the blob is no JSON object", len(p.wants)+1) // json's error might quote a secret
		}
		if err := l.check(); err != nil {
			return nil, err
		}
		w := want{apiVersion: intern(l.APIVersion), line: SumOf(text), off: uint32(start), size: uint32(len(text)),
			ref:  protocol.ObjectRef{Group: intern(fleet.GroupOf(l.APIVersion)), Kind: intern(l.Kind), Namespace: intern(l.Metadata.Namespace), Name: l.Metadata.Name},
			keep: l.Metadata.Annotations[fleet.AnnotationPrune] == fleet.PruneDisabled}
		if isDefinition(w.ref) {
			p.defines[w.ref.Name] = l.defines()
		}
		p.wants = append(p.wants, w)
	}
	if len(p.wants) != spec.Blob.Objects {
		return nil, fmt.Errorf("the blob has %d objects, its bundle says %d", len(p.wants), spec.Blob.Objects)
	}
	return p, nil
}

func isDefinition(ref protocol.ObjectRef) bool { return fleet.StageOf(ref) == fleet.StageDefinitions }

// check refuses what would name another object than it seems to in the API server's paths.
func (l *line) check() error {
	for _, part := range [...]string{l.APIVersion, l.Kind, l.Metadata.Name} {
		if part == "" {
			return errors.New("an object of the blob lacks apiVersion, kind or name")
		}
	}
	for _, part := range [...]string{l.Metadata.Name, l.Metadata.Namespace} {
		if strings.ContainsAny(part, "/%") || part == "." || part == ".." {
			return fmt.Errorf("an object of the blob has the name %.80q, which cannot be", part)
		}
	}
	if strings.Count(l.APIVersion, "/") > 1 || strings.ContainsAny(l.APIVersion, "%?#") || strings.Contains(l.APIVersion, "..") {
		return fmt.Errorf("an object of the blob has the apiVersion %.80q, which cannot be", l.APIVersion)
	}
	return nil
}

// defines are the kinds that a CustomResourceDefinition adds.
func (l *line) defines() []Resource {
	var d definition
	if json.Unmarshal(l.Spec, &d) != nil {
		return nil // the API server will say what is wrong with it
	}
	var out []Resource
	for _, v := range d.Versions {
		if v.Served {
			out = append(out, Resource{Group: d.Group, Version: v.Name, Kind: d.Names.Kind, Plural: d.Names.Plural, Namespaced: d.Scope == "Namespaced"})
		}
	}
	return out
}

// place gives every want its namespace, and orders them. resolve tells of kinds, also of those that are only
// going to be served.
func (p *plan) place(ctx context.Context, resolve func(ctx context.Context, apiVersion, kind string) (Resource, error)) error {
	seen := make(map[protocol.ObjectRef]bool, len(p.wants))
	for i := range p.wants {
		w := &p.wants[i]
		res, err := resolve(ctx, w.apiVersion, w.ref.Kind)
		switch {
		case ReasonOf(err) == ReasonKind:
			w.loose, res.Namespaced = true, true
		case err != nil:
			return err
		}
		w.ref.Namespace = p.namespace(res, w.ref)
		if seen[w.ref] {
			return fmt.Errorf("the app has %s twice: take one of them out of Git", w.ref)
		}
		seen[w.ref] = true
	}
	slices.SortFunc(p.wants, func(a, b want) int { return fleet.CompareApply(a.ref, b.ref) })
	return nil
}

// namespace is where an object of the app belongs.
func (p *plan) namespace(res Resource, ref protocol.ObjectRef) string {
	switch {
	case !res.Namespaced:
		return ""
	case ref.Namespace != "":
		return ref.Namespace
	case p.spec.Namespace != "":
		return p.spec.Namespace
	}
	return "default"
}
