package plan

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// source is what a plan of an app with these lines is read from.
func source(lines ...string) Source {
	text := []byte(strings.Join(lines, "\n") + "\n")
	blob := &protocol.Blob{Digest: "digest", Size: int64(len(text)), Objects: len(lines)}
	return Source{Spec: protocol.App{Name: "web", Namespace: "home", Revision: "r1", Blob: blob}, Epoch: 2,
		Generation: 7,
		Received:   time.Unix(9, 0), Packed: agent.Pack(text), Lines: text}
}

func mustRead(t *testing.T, src Source, tr *Transform) *Plan {
	t.Helper()
	p, err := Read(t.Context(), src, tr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kinds is a Resolver of a few kinds. Unknown is not served, and Broken cannot be looked up.
func kinds(_ context.Context, apiVersion, kind string) (agent.Resource, error) {
	switch kind {
	case "Unknown":
		return agent.Resource{}, &agent.Failure{Reason: agent.ReasonKind, Text: "not served"}
	case "Broken":
		return agent.Resource{}, &agent.Failure{Reason: agent.ReasonUnreachable, Text: "no answer"}
	case "Namespace", "ClusterRole", "CustomResourceDefinition":
		return agent.Resource{Kind: kind}, nil
	}
	return agent.Resource{Kind: kind, Namespaced: true}, nil
}

func mustPlace(t *testing.T, p *Plan, scope ...string) *Plan {
	t.Helper()
	q, err := p.Place(t.Context(), kinds, scope)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// planned is the placed plan of some lines.
func planned(t *testing.T, lines ...string) *Plan {
	t.Helper()
	return mustPlace(t, mustRead(t, source(lines...), nil))
}

// object is the line of an object with annotations, given as pairs, in a namespace if the name has one.
func object(kind, name string, annotations ...string) string {
	apiVersion, kind, ok := strings.Cut(kind, " ")
	if !ok {
		apiVersion, kind = "v1", apiVersion
	}
	namespace, name, ok := strings.Cut(name, "/")
	if !ok {
		namespace, name = "", namespace
	}
	meta := `"name":"` + name + `"`
	if namespace != "" {
		meta += `,"namespace":"` + namespace + `"`
	}
	var notes []string
	for i := 0; i < len(annotations); i += 2 {
		notes = append(notes, `"`+annotations[i]+`":"`+annotations[i+1]+`"`)
	}
	if len(notes) > 0 {
		meta = `"annotations":{` + strings.Join(notes, ",") + `},` + meta
	}
	return `{"apiVersion":"` + apiVersion + `","kind":"` + kind + `","metadata":{` + meta + `}}`
}

func refs(p *Plan) (out []string) {
	for _, w := range p.Wants {
		out = append(out, w.Ref.String())
	}
	return out
}

func hookRefs(p *Plan) (out []string) {
	for _, h := range p.Hooks {
		out = append(out, h.Ref.String())
	}
	return out
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestPlanKnowsWhatItWasReadFrom(t *testing.T) {
	t.Parallel()
	src := source(object("ConfigMap", "a"))
	src.Spec.Handling = protocol.Handling{KeepDrift: true}
	p := mustPlace(t, mustRead(t, src, nil))
	equal(t, "digest", p.Digest, "digest")
	equal(t, "home", p.Home, "home")
	equal(t, "epoch and generation", [2]uint64{p.Epoch, p.Generation}, [2]uint64{2, 7})
	equal(t, "spec", p.Spec(), src.Spec)
	equal(t, "handling", p.Handling(), src.Spec.Handling)
	equal(t, "received", p.Received(), src.Received)
	packed, size := p.Packed()
	equal(t, "packed", packed, src.Packed)
	equal(t, "size", size, src.Spec.Blob.Size)
	raw, err := p.Raw()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "raw", string(raw), string(src.Lines))
	for range p.Inputs() {
		t.Error("a plan without a transform has inputs")
	}
}

func TestPlanIsNotChangedByWhatIsMadeOfIt(t *testing.T) {
	t.Parallel()
	read := func() *Plan {
		return mustRead(t, source(object("ConfigMap", "b"), object("ConfigMap", "a"), object("Unknown", "c"),
			object("ConfigMap", "out/b"), object("ConfigMap", "b"), object("Pod", "h", "drover.dev/hook", "Sync")), nil)
	}
	p := read()
	mustPlace(t, p)
	mustPlace(t, p, "home")
	equal(t, "plan after Place", p, read())

	q, fresh := mustPlace(t, p), mustPlace(t, read())
	former, err := q.Only(func(w *Want) bool { return w.Ref.Name == "b" })
	if err != nil {
		t.Fatal(err)
	}
	former.Former()
	q.Former()
	q.Waves()
	equal(t, "plan after Only", q, fresh)
}

func TestLaterIsByEpochThenGeneration(t *testing.T) {
	t.Parallel()
	at := func(epoch, generation uint64) *Plan { return &Plan{Epoch: epoch, Generation: generation} }
	for _, c := range []struct {
		p, other *Plan
		want     bool
	}{
		{at(1, 2), at(1, 1), true}, {at(1, 1), at(1, 1), false}, {at(1, 1), at(1, 2), false},
		{at(2, 1), at(1, 9), true}, {at(1, 9), at(2, 1), false},
	} {
		equal(t, "later", c.p.Later(c.other), c.want)
	}
}

func TestSameAsksForTheSameObjectsInTheSamePlaces(t *testing.T) {
	t.Parallel()
	transformed := func(spec *protocol.App) { spec.Decrypt = &protocol.Decryption{Secret: "keys"} }
	for name, c := range map[string]struct {
		before, change func(*protocol.App)
		same           bool
	}{
		"nothing": {change: func(*protocol.App) {}, same: true},
		"flags": {change: func(s *protocol.App) { s.Prune, s.Revision, s.KeepDrift = true, "r2", true },
			same: true},
		"a service account": {change: func(s *protocol.App) { s.ServiceAccount = "a/b" }, same: true},
		"a service account that reads the inputs": {before: transformed,
			change: func(s *protocol.App) { transformed(s); s.ServiceAccount = "a/b" }},
		"the same inputs": {before: transformed, change: transformed, same: true},
		"a digest":        {change: func(s *protocol.App) { s.Blob = &protocol.Blob{Digest: "other"} }},
		"no blob":         {change: func(s *protocol.App) { s.Blob = nil }},
		"a namespace":     {change: func(s *protocol.App) { s.Namespace = "elsewhere" }},
		"variables":       {change: func(s *protocol.App) { s.Substitute = &protocol.Substitution{} }},
		"other variables": {before: func(s *protocol.App) { s.Substitute = &protocol.Substitution{Strict: true} },
			change: func(s *protocol.App) { s.Substitute = &protocol.Substitution{} }},
		"keys": {change: transformed},
		"a service account that reads variables": {before: func(s *protocol.App) { s.Substitute = &protocol.Substitution{} },
			change: func(s *protocol.App) { s.Substitute = &protocol.Substitution{}; s.ServiceAccount = "a/b" }},
	} {
		src := source(object("ConfigMap", "a"))
		if c.before != nil {
			c.before(&src.Spec)
		}
		p, spec := mustRead(t, src, nil), src.Spec
		spec.Handling = protocol.Handling{}
		c.change(&spec)
		equal(t, name, p.Same(spec), c.same)
	}
	if (*Plan)(nil).Same(protocol.App{Blob: &protocol.Blob{}}) {
		t.Error("no plan is the same as one")
	}
}

func TestIsDefinition(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{"CustomResourceDefinition": true, "APIService": false} {
		equal(t, kind, IsDefinition(protocol.ObjectRef{Group: "apiextensions.k8s.io", Kind: kind}), want)
	}
}

func TestWantOfAnUnknownKindIsAlsoThatWithoutNamespace(t *testing.T) {
	t.Parallel()
	guess := protocol.ObjectRef{Kind: "Unknown", Namespace: "home", Name: "a"}
	bare, other := guess, guess
	bare.Namespace, other.Namespace = "", "other"
	for _, unknown := range []bool{true, false} {
		p := &Plan{Wants: []Want{{Ref: guess, KindUnknown: unknown}}}
		p.Hooks = []Hook{{Want: p.Wants[0], Hook: fleet.Hook{}}}
		for ref, want := range map[protocol.ObjectRef]bool{guess: true, bare: unknown, other: false} {
			equal(t, "Wanted", p.Wanted(ref), want)
			equal(t, "Hooked", p.Hooked(ref), want)
		}
	}
	if p := (*Plan)(nil); p.Wanted(guess) || p.Hooked(guess) {
		t.Error("no plan wants something")
	}
}
