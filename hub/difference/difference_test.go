package difference

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// shelf is content by the digests of blobs.
type shelf map[string][]Object

func (s shelf) Objects(a protocol.App) ([]Object, error) {
	objects, known := s[a.Blob.Digest]
	if !known {
		return nil, fmt.Errorf("there is no blob %s", a.Blob.Digest)
	}
	return objects, nil
}

func (s shelf) Owned(a protocol.App) (out []deletions.Owned, err error) {
	objects, err := s.Objects(a)
	for _, o := range objects {
		meta, _ := o.Fields["metadata"].(map[string]any)
		annotations, _ := meta["annotations"].(map[string]any)
		if annotations["hook"] == nil {
			out = append(out, deletions.Owned{Ref: o.Ref, Keep: annotations["keep"] != nil})
		}
	}
	return out, err
}

// app puts objects of YAML-like JSON on the shelf, and gives an app of them.
func (s shelf) app(t *testing.T, name string, objects ...string) protocol.App {
	t.Helper()
	var list []Object
	for _, text := range objects {
		var m map[string]any
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		list = append(list, Object{fleet.RefOf(m), m})
	}
	digest := fmt.Sprintf("%x", strings.Join(objects, "\n"))
	s[digest] = list
	return protocol.App{Name: name, Prune: true, Blob: &protocol.Blob{Digest: digest, Objects: len(list)}}
}

func bundle(apps ...protocol.App) *protocol.Bundle { return &protocol.Bundle{Cluster: "c", Apps: apps} }

