package ask

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/query/ask"
	"github.com/drover-dev/drover/fleet/query/why"
)

// A hub of another release, or none at all, neither holds the command up nor ends it with a trace.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]any{"why": why.Answer{}, "images": 7, "apps": func(string, int) any {
		p := page(ask.AppGroup{App: "web"})
		p.Continue, p.Total = "again", 9
		return p
	}})
	for _, format := range []string{"table", "name", "json"} {
		d.fails(false, "the hub's answer about \"bern\" names no cause", "why", "bern", "-o", format)
	}
	d.fails(false, "the hub gives the same page again, after 1 of 9", "apps")
	d.says("APP  CLUSTERS  HEALTHY  PENDING  VERSIONS\nweb  0         0        0        -\n… of 9: go on with "+
		"--continue \"again\"\n",
		"apps", "--limit", "1")
	d.fails(false, "", "images")
}

// Rows are sorted by what a field holds: numbers as numbers, what is missing first, and equal ones stay in their order.
func TestRowsAreSorted(t *testing.T) {
	t.Parallel()
	row := func(name string, n any) map[string]any { return map[string]any{"name": name, "n": n} }
	for path, want := range map[string]string{
		".n":       "c a d b", // nothing, 2, 10 and 10
		"n":        "c a d b",
		"{.n}":     "c a d b",
		".name":    "a b c d",
		".nothing": "d b a c",
		"{.n}{.x}": "c a d b",
	} {
		rows := []map[string]any{row("d", 10), row("b", 10), row("a", 2), {"name": "c"}}
		if err := sortBy(rows, path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		var got []string
		for _, r := range rows {
			got = append(got, r["name"].(string))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %s", path, got, want)
		}
	}
	rows := []map[string]any{row("d", 1)}
	if err := sortBy(rows, "{.a["); err == nil || !strings.HasPrefix(err.Error(), "--sort-by: ") {
		t.Errorf("a path that is none: %v", err)
	}
}

// Names and messages of others move no terminal, in any format for people or scripts.
func TestNothingInAnAnswerMovesTheTerminal(t *testing.T) {
	t.Parallel()
	p := page(ask.ClusterRow{Row: query.Row{Name: "be\x1b[2Jrn\u202e\r\n", Message: strings.Repeat("x\x07", 5000)}})
	d := newDesk(t, map[string]any{"clusters": p, "why": why.Answer{Chain: []why.Link{{Subject: "a\x1b", Message: "b\nc"}},
		Do: why.Action{Text: "d\x1b", Command: "e\r", File: "f\x9b"}, Also: []string{"g\x1b\nh"}}})
	for _, format := range []string{"table", "wide", "name", "json", "yaml", "jsonpath={.items[0].name}",
		"go-template={{(index .items 0).name}}"} {
		out, err := d.run("clusters", "-o", format)
		if err != nil || out == "" || strings.ContainsAny(out, "\x1b\x07\r\u202e") {
			t.Errorf("%s: %v: %.100q", format, err, out)
		}
	}
	if out, err := d.run("clusters", "-o", "name"); err != nil || strings.Count(out, "\n") != 1 {
		t.Errorf("a name is several lines: %q, %v", out, err)
	}
	d.says("a : b c\n\nWhat to do: d\n  run   e\n  file  f\ufffd\n\nWrong, too:\n  g  h\n", "why", "bern")
}

// What was counted is said with the most frequent first; of many the first are named.
func TestCountsAreInWords(t *testing.T) {
	t.Parallel()
	many := map[string]int{}
	for _, name := range strings.Fields("a b c d e f g") {
		many[name] = 1
	}
	for want, counts := range map[string]map[string]int{"": nil, "nothing (2)": {"": 2},
		"b (2), a (1), c (1)":                          {"c": 1, "a": 1, "b": 2},
		"a (1), b (1), c (1), d (1), e (1) and 2 more": many} {
		if got := counted(counts); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for want, u := range map[string]ask.Uses{"": {}, "a, b": {Clusters: 2, Sample: []string{"a", "b"}},
		"a and 1 more": {Clusters: 2, Sample: []string{"a"}},
		"a/x, b/y (pending)": {Clusters: 9, Places: []ask.Place{{Cluster: "a", App: "x", Applied: true}, {Cluster: "b",
			App: "y"}}}} {
		if got := where(u); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := []string{first(nil), first([]string{"a"}), first([]string{"a", "b"}), plural(1, "x"), plural(0,
		"x")}; !slices.Equal(got,
		[]string{"", "a", "a", "x", "xs"}) {
		t.Errorf("%q", got)
	}
}
