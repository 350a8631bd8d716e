package findings

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

// TestWhatIsFoundTwiceIsOneFinding, of as many clusters as have it, in their order.
func TestWhatIsFoundTwiceIsOneFinding(t *testing.T) {
	t.Parallel()
	f := New()
	note := fleet.Note{File: "a/b.yaml", Line: 2, Object: "App web", Field: "spec.x", Text: "not done"}
	f.Note(Note, "eu", "web", note)
	f.Note(Note, "eu", "web", note)
	f.Note(Note, "us", "web", note)
	f.Note(Note, "us", "db", note)
	f.Note(Unused, "", "", fleet.Note{File: "old"})
	f.Text("us", "", "a/b.yaml:7: App web: wrong")
	f.Text("us", "", "a/b.yaml: wrong: again")
	f.Text("", "", "at http://a/b: no file")
	f.Sort()
	want := []Finding{
		{Severity: Error, Text: "at http://a/b: no file"},
		{Severity: Error, File: "a/b.yaml", Text: "wrong: again", Clusters: []string{"us"}},
		{Severity: Error, File: "a/b.yaml", Line: 7, Text: "App web: wrong", Clusters: []string{"us"}},
		{Severity: Note, File: "a/b.yaml", Line: 2, Object: "App web", Field: "spec.x", Text: "not done", App: "web",
			Clusters: []string{"eu", "us"}},
		{Severity: Note, File: "a/b.yaml", Line: 2, Object: "App web", Field: "spec.x", Text: "not done", App: "db",
			Clusters: []string{"us"}},
		{Severity: Unused, File: "old"},
	}
	if !reflect.DeepEqual(f.All, want) {
		t.Errorf("found %+v\nwant  %+v", f.All, want)
	}
	if !f.Wrong() || f.Count() != "3 errors, 2 notes and 1 unused" {
		t.Errorf("wrong %t, %s", f.Wrong(), f.Count())
	}
	if got := f.All[3].String(); got != "note   a/b.yaml:2: App web: spec.x: not done [eu, us]" {
		t.Errorf("a line %q", got)
	}
	if f := New(); f.Wrong() || f.Count() != "0 errors, 0 notes and 0 unused" {
		t.Errorf("of nothing: wrong %t, %s", f.Wrong(), f.Count())
	}
}

// TestWhatIsFoundInACluster: its problems and notes, and those of its apps.
func TestWhatIsFoundInACluster(t *testing.T) {
	t.Parallel()
	f := New()
	res := resolve.Resolution{Cluster: model.Cluster{Name: "eu", Problems: []string{"a/b.yaml:1: broken"},
		Notes: []fleet.Note{{Text: "c"}}}}
	res.Apps = []resolve.AppResult{{App: model.App{Name: "web", Notes: []fleet.Note{{Text: "d"}}}, Err: "e"}, {App: model.App{Name: "db"}}}
	f.Resolution(res)
	want := []Finding{{Severity: Error, File: "a/b.yaml", Line: 1, Text: "broken", Clusters: []string{"eu"}},
		{Severity: Note, Text: "c", Clusters: []string{"eu"}}, {Severity: Error, Text: "e", App: "web", Clusters: []string{"eu"}},
		{Severity: Note, Text: "d", App: "web", Clusters: []string{"eu"}}}
	if !reflect.DeepEqual(f.All, want) {
		t.Errorf("found %+v\nwant  %+v", f.All, want)
	}
}

// TestFindingsAsJSON are a list, also of nothing.
func TestFindingsAsJSON(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]*List{"[]\n": New(),
		"[\n  {\n    \"severity\": \"note\",\n    \"text\": \"a\",\n    \"clusters\": [\n      \"eu\"\n    ]\n  " +
			"}\n]\n": func() *List {
			f := New()
			f.Note(Note, "eu", "", fleet.Note{Text: "a"})
			return f
		}()} {
		var out strings.Builder
		if err := f.Print(&out, JSON, false); err != nil || out.String() != want || !json.Valid([]byte(out.String())) {
			t.Errorf("%q, %v, want %q", out.String(), err, want)
		}
	}
}
