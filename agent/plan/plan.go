package plan

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

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Want is one object as a plan wants it.
type Want struct {
	Ref        protocol.ObjectRef
	APIVersion string
	Line       agent.Sum
	off, size  uint32 // where the line is among the lines
	nth        uint32 // which line of the blob it is made of, from 1
	Keep       bool   // annotated to be left when it would be pruned
	Loose      bool   // its kind was not known, so its namespace is a guess
	Bare       bool   // the line names no namespace
	Recreate   bool   // it is made anew where a field that cannot be changed did
	Scaled     bool   // the line says how many replicas it has, which an autoscaler may change
	Mode       fleet.Mode
	Wave       int
	After      []protocol.ObjectRef // must be current before it is applied
}

// Plan is the index of an app's blob. The lines themselves are kept compressed.
type Plan struct {
	Spec       protocol.App // guarded by the session's mutex; what follows does not change
	Digest     string
	Home       string // the namespace of objects that name none
	Size       int64
	Epoch      uint64 // with generation: of the bundle it is from
	Generation uint64
	Packed     []byte                      // the blob's lines as the hub made them
	cooked     []byte                      // the lines that are applied, where they are others; packed, and never stored
	cookedSize int64                       // of these lines
	Taken      map[protocol.VarsRef]uint64 // the inputs that they were made with, by version
	Handling   protocol.Handling           // by which they were made
	Flaws      []string                    // objects that cannot be applied by anybody
	Outside    []protocol.ObjectRef        // objects that this agent may not touch
	Wants      []Want                      // in the order of applying
	Hooks      []Hook                      // in the order in which they are done
	Defines    map[string][]agent.Resource
	Steers     []Steer
	Since      time.Time                    // when the bundle arrived; zero if it was stored
	index      map[protocol.ObjectRef]*Want // wants by object, of former content; see find
	Rules      map[protocol.ObjectRef][]int // see ignored; guarded by the session's mutex
}

// Later says whether p is from a later bundle than other.
func (p *Plan) Later(other *Plan) bool {
	return agent.Order(p.Epoch, p.Generation, other.Epoch, other.Generation) > 0
}

// Lines decompresses the lines that are applied.
func (p *Plan) Lines() ([]byte, error) {
	if p.cooked != nil {
		return agent.Unpack(p.cooked, p.cookedSize)
	}
	return p.Raw()
}

// Raw decompresses the lines as the hub made them.
func (p *Plan) Raw() ([]byte, error) { return agent.Unpack(p.Packed, p.Size) }

// LineOf is one of lines.
func (w *Want) LineOf(lines []byte) []byte { return lines[w.off : w.off+w.size] }

// Wanted says whether the plan wants an object.
func (p *Plan) Wanted(ref protocol.ObjectRef) bool {
	if p == nil {
		return false
	}
	for i := range p.Wants {
		if p.Wants[i].Ref == ref {
			return true
		}
	}
	return false
}

// Same says whether two specs ask for the same objects in the same places.
func (p *Plan) Same(spec protocol.App) bool {
	return p != nil && spec.Blob != nil && p.Digest == spec.Blob.Digest && p.Home == spec.Namespace && sameMaking(p.Handling, spec.Handling)
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

// Read indexes the lines of a blob as c makes them. Namespaces are not known before place is called.
func Read(ctx context.Context, spec protocol.App, generation uint64, packed, blob []byte, c *Cook) (*Plan, error) {
	p := &Plan{Spec: spec, Digest: spec.Blob.Digest, Home: spec.Namespace, Size: spec.Blob.Size, Generation: generation, Packed: packed, Handling: spec.Handling,
		Wants: make([]Want, 0, spec.Blob.Objects), Defines: map[string][]agent.Resource{}}
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
			p.Flaws = append(p.Flaws, fmt.Sprintf("object %d of the app %v", lines, err))
			continue
		}
		if course.Skip {
			continue
		}
		t := fleet.TreatmentOf(l.Metadata.Annotations, l.Metadata.Labels)
		w := Want{APIVersion: intern(l.APIVersion), Line: sum, off: uint32(start), size: uint32(len(text)), nth: uint32(all.read),
			Ref:  protocol.ObjectRef{Group: intern(fleet.GroupOf(l.APIVersion)), Kind: intern(l.Kind), Namespace: intern(l.Metadata.Namespace), Name: l.Metadata.Name},
			Keep: t.Keep, Mode: t.Mode, Recreate: t.Recreate, Bare: l.Metadata.Namespace == "", Scaled: l.scaled(), Wave: course.Wave, After: course.After}
		if course.Hook != nil {
			p.Hooks = append(p.Hooks, Hook{Want: w, Hook: *course.Hook, generate: l.Metadata.GenerateName})
			continue
		}
		if fleet.HasAlias(w.Ref, l.StringData, l.Spec) {
			w.Line = canonical(w.Line)
		}
		p.steer(w.Ref, l.Spec)
		if IsDefinition(w.Ref) {
			p.Defines[w.Ref.Name] = l.defines()
		}
		p.Wants = append(p.Wants, w)
	}
	if lines != spec.Blob.Objects {
		return nil, fmt.Errorf("the blob has %d objects, its bundle says %d", lines, spec.Blob.Objects)
	}
	all.finish(p)
	return p, nil
}