func configMap(name, value string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"namespace":"n"},"data":{"k":%q}}`,
		name,
		value)
}

func same(key string) string { return key }

// told is what a comparison says, in short.
func told(changes []ClusterChange) (out []string) {
	for _, c := range changes {
		out = append(out, fmt.Sprintf("%s %s", c.App, c.Action))
		for _, s := range c.Settings {
			out = append(out, fmt.Sprintf("%s: %s -> %s", s.Path, s.Before, s.After))
		}
		for _, o := range c.Objects {
			text := fmt.Sprintf("  %s %s", o.Action, o.Object.Name)
			if o.From != "" || o.To != "" {
				text += fmt.Sprintf(" (%s>%s)", o.From, o.To)
			}
			if o.Masked > 0 {
				text += fmt.Sprintf(" masked=%d", o.Masked)
			}
			for _, f := range o.Fields {
				text += fmt.Sprintf(" %s: %s -> %s", f.Path, f.Before, f.After)
			}
			out = append(out, text)
		}
	}
	return out
}

func TestCompare(t *testing.T) {
	t.Parallel()
	deployment := func(image, extra string) string {
		return `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"n"},"spec":{"replicas":` +
			extra + `,"template":{"spec":{"containers":[{"name":"side","image":"side:1"},` +
			`{"name":"web","image":"` + image + `"}]}}}}`
	}
	const hashed, other = "cfg-2456789bcd", "cfg-fghkmt2456"
	kept := strings.Replace(configMap("kept", "1"), `"name"`, `"annotations":{"keep":"1"},"name"`, 1)
	hook := strings.Replace(configMap("hook", "1"), `"name"`, `"annotations":{"hook":"1"},"name"`, 1)
	s := shelf{}
	app := func(name string, objects ...string) protocol.App { return s.app(t, name, objects...) }
	with := func(a protocol.App, edit func(*protocol.App)) protocol.App {
		edit(&a)
		return a
	}
	failed := func(a *protocol.App) { a.Error = "it does not render" }
	for name, c := range map[string]struct {
		before, after *protocol.Bundle
		want          []string
	}{
		"nothing": {bundle(app("web", configMap("a", "1"))), bundle(app("web", configMap("a", "1"))), nil},
		"a field": {bundle(app("web", configMap("a", "1"))), bundle(app("web", configMap("a", "2"))),
			[]string{"web changed", `  changed a data.k: "1" -> "2"`}},
		"images come first": {bundle(app("web", deployment("web:1", "1"))), bundle(app("web", deployment("web:2", "3"))),
			[]string{"web changed", `  changed web spec.template.spec.containers[web].image: "web:1" -> "web:2" ` +
				`spec.replicas: 1 -> 3`}},
		"added and deleted": {bundle(app("web", configMap("a", "1"))), bundle(app("web", configMap("b", "1"))),
			[]string{"web changed", "  deleted a", "  added b"}},
		"without pruning": {bundle(app("web", configMap("a", "1"))), bundle(with(app("web"), func(a *protocol.App) {
			a.Prune = false
		})), []string{"web changed", "prune: true -> ", "  left a"}},
		"what is never pruned": {bundle(app("web", kept)), bundle(app("web")), []string{"web changed", "  left kept"}},
		"a hook":               {bundle(app("web", hook)), bundle(app("web")), []string{"web changed", "  unhooked hook"}},
		"an app":               {bundle(), bundle(app("web", configMap("a", "1"))), []string{"web added", "  added a"}},
		"an app that goes":     {bundle(app("web", configMap("a", "1"))), bundle(), []string{"web removed", "  deleted a"}},
		"an app that is orphan": {bundle(with(app("web", configMap("a", "1")), func(a *protocol.App) { a.Orphan = true })),
			bundle(), []string{"web removed", "  left a"}},
		"an app that fails": {bundle(app("web", configMap("a", "1"))), bundle(with(app("web"), failed)), nil},
		"an app that is missing where others may be": {bundle(app("web", configMap("a", "1"))),
			&protocol.Bundle{Incomplete: "a file cannot be read"}, nil},
		"an app that failed before": {bundle(protocol.App{Name: "web", Error: "x"}), bundle(app("web", configMap("a", "1"))),
			nil},
		"a generated name": {bundle(app("web", configMap(hashed, "1"))), bundle(app("web", configMap(other, "2"))),
			[]string{"web changed", "  renamed " + other + " (" + hashed + `>) data.k: "1" -> "2"`}},
		"a move": {bundle(app("a", configMap("x", "1"), configMap("y", "1")), app("b")),
			bundle(app("a", configMap("y", "1")), app("b", configMap("x", "2"))),
			[]string{"b changed", `  moved x (a>) data.k: "1" -> "2"`}},
		"an app under another name": {bundle(app("a", configMap("x", "1"))), bundle(app("b", configMap("x", "1"))),
			[]string{"a removed", "b added", "  moved x (a>)"}},
		"an object that two apps declared": {bundle(app("a", configMap("x", "1")), app("b", configMap("x", "1"))),
			bundle(app("a"), app("b", configMap("x", "1"))), []string{"a changed", "  moved x (>b)"}},
		"settings": {bundle(app("web")), bundle(with(app("web"), func(a *protocol.App) { a.Suspend, a.Timeout = true, 60 })),
			[]string{"web changed", "suspend:  -> true", "timeout:  -> 60"}},
		"the cluster": {&protocol.Bundle{}, &protocol.Bundle{Suspend: true}, []string{" changed", "suspend:  -> true"}},
		"the cluster, where it cannot be read": {&protocol.Bundle{Suspend: true}, &protocol.Bundle{FlagsUnknown: "x"},
			nil},
	} {
		got, err := NewComparer(s, same).Cluster(c.before, c.after)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if said := told(got); !slices.Equal(said, c.want) {
			t.Errorf("%s: got\n  %q\nwant\n  %q", name, said, c.want)
		}
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, after, want string }{
		"the same":         {`{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, ""},
		"absent, and null": {`{}`, `{"a":null}`, `a:  -> null`},
		"another type":     {`{"a":{"b":1}}`, `{"a":[1]}`, `a: {"b":1} -> [1]`},
		"a list by place":  {`{"a":[1,2]}`, `{"a":[1,3,4]}`, `a[1]: 2 -> 3 a[2]:  -> 4`},
		"a list by name": {`{"a":[{"name":"x"},{"name":"y","v":1}]}`, `{"a":[{"name":"y","v":2}]}`,
			`a[x]: {"name":"x"} ->  a[y].v: 1 -> 2`},
		"another order": {`{"a":[{"name":"x"},{"name":"y"}]}`, `{"a":[{"name":"y"},{"name":"x"}]}`,
			`a[order]: ["x","y"] -> ["y","x"]`},
		"names that repeat": {`{"a":[{"name":"x","v":1},{"name":"x","v":2}]}`,
			`{"a":[{"name":"x","v":1},{"name":"x","v":3}]}`, `a[1].v: 2 -> 3`},
		"keys with dots": {`{"a":{"b.c/d":1}}`, `{"a":{"b.c/d":2}}`, `a["b.c/d"]: 1 -> 2`},
		"signs of HTML":  {`{"a":"<"}`, `{"a":"&"}`, `a: "<" -> "&"`},
		"encrypted": {`{"a":"ENC[AES256_GCM,data:x]","b":"1"}`, `{"a":"ENC[AES256_GCM,data:y]","b":"ENC[z]"}`,
			`a: "(not shown)" -> "(not shown)" b: "(not shown)" -> "(not shown)"`},
	} {
		var before, after any
		if json.Unmarshal([]byte(c.before), &before) != nil || json.Unmarshal([]byte(c.after), &after) != nil {
			t.Fatal(name)
		}
		var got []string
		fields, _ := fieldsOf(before, after)
		for _, f := range fields {
			got = append(got, fmt.Sprintf("%s: %s -> %s", f.Path, f.Before, f.After))
		}
		if said := strings.Join(got, " "); said != c.want {
			t.Errorf("%s: got %s, want %s", name, said, c.want)
		}
	}
}

