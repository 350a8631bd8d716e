package findings

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet"
)

func found(notes ...func(*List)) *List {
	f := New()
	for _, n := range notes {
		n(f)
	}
	return f
}

func one(severity, cluster string, n fleet.Note) func(*List) {
	return func(f *List) { f.Note(severity, cluster, "", n) }
}

func manual(i int) fleet.Note {
	return fleet.Note{File: "apps/all.yaml", Line: 10 * i, Object: fmt.Sprintf("Application argocd/a%d", i),
		Field: "spec.syncPolicy", Text: "synced by hand"}
}

func TestLintFoldsWhatIsEqual(t *testing.T) {
	t.Parallel()
	var many []func(*List)
	for i := 1; i <= 92; i++ {
		many = append(many, one(Note, "edge", manual(i)), one(Note, "hub", manual(i)))
	}
	for name, c := range map[string]struct {
		found *List
		want  []string
	}{
		"nothing": {found(), nil},
		"three have a line each": {found(many[:6]...), []string{
			"note   apps/all.yaml:10: Application argocd/a1: spec.syncPolicy: synced by hand [edge, hub]",
			"note   apps/all.yaml:20: Application argocd/a2: spec.syncPolicy: synced by hand [edge, hub]",
			"note   apps/all.yaml:30: Application argocd/a3: spec.syncPolicy: synced by hand [edge, hub]"}},
		"four are one line": {found(many[:8]...), []string{
			"note   spec.syncPolicy: synced by hand (4 times: Application argocd/a1, Application argocd/a2, Application " +
				"argocd/a3 and 1 more; the first at apps/all.yaml:10) [edge, hub]"}},
		"92 are one line, after what is an error": {found(append(many, one(Error, "c1", fleet.Note{File: "x/y.yaml",
			Text: "no kind"}))...), []string{
			"error  x/y.yaml: no kind [c1]",
			"note   spec.syncPolicy: synced by hand (92 times: Application argocd/a1, Application argocd/a2, Application " +
				"argocd/a3 and 89 more; the first at apps/all.yaml:10) [edge, hub]"}},
	} {
		var out strings.Builder
		if err := c.found.Print(&out, Text, false); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), strings.Join(append(c.want, ""), "\n"); got != want {
			t.Errorf("%s: got\n%swant\n%s", name, got, want)
		}
		out.Reset()
		if err := c.found.Print(&out, Text, true); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "\n"); got != len(c.found.All) {
			t.Errorf("%s: %d lines with --verbose, want one for each of %d findings", name, got, len(c.found.All))
		}
	}
}

func TestLintFitsAScreen(t *testing.T) {
	t.Parallel()
	f := found()
	for i := 1; i <= 40; i++ {
		one(Error, "a", fleet.Note{File: "e.yaml", Line: i, Text: fmt.Sprint("wrong ", i)})(f)
		one(Note, "a", fleet.Note{File: "n.yaml", Line: i, Text: fmt.Sprint("ignored ", i)})(f)
	}
	for i := 1; i <= 5; i++ {
		one(Note, "a", manual(i))(f)
	}
	var out strings.Builder
	if err := f.Print(&out, Text, false); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 32 {
		t.Fatalf("%d lines for 85 findings, want 15 of each severity and how many more there are:\n%s", len(lines),
			out.String())
	}
	if lines[0] != "error  e.yaml:1: wrong 1 [a]" || lines[15] != "error  … and 25 more; --verbose shows all" {
		t.Errorf("errors begin with %q and end with %q", lines[0], lines[15])
	}
	if !strings.Contains(lines[16], "(5 times: ") || lines[31] != "note   … and 26 more; --verbose shows all" {
		t.Errorf("notes begin with %q and end with %q, want the folded ones first", lines[16], lines[31])
	}
}

func TestLintAnnotatesPullRequests(t *testing.T) {
	t.Parallel()
	f := found(one(Error, "a", fleet.Note{File: "apps/a,b:c.yaml", Line: 3, Object: "App web",
		Text: "50 % is\nno number"}),
		one(Note, "a", fleet.Note{Object: "App web", Field: "spec.x", Text: "not done"}),
		one(Unused, "", fleet.Note{File: "old", Text: "no cluster reads it"}))
	var out strings.Builder
	if err := f.Print(&out, GitHub, false); err != nil {
		t.Fatal(err)
	}
	want := `::error file=apps/a%2Cb%3Ac.yaml,line=3,title=drover lint%3A error::App web: 50 %25 is%0Ano number [a]
::notice title=drover lint%3A note::App web: spec.x: not done [a]
::warning file=old,title=drover lint%3A unused::no cluster reads it
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestLintWritesSARIF(t *testing.T) {
	t.Parallel()
	f := found(one(Error, "a", fleet.Note{File: "apps/a b.yaml", Line: 3, Object: "App web", Text: "wrong"}),
		one(Note, "a", fleet.Note{Text: "not done"}))
	var out strings.Builder
	if err := f.Print(&out, SARIF, false); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID, Level string
				Message       struct{ Text string }
				Locations     []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           *struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(out.String()), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || len(log.Runs[0].Tool.Driver.Rules) != 3 ||
		len(log.Runs[0].Results) != 2 {
		t.Fatalf("got %s", out.String())
	}
	r := log.Runs[0].Results[0]
	if r.RuleID != "error" || r.Level != "error" || r.Message.Text != "App web: wrong [a]" || len(r.Locations) != 1 {
		t.Fatalf("the error is %+v", r)
	}
	if at := r.Locations[0].PhysicalLocation; at.ArtifactLocation.URI != "apps/a%20b.yaml" || at.Region == nil ||
		at.Region.StartLine != 3 {
		t.Errorf("the error is at %+v", at)
	}
	if r := log.Runs[0].Results[1]; r.Level != "note" || r.Locations != nil {
		t.Errorf("the note is %+v, want it without a place", r)
	}
}