// canonical is the sum of a line that is applied as fleet.Canonical makes it. It differs from that of the line, by which agents before
// applied it as it was, so what they applied is applied once more.
func canonical(s agent.Sum) agent.Sum { return agent.SumOf(append(s[:], "canonical"...)) }

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

// IsDefinition says whether an object is a CustomResourceDefinition.
func IsDefinition(ref protocol.ObjectRef) bool { return fleet.StageOf(ref) == fleet.StageDefinitions }

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
func (l *line) defines() []agent.Resource {
	var d definition
	if json.Unmarshal(l.Spec, &d) != nil {
		return nil // the API server will say what is wrong with it
	}
	var out []agent.Resource
	for _, v := range d.Versions {
		if v.Served {
			out = append(out, agent.Resource{Group: d.Group, Version: v.Name, Kind: d.Names.Kind, Plural: d.Names.Plural, Namespaced: d.Scope == "Namespaced"})
		}
	}
	return out
}

// Place gives every want its namespace, and orders them. resolve tells of kinds, also of those that are only
// going to be served. What is outside of scope is not wanted.
func (p *Plan) Place(ctx context.Context, resolve func(ctx context.Context, apiVersion, kind string) (agent.Resource, error), scope agent.Scope) error {
	seen := make(map[protocol.ObjectRef]bool, len(p.Wants))
	unfit := map[int]bool{}
	p.Outside = nil
	for i := range p.Wants {
		w := &p.Wants[i]
		res, err := resolve(ctx, w.APIVersion, w.Ref.Kind)
		switch {
		case agent.ReasonOf(err) == agent.ReasonKind:
			w.Loose, res.Namespaced = true, true
		case err != nil:
			return err
		}
		w.Ref.Namespace = p.namespace(res, w.Ref)
		if seen[w.Ref] {
			p.Flaws = append(p.Flaws, fmt.Sprintf("the app has %s twice: take one of them out of Git", w.Ref))
			unfit[i] = true
		} else if scope.Outside(w.Ref) {
			p.Outside = append(p.Outside, w.Ref)
			unfit[i] = true
		}
		seen[w.Ref] = true
	}
	p.drop(unfit)
	slices.SortFunc(p.Wants, func(a, b Want) int { return CompareOrder(a.Wave, b.Wave, a.Ref, b.Ref) })
	return p.placeHooks(ctx, resolve, scope, seen)
}

// CompareOrder is the order of applying: by wave, then as fleet has it.
func CompareOrder(waveA, waveB int, a, b protocol.ObjectRef) int {
	return cmp.Or(cmp.Compare(waveA, waveB), fleet.CompareApply(a, b))
}

// drop takes some of the wants out.
func (p *Plan) drop(which map[int]bool) {
	if len(which) == 0 {
		return
	}
	rest := p.Wants[:0]
	for i, w := range p.Wants {
		if !which[i] {
			rest = append(rest, w)
		}
	}
	p.Wants = rest
}

// namespace is where an object of the app belongs.
func (p *Plan) namespace(res agent.Resource, ref protocol.ObjectRef) string {
	switch {
	case !res.Namespaced:
		return ""
	case ref.Namespace != "":
		return ref.Namespace
	case p.Home != "":
		return p.Home
	}
	return "default"
}