func secret(data string) string {
	return `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"n","annotations":{` +
		`"kubectl.kubernetes.io/last-applied-configuration":"hidden-0"}},` + data + `}`
}

// TestNothingSecretIsShown: of Secrets only the keys are told that differ, in whatever form their data are.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after string
		masked        int
	}{
		"values": {`"data":{"a":"hidden-1","b":"hidden-2","c":"hidden-3"}`,
			`"data":{"a":"hidden-1","b":"hidden-4","d":"hidden-5"}`, 3},
		"strings":        {`"stringData":{"a":"hidden-1"}`, `"stringData":{"a":"hidden-2"}`, 1},
		"another field":  {`"data":{"a":"hidden-1"}`, `"stringData":{"a":"hidden-1"}`, 2},
		"no map":         {`"data":"hidden-1"`, `"data":["hidden-2"]`, 1},
		"values no text": {`"data":{"a":{"x":"hidden-1"}}`, `"data":{"a":["hidden-2"]}`, 1},
		"the same":       {`"data":{"a":"hidden-1"}`, `"data":{"a":"hidden-1"},"type":"x"`, 0},
	} {
		s := shelf{}
		before, after := s.app(t, "web", secret(c.before)), s.app(t, "web", secret(c.after))
		comparer := NewComparer(s, same)
		changes, err := comparer.Cluster(bundle(before), bundle(after))
		if err != nil || len(changes) != 1 || len(changes[0].Objects) != 1 || changes[0].Objects[0].Masked != c.masked {
			t.Fatalf("%s: %v, %v", name, told(changes), err)
		}
		for _, sides := range [][2]*protocol.Bundle{{bundle(before), bundle(after)}, {bundle(), bundle(after)},
			{bundle(before), bundle()}} {
			changes, err := comparer.Cluster(sides[0], sides[1])
			if err != nil {
				t.Fatal(err)
			}
			g := NewGrouping()
			g.Add("c", changes)
			full, err := comparer.Full(g.Groups()[0])
			if err != nil || len(full) == 0 {
				t.Fatal(full, err)
			}
			data, err := json.Marshal(g.Groups())
			if said := string(data) + fmt.Sprint(full); err != nil || strings.Contains(said, "hidden") {
				t.Errorf("%s: a value is shown: %s", name, said)
			}
		}
	}
}

