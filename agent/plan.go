package agent

import (
	"bytes"
	"cmp"
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
	nth        uint32 // which line of the blob it is made of, from 1
	keep       bool   // annotated to be left when it would be pruned
	loose      bool   // its kind was not known, so its namespace is a guess
	bare       bool   // the line names no namespace
	recreate   bool   // it is made anew where a field that cannot be changed did
	scaled     bool   // the line says how many replicas it has, which an autoscaler may change
	mode       fleet.Mode
	wave       int
	after      []protocol.ObjectRef // must be current before it is applied
}

// plan is the index of an app's blob. The lines themselves are kept compressed.
type plan struct {
	spec       protocol.App // guarded by the session's mutex; what follows does not change
	digest     string
	home       string // the namespace of objects that name none
	size       int64
	epoch      uint64 // with generation: of the bundle it is from
	generation uint64
	packed     []byte                      // the blob's lines as the hub made them
	cooked     []byte                      // the lines that are applied, where they are others; packed, and never stored
	cookedSize int64                       // of these lines
	taken      map[protocol.VarsRef]uint64 // the inputs that they were made with, by version
	handling   protocol.Handling           // by which they were made
	flaws      []string                    // objects that cannot be applied by anybody
	outside    []protocol.ObjectRef        // objects that this agent may not touch
	wants      []want                      // in the order of applying
	hooks      []hookWant                  // in the order in which they are done
	defines    map[string][]Resource
	steers     []steer
	since      time.Time                    // when the bundle arrived; zero if it was stored
	index      map[protocol.ObjectRef]*want // wants by object, of former content; see find
	rules      map[protocol.ObjectRef][]int // see ignored; guarded by the session's mutex
}

// later says whether p is from a later bundle than other.
func (p *plan) later(other *plan) bool {
	return order(p.epoch, p.generation, other.epoch, other.generation) > 0
}

// lines decompresses the lines that are applied.
func (p *plan) lines() ([]byte, error) {
	if p.cooked != nil {
		return Unpack(p.cooked, p.cookedSize)
	}
	return p.raw()
}

// raw decompresses the lines as the hub made them.
func (p *plan) raw() ([]byte, error) { return Unpack(p.packed, p.size) }

// lineOf is one of lines.
func (w *want) lineOf(lines []byte) []byte { return lines[w.off : w.off+w.size] }

// wanted says whether the plan wants an object.
func (p *plan) wanted(ref protocol.ObjectRef) bool {
	if p == nil {
		return false
	}
	for i := range p.wants {
		if p.wants[i].ref == ref {
			return true
		}
	}
	return false
}

// same says whether two specs ask for the same objects in the same places.
func (p *plan) same(spec protocol.App) bool {
	return p != nil && spec.Blob != nil && p.digest == spec.Blob.Digest && p.home == spec.Namespace && sameMaking(p.handling, spec.Handling)
}

// line is what is read of a line to index it.
type line struct {
	APIVersion string
	Kind       string
	Metadata   struct {
		Name, Namespace string
		GenerateName    string
		Annotations     map[string]any
		Labels          map[string]any
	}
	Spec       json.RawMessage
	StringData json.RawMessage // of a Secret
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

// readPlan indexes the lines of a blob as c makes them. Namespaces are not known before place is called.
func readPlan(ctx context.Context, spec protocol.App, generation uint64, packed, blob []byte, c *cook) (*plan, error) {
	p := &plan{spec: spec, digest: spec.Blob.Digest, home: spec.Namespace, size: spec.Blob.Size, generation: generation, packed: packed, handling: spec.Handling,
		wants: make([]want, 0, spec.Blob.Objects), defines: map[string][]Resource{}}
	interned := map[string]string{}
	intern := func(s string) string {
		if was, ok := interned[s]; ok {
			return was
		}
		interned[s] = s
		return s
	}
	all, lines := lineup{cook: c}, 0
	for text := range bytes.Lines(blob) {
		text, sum, start, err := all.next(ctx, text)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("object %d of the blob is no JSON object", lines+1) // json's error might quote a secret
		}
		lines++
		course, err := l.course()
		if err != nil {
			p.flaws = append(p.flaws, fmt.Sprintf("object %d of the app %v", lines, err))
			continue
		}
		if course.Skip {
			continue
		}
		t := fleet.TreatmentOf(l.Metadata.Annotations, l.Metadata.Labels)
		w := want{apiVersion: intern(l.APIVersion), line: sum, off: uint32(start), size: uint32(len(text)), nth: uint32(all.read),
			ref:  protocol.ObjectRef{Group: intern(fleet.GroupOf(l.APIVersion)), Kind: intern(l.Kind), Namespace: intern(l.Metadata.Namespace), Name: l.Metadata.Name},
			keep: t.Keep, mode: t.Mode, recreate: t.Recreate, bare: l.Metadata.Namespace == "", scaled: l.scaled(), wave: course.Wave, after: course.After}
		if course.Hook != nil {
			p.hooks = append(p.hooks, hookWant{want: w, hook: *course.Hook, generate: l.Metadata.GenerateName})
			continue
		}
		if fleet.HasAlias(w.ref, l.StringData, l.Spec) {
			w.line = w.line.canonical()
		}
		p.steer(w.ref, l.Spec)
		if isDefinition(w.ref) {
			p.defines[w.ref.Name] = l.defines()
		}
		p.wants = append(p.wants, w)
	}
	if lines != spec.Blob.Objects {
		return nil, fmt.Errorf("the blob has %d objects, its bundle says %d", lines, spec.Blob.Objects)
	}
	all.finish(p)
	return p, nil
}

