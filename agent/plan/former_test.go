package plan

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

func only(t *testing.T, p *Plan, names ...string) *Plan {
	t.Helper()
	q, err := p.Only(func(w *Want) bool { return strings.Contains(strings.Join(names, " "), w.Ref.Name) })
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestFindIsByObjectAndLine(t *testing.T) {
	t.Parallel()
	crd := object("apiextensions.k8s.io/v1 CustomResourceDefinition", "d")
	p := planned(t, object("ConfigMap", "a"), object("ConfigMap", "b"), object("Unknown", "u"), crd,
		object("Job", "h", "drover.dev/hook", "Sync"))
	for name, p := range map[string]*Plan{"in force": p, "former": p.Former()} {
		for i := range p.Wants {
			w := &p.Wants[i]
			if p.Find(w.Ref, w.Line) != w {
				t.Errorf("%s: %s is not found", name, w.Ref)
			}
			if p.Find(w.Ref, agent.SumOf([]byte("other"))) != nil {
				t.Errorf("%s: %s is found by another line", name, w.Ref)
			}
			if got := p.Find(w.WithoutNamespace(), w.Line); (got == w) != (w.KindUnknown || w.Ref.Namespace == "") {
				t.Errorf("%s: %s without namespace: %v", name, w.Ref, got)
			}
		}
		if p.Find(protocol.ObjectRef{Kind: "ConfigMap", Namespace: "home", Name: "c"}, p.Wants[0].Line) != nil {
			t.Errorf("%s: an object is found that the plan does not have", name)
		}
	}
	if (*Plan)(nil).Find(p.Wants[0].Ref, p.Wants[0].Line) != nil {
		t.Error("something is found in no plan")
	}
	former := p.Former()
	equal(t, "former hooks", len(former.Hooks), 0)
	equal(t, "former definitions", len(former.definitions), 0)
	equal(t, "hooks", len(p.Hooks), 1)
}

// An object that the app has without a namespace wins over one of an unknown kind that may have none.
func TestFindPrefersTheExactReference(t *testing.T) {
	t.Parallel()
	exact, guess := protocol.ObjectRef{Kind: "K", Name: "a"}, protocol.ObjectRef{Kind: "K", Namespace: "n", Name: "a"}
	for _, wants := range [][]Want{{{Ref: exact}, {Ref: guess, KindUnknown: true}}, {{Ref: guess,
		KindUnknown: true}, {Ref: exact}}} {
		p := (&Plan{Wants: wants}).Former()
		equal(t, "found", p.Find(exact, agent.Sum{}).KindUnknown, false)
	}
}

func TestOnlyKeepsTheLinesOfItsObjects(t *testing.T) {
	t.Parallel()
	tr := substitution(t, protocol.Substitution{}, vars("v", 1, "a", "x"))
	for name, tr := range map[string]*Transform{"rendered": nil, "substituted": tr} {
		src := source("", object("ConfigMap", "c", "a", "${a}"), "", object("ConfigMap", "b"), object("ConfigMap",
			"a", "a", "${a}"))
		src.Spec.Blob.Objects = 3
		src.Spec.Handling = protocol.Handling{ServiceAccount: "n/a"}
		p := mustPlace(t, mustRead(t, src, tr))
		q := only(t, p, "a", "c")
		value := map[bool]string{true: "${a}", false: "x"}[tr == nil]
		equal(t, name, refs(q), []string{"ConfigMap/home/a", "ConfigMap/home/c"})
		equal(t, name+": lines", applied(t, q), []string{object("ConfigMap", "a", "a", value), object("ConfigMap",
			"c", "a", value)})
		raw, err := q.Raw()
		if err != nil {
			t.Fatal(err)
		}
		equal(t, name+": raw", string(raw), object("ConfigMap", "a", "a", "${a}")+"\n"+object("ConfigMap", "c", "a",
			"${a}")+"\n")
		equal(t, name+": size", q.size, int64(len(raw)))
		equal(t, name+": sum", q.Wants[0].Line, p.Find(q.Wants[0].Ref, q.Wants[0].Line).Line)
		equal(t, name+": where", []any{q.Home, q.Generation, q.Digest, q.Handling().ServiceAccount}, []any{"home",
			uint64(7), "", "n/a"})

		again := only(t, q, "c")
		equal(t, name+": reduced again", applied(t, again), []string{object("ConfigMap", "c", "a", value)})
		if raw, err = again.Raw(); err != nil {
			t.Fatal(err)
		}
		equal(t, name+": raw of that", string(raw), object("ConfigMap", "c", "a", "${a}")+"\n")
	}
}

func TestOnlyOfEverything(t *testing.T) {
	t.Parallel()
	p := planned(t, object("ConfigMap", "a"), object("ConfigMap", "b"))
	q := only(t, p, "a", "b")
	if q == p {
		t.Error("a plan with a digest is not reduced")
	}
	if only(t, q, "a", "b") != q {
		t.Error("what is reduced already is reduced once more")
	}
	if only(t, q, "a") == q || only(t, p, "none") != nil {
		t.Error("objects are kept that were not asked for")
	}
}

func TestOnlyTellsOfLinesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*Plan){
		"blob":    func(p *Plan) { p.packed = []byte("broken") },
		"applied": func(p *Plan) { p.applied = []byte("broken") },
	} {
		p := planned(t, object("ConfigMap", "a"))
		breaks(p)
		if q, err := p.Only(func(*Want) bool { return true }); err == nil || q != nil {
			t.Errorf("%s: got %v, %v", name, q, err)
		}
	}
}