// world makes fleets at random.
type world struct {
	*testing.T
	*rand.Rand
	shelf shelf
}

func (w world) object() string {
	return configMap(string(rune('a'+w.IntN(5))), fmt.Sprint(w.IntN(3)))
}

func (w world) bundle() *protocol.Bundle {
	b := bundle()
	taken := map[string]bool{}
	for _, name := range []string{"one", "two", "three"} {
		if w.IntN(4) == 0 {
			continue
		}
		var objects []string
		for range w.IntN(5) {
			o := w.object()
			if key, _, _ := strings.Cut(o, "data"); !taken[key] { // an object is in one app of a cluster
				taken[key] = true
				objects = append(objects, o)
			}
		}
		a := w.shelf.app(w.T, name, objects...)
		a.Prune, a.Suspend = w.IntN(3) > 0, w.IntN(5) == 0
		b.Apps = append(b.Apps, a)
	}
	return b
}

func (w world) shuffled(b *protocol.Bundle) *protocol.Bundle {
	out := *b
	out.Apps = slices.Clone(b.Apps)
	w.Shuffle(len(out.Apps), func(i, j int) { out.Apps[i], out.Apps[j] = out.Apps[j], out.Apps[i] })
	for i := range out.Apps {
		blob := *out.Apps[i].Blob
		objects := slices.Clone(w.shelf[blob.Digest])
		w.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		blob.Digest += "-shuffled"
		w.shelf[blob.Digest] = objects
		out.Apps[i].Blob = &blob
	}
	return &out
}

// objectsIn are all objects of a bundle.
func (w world) objectsIn(b *protocol.Bundle) map[protocol.ObjectRef]Object {
	out := map[protocol.ObjectRef]Object{}
	for _, a := range b.Apps {
		for _, o := range w.shelf[a.Blob.Digest] {
			out[o.Ref] = o
		}
	}
	return out
}

// TestComparisonsAreComplete: of two bundles at random, an object is told of if and only if it differs, and what is
// deleted is in no app any more.
func TestComparisonsAreComplete(t *testing.T) {
	t.Parallel()
	w := world{t, rand.New(rand.NewPCG(3, 4)), shelf{}}
	for range 3000 {
		before, after := w.bundle(), w.bundle()
		comparer := NewComparer(w.shelf, same)
		changes, err := comparer.Cluster(before, after)
		if err != nil {
			t.Fatal(err)
		}
		was, is := w.objectsIn(before), w.objectsIn(after)
		toldOf := map[protocol.ObjectRef]ObjectChange{}
		for _, c := range changes {
			for _, o := range c.Objects {
				if _, twice := toldOf[o.Object]; twice {
					t.Fatalf("%s is told of twice in %q", o.Object, told(changes))
				}
				toldOf[o.Object] = o
			}
		}
		for ref, o := range was {
			now, stays := is[ref]
			said, differs := toldOf[ref]
			switch {
			case !stays && said.Action != Deleted && said.Action != Left:
				t.Fatalf("%s is gone, and told is %q", ref, told(changes))
			case stays && (said.Action == Deleted || said.Action == Left):
				t.Fatalf("%s stays, and told is %q", ref, told(changes))
			case stays && !reflect.DeepEqual(o.Fields, now.Fields) && (!differs || len(said.Fields) == 0):
				t.Fatalf("%s differs, and told is %q", ref, told(changes))
			}
		}
		for ref := range is {
			if _, was := was[ref]; !was && toldOf[ref].Action != Added {
				t.Fatalf("%s is new, and told is %q", ref, told(changes))
			}
		}
		if again, err := comparer.Cluster(after, w.shuffled(after)); err != nil || len(again) > 0 {
			t.Fatalf("a bundle differs from itself: %q, %v", told(again), err)
		}
		mixed, err := comparer.Cluster(w.shuffled(before), w.shuffled(after))
		if err != nil || !reflect.DeepEqual(told(mixed), told(changes)) {
			t.Fatalf("in another order: %q, want %q (%v)", told(mixed), told(changes), err)
		}
	}
}