// canonical is the sum of a line that is applied as fleet.Canonical makes it. It differs from that of the line, by which agents before
// applied it as it was, so what they applied is applied once more.
func (s Sum) canonical() Sum { return SumOf(append(s[:], "canonical"...)) }

// scaled says whether the line has a number of replicas.
func (l *line) scaled() bool {
	var spec struct{ Replicas json.Number }
	return bytes.Contains(l.Spec, []byte(`"replicas"`)) && json.Unmarshal(l.Spec, &spec) == nil && spec.Replicas != ""
}

// course checks a line and reads what its annotations say of its place.
func (l *line) course() (fleet.Course, error) {
	c, err := fleet.CourseOf(l.Metadata.Annotations)
	if err != nil {
		return c, err
	}
	if c.Hook != nil && l.Metadata.Name == "" && l.Metadata.GenerateName != "" {
		named := *l
		named.Metadata.Name = l.Metadata.GenerateName + "x"
		return c, named.check()
	}
	return c, l.check()
}

func isDefinition(ref protocol.ObjectRef) bool { return fleet.StageOf(ref) == fleet.StageDefinitions }

// check refuses what would name another object than it seems to in the API server's paths.
func (l *line) check() error {
	for _, part := range [...]string{l.APIVersion, l.Kind, l.Metadata.Name} {
		if part == "" {
			return errors.New("lacks apiVersion, kind or name (generateName is not enough): correct it in Git")
		}
	}
	for _, part := range [...]string{l.Metadata.Name, l.Metadata.Namespace} {
		if strings.ContainsAny(part, "/%") || part == "." || part == ".." {
			return fmt.Errorf("has the name %.80q, which cannot be: correct it in Git", part)
		}
	}
	if strings.Count(l.APIVersion, "/") > 1 || strings.ContainsAny(l.APIVersion, "%?#") || strings.Contains(l.APIVersion, "..") {
		return fmt.Errorf("has the apiVersion %.80q, which cannot be: correct it in Git", l.APIVersion)
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
// going to be served. What is outside of scope is not wanted.
func (p *plan) place(ctx context.Context, resolve func(ctx context.Context, apiVersion, kind string) (Resource, error), scope Scope) error {
	seen := make(map[protocol.ObjectRef]bool, len(p.wants))
	unfit := map[int]bool{}
	p.outside = nil
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
			p.flaws = append(p.flaws, fmt.Sprintf("the app has %s twice: take one of them out of Git", w.ref))
			unfit[i] = true
		} else if scope.outside(w.ref) {
			p.outside = append(p.outside, w.ref)
			unfit[i] = true
		}
		seen[w.ref] = true
	}
	p.drop(unfit)
	slices.SortFunc(p.wants, func(a, b want) int { return compareOrder(a.wave, b.wave, a.ref, b.ref) })
	return p.placeHooks(ctx, resolve, scope, seen)
}

// compareOrder is the order of applying: by wave, then as fleet has it.
func compareOrder(waveA, waveB int, a, b protocol.ObjectRef) int {
	return cmp.Or(cmp.Compare(waveA, waveB), fleet.CompareApply(a, b))
}

// drop takes some of the wants out.
func (p *plan) drop(which map[int]bool) {
	if len(which) == 0 {
		return
	}
	rest := p.wants[:0]
	for i, w := range p.wants {
		if !which[i] {
			rest = append(rest, w)
		}
	}
	p.wants = rest
}

// namespace is where an object of the app belongs.
func (p *plan) namespace(res Resource, ref protocol.ObjectRef) string {
	switch {
	case !res.Namespaced:
		return ""
	case ref.Namespace != "":
		return ref.Namespace
	case p.home != "":
		return p.home
	}
	return "default"
}
