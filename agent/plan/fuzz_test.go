package plan

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// A blob is signed, and still a tenant's commit decides what its lines say: no line may end the agent, whatever it is.
func FuzzRead(f *testing.F) {
	for _, line := range []string{
		object("ConfigMap", "a") + "\n" + object("Namespace", "n"),
		object("Job", "h", "drover.dev/hook", "Sync", "drover.dev/sync-wave", "9") + "\n\n" + object("Unknown", "n/u"),
		`{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"a-","annotations":{"drover.dev/hook":"PreSync"}}}`,
		`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"a"},` +
			`"spec":{"versions":[{}]}}`,
		`{"apiVersion":"flagger.app/v1","kind":"Canary","metadata":{"name":"a"},` +
			`"spec":{"targetRef":{"kind":"Deployment","name":"d"}}}`,
		`{"apiVersion":[],"kind":"Secret","metadata":{"name":"a"},"data":{"k":"` + ciphertext + `"}}`,
		secret(ciphertext), object("ConfigMap", "a", "a", "${a}${b:-c}$${d}"), "kind: ConfigMap", "null",
		strings.Repeat("[", 999),
	} {
		f.Add([]byte(line), 1, false)
		f.Add([]byte(line), 2, true)
	}
	sub := protocol.Substitution{Always: true}
	tr, err := NewTransform(decrypts("aGk="), &keys, &sub, []Input{vars("v", 1, "a", "x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, lines []byte, objects int, transformed bool) {
		src := source()
		src.Lines, src.Packed = lines, agent.Pack(lines)
		src.Spec.Blob.Size, src.Spec.Blob.Objects = int64(len(lines)), objects
		with := map[bool]*Transform{true: tr}[transformed]
		start := time.Now()
		p, err := Read(t.Context(), src, with)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("reading %d bytes took %s", len(lines), took)
		}
		if err != nil {
			return
		}
		checkRead(t, p, objects)
		checkPlaced(t, p)
	})
}

// checkRead says what holds of everything that was read.
func checkRead(t *testing.T, p *Plan, objects int) {
	if len(p.Wants)+len(p.Hooks)+len(p.Invalid) > objects {
		t.Errorf("%d objects, %d hooks and %v of %d lines", len(p.Wants), len(p.Hooks), p.Invalid, objects)
	}
	lines, err := p.Lines()
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Wants {
		w := &p.Wants[i]
		if line := w.LineOf(lines); bytes.IndexByte(line, '\n') >= 0 || len(line) == 0 {
			t.Errorf("%s has the line %q", w.Ref, line)
		}
		if strings.ContainsAny(w.Ref.Name+w.Ref.Namespace,
			"/%") || w.Ref.Name == "" || w.Ref.Name == ".." || w.Ref.Kind == "" {
			t.Errorf("an object has the reference %q", w.Ref)
		}
	}
}

// checkPlaced says what holds of everything that was placed.
func checkPlaced(t *testing.T, p *Plan) {
	q := mustPlace(t, p)
	seen := map[protocol.ObjectRef]bool{}
	for i := range q.Wants {
		w := &q.Wants[i]
		if seen[w.Ref] || i > 0 && CompareOrder(q.Wants[i-1].Wave, w.Wave, q.Wants[i-1].Ref, w.Ref) >= 0 {
			t.Errorf("%s is there twice or out of order", w.Ref)
		}
		seen[w.Ref] = true
	}
	former, err := q.Only(func(w *Want) bool { return len(w.Ref.Name)%2 == 0 })
	if err != nil {
		t.Fatal(err)
	}
	if former != nil {
		equal(t, "line of former content", applied(t, former)[0], string(former.Wants[0].LineOf(must(former.Lines()))))
	}
	for i := range q.Hooks {
		if name := q.Hooks[i].Named("7-x.Sync").Name; name == "" {
			t.Errorf("the hook %s has no name", q.Hooks[i].Ref)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What a bundle says of its blob is no reason to allocate memory: the blob's lines are.
func TestReadAllocatesByTheLinesThatThereAre(t *testing.T) {
	src := source(object("ConfigMap", "a"))
	src.Spec.Blob.Objects = 1 << 40
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Read(t.Context(), src, nil); err == nil {
		t.Error("a blob with too few lines is accepted")
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes were allocated for one line", grown)
	}
}