// TestGroupingLosesNothing: every change of every cluster is in one group, whatever the order in which clusters come.
func TestGroupingLosesNothing(t *testing.T) {
	t.Parallel()
	w := world{t, rand.New(rand.NewPCG(5, 6)), shelf{}}
	for range 200 {
		bases := []*protocol.Bundle{w.bundle(), w.bundle()}
		heads := []*protocol.Bundle{w.bundle(), w.bundle()}
		comparer := NewComparer(w.shelf, same)
		all := map[string][]ClusterChange{}
		var names []string
		for i := range 20 {
			name := fmt.Sprintf("c%02d", i)
			changes, err := comparer.Cluster(bases[w.IntN(2)], heads[w.IntN(2)])
			if err != nil {
				t.Fatal(err)
			}
			all[name], names = changes, append(names, name)
		}
		grouped := func() []Group {
			w.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			g := NewGrouping()
			for _, name := range names {
				g.Add(name, all[name])
			}
			return g.Groups()
		}
		groups := grouped()
		if again := grouped(); !reflect.DeepEqual(groups, again) {
			t.Fatalf("in another order: %+v, want %+v", again, groups)
		}
		found := map[string][]string{}
		for _, g := range groups {
			if !slices.IsSorted(g.Clusters) || len(g.Clusters) != len(slices.Compact(slices.Clone(g.Clusters))) {
				t.Fatalf("the clusters of a group are %v", g.Clusters)
			}
			for _, name := range g.Clusters {
				found[name] = append(found[name], told([]ClusterChange{{Change: g.Change}})...)
			}
		}
		for name, changes := range all {
			got, want := slices.Sorted(slices.Values(found[name])), slices.Sorted(slices.Values(told(changes)))
			if !slices.Equal(got, want) {
				t.Fatalf("of %s the groups say %q, want %q", name, got, want)
			}
		}
	}
}

// TestEqualContentIsComparedOnce: what many clusters have is read once.
func TestEqualContentIsComparedOnce(t *testing.T) {
	t.Parallel()
	s := shelf{}
	before, after := bundle(s.app(t, "web", configMap("a", "1"))), bundle(s.app(t, "web", configMap("a", "2")))
	reads := counting{shelf: s, n: new(int)}
	comparer := NewComparer(reads, same)
	g := NewGrouping()
	for i := range 100 {
		changes, err := comparer.Cluster(before, after)
		if err != nil {
			t.Fatal(err)
		}
		g.Add(fmt.Sprint(i), changes)
	}
	if groups := g.Groups(); len(groups) != 1 || len(groups[0].Clusters) != 100 || *reads.n != 2 {
		t.Errorf("%d groups, content was read %d times", len(groups), *reads.n)
	}
}

type counting struct {
	shelf
	n *int
}

func (c counting) Objects(a protocol.App) ([]Object, error) {
	*c.n++
	return c.shelf.Objects(a)
}

func TestFull(t *testing.T) {
	t.Parallel()
	s := shelf{}
	comparer := NewComparer(s, same)
	changes, err := comparer.Cluster(bundle(s.app(t, "web", configMap("a", "1"), configMap("b", "ENC[x]"))),
		bundle(s.app(t, "web", configMap("a", "2"), configMap("b", "ENC[y]"))))
	if err != nil {
		t.Fatal(err)
	}
	g := NewGrouping()
	g.Add("c", changes)
	full, err := comparer.Full(g.Groups()[0])
	if err != nil || len(full) != 2 || full[0].Object != "ConfigMap/n/a" || strings.Contains(full[1].Text, "ENC") ||
		full[0].Text != "@@ -1,6 +1,6 @@\n apiVersion: v1\n data:\n-  k: \"1\"\n+  k: \"2\"\n kind: ConfigMap\n "+
			"metadata:\n   name: a\n" {
		t.Errorf("%v: %+v", err, full)
	}
}
