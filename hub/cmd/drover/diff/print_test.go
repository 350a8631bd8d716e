package diff

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/difference"
	"github.com/drover-dev/drover/hub/difference/held"
)

// printed is a report in a format.
func printed(t *testing.T, o options, r *Report) string {
	t.Helper()
	var out strings.Builder
	if err := o.print(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// aReport has one change, of an image, in two clusters.
func aReport() *Report {
	g := inApp(difference.Changed, of(difference.Changed, "Deployment", "a", from(image, `"w:1"`, `"w:2"`)))
	g.Clusters = []string{"bern", "lima"}
	return &Report{Base: Revision{Hash: "1a2b3c4d5e6f", Subject: "add web"}, Clusters: 3, Changed: 2,
		Groups: []difference.Group{g},
		Errors: []Problem{}, Notes: []Problem{}}
}

func TestRevisionsAreNamedForPeople(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Revision{"the work tree": {}, "1a2b3c4d": {Hash: "1a2b3c4d5e6f"},
		"1a2b":               {Hash: "1a2b"},
		`1a2b3c4d "add web"`: {Hash: "1a2b3c4d5e6f", Subject: "add web"}} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A problem that many clusters have is one line; one that was there before is another one.
func TestAProblemIsSaidOnce(t *testing.T) {
	t.Parallel()
	var p problems
	for i := range 6 {
		p.add(fmt.Sprintf("c%d", i), "web", "it does not render", false)
	}
	p.add("c6", "web", "it does not render", true)
	p.add("c6", "db", "it does not render", false)
	p.add("", "", "a folder is no cluster's", false)
	p.add("", "", "a folder is no cluster's", false)
	want := []string{"app web: it does not render [c0, c1, c2 and 3 more]",
		"app web: it does not render (at the base, too) [c6]", "app db: it does not render [c6]", "a folder is no cluster's"}
	if got := problemLines(p.all); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// What would be held is said with the command, or the words in a commit, that let it through.
func TestWhatIsHeldHasARemedy(t *testing.T) {
	t.Parallel()
	loss := func(cluster, app, id string) held.Deletion {
		return held.Deletion{Cluster: cluster, App: app, ID: id, Count: 4, Had: 5, Why: []string{"more than half",
			"a volume"}}
	}
	h := Held{Deletions: []held.Deletion{loss("bern", "web", "d1"), loss("lima", "web", "d2"), loss("lima", "db", "d3")},
		Removals: []string{"oslo"},
		Waves: []held.Wave{
			{Policy: "p", Wave: "early", Place: 1, Of: 2, Apps: []string{"web"}, Clusters: []string{"bern"}},
			{Policy: "p", Wave: "rest", Place: 2, Of: 2, Waits: []string{"early is done", "ann approves"},
				Apps:     []string{"db", "web"},
				Clusters: []string{"lima", "oslo"}},
			{Policy: "q", Of: 1, Waits: []string{"no wave has them"}, Apps: []string{"web"}, Clusters: []string{"bern"}}},
		Manual: map[string][]string{"Application b": {"lima"}, "Application a": {"bern", "lima"}}}
	const remedy = " when the hub shows its id in `drover status`, or write into the commit's message: " +
		"Drover-Deletions: approved (WHY)"
	want := []string{
		"the deletion budget would hold 4 of 5 objects of app web in bern, lima: more than half, and a volume; let it " +
			"through " +
			"with `drover approve`" + remedy,
		"the deletion budget would hold 4 of 5 objects of app db in lima: more than half, and a volume; let it through " +
			"with `drover approve d3`" + remedy,
		"the removal of 1 cluster would wait for a person (oslo): let it through with `drover approve`" + remedy,
		"p, wave 1 of 2 (early), would begin at once with app web of 1 cluster (bern)",
		"p, wave 2 of 2 (rest), would hold 2 apps (db, web) of 2 clusters (lima, oslo): early is done, and ann approves",
		"q holds app web of 1 cluster (bern): no wave has them",
		"Application a is released by a person in 2 clusters (bern, lima): `drover status` shows the id for `drover approve`",
		"Application b is released by a person in 1 cluster (lima): `drover status` shows the id for `drover approve`",
	}
	if got := h.lines(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := (Held{}).lines(); got != nil {
		t.Errorf("nothing is held: %q", got)
	}
}

// A terminal is shown the first of many, with how many there are and what shows the others.
func TestTextIsCutAndSaysSo(t *testing.T) {
	t.Parallel()
	g := inApp(difference.Changed)
	g.Settings = []difference.FieldChange{from("prune", "true", "false")}
	for i := range maxObjects + 2 {
		o := of(difference.Changed, "ConfigMap", fmt.Sprintf("o%02d", i))
		for j := range maxFields + 1 {
			o.Fields = append(o.Fields, from(fmt.Sprintf("data.k%d", j), "1", "2"))
		}
		g.Objects = append(g.Objects, o)
	}
	r := aReport()
	for range maxGroups + 1 {
		r.Groups = append(r.Groups, g)
	}
	short, long := printed(t, options{output: formatText}, r), printed(t, options{output: formatText, verbose: true}, r)
	for _, want := range []string{"2 clusters: app web: image w 1 -> 2\n  in bern, lima\n  ~ Deployment/shop/a\n     " +
		" " + image +
		": \"w:1\" -> \"w:2\"\n\n", "\n  ~ prune: true -> false\n", "\n2 other changes: --verbose and -o json have all\n",
		"\n    2 other objects: --verbose has all\n", "\n      1 other field: --verbose has all\n",
		"\n42 changes in 2 of 3 clusters, between 1a2b3c4d \"add web\" and the work tree\n"} {
		if !strings.Contains(short, want) {
			t.Errorf("it lacks %q:\n%s", want, short)
		}
	}
	if n := strings.Count(short, "ConfigMap/shop/o"); n != (maxGroups-1)*maxObjects {
		t.Errorf("there are %d objects", n)
	}
	if strings.Contains(long, "other") || strings.Count(long, "ConfigMap/shop/o11") != maxGroups+1 ||
		strings.Count(long, "data.k5: 1 -> 2") != (maxGroups+1)*(maxObjects+2) {
		t.Errorf("--verbose leaves something out: %d characters", len(long))
	}
}

// Errors and notes come after the changes, below a heading that is not there without any.
func TestTextHasSections(t *testing.T) {
	t.Parallel()
	r := aReport()
	r.Groups, r.Changed = nil, 0
	if got := printed(t, options{output: formatText}, r); got != "no difference in 3 clusters, between 1a2b3c4d \"add "+
		"web\" and the work tree\n" {
		t.Errorf("without a difference: %q", got)
	}
	r.Errors, r.Notes = []Problem{{Text: "it\x1b[2J is\nbad", App: "web"}}, []Problem{{Text: "who knows"}}
	r.Held.Removals = []string{"bern"}
	got := printed(t, options{output: formatText}, r)
	if !strings.HasPrefix(got, "Held:\n  the removal of 1 cluster ") ||
		!strings.Contains(got, "\n\nErrors:\n  app web: it [2J is bad\n\nNotes:\n  who knows\n\nno difference in ") {
		t.Errorf("%q", got)
	}
}

// --full prints what differs as a diff of one cluster, and hands on why it cannot.
func TestFullPrintsAllLines(t *testing.T) {
	t.Parallel()
	r := aReport()
	r.full = func(difference.Group) ([]difference.ObjectDiff, error) {
		return []difference.ObjectDiff{{Object: "Deployment/shop/a", Text: "@@ -1,1 +1,1 @@\n-a: `1`\n+a: ```2\n"},
			{Object: "Pod/shop/b"}}, nil
	}
	const all = "--- bern/Deployment/shop/a\n+++ bern/Deployment/shop/a\n@@ -1,1 +1,1 @@\n-a: `1`\n+a: ```2\n" +
		"--- bern/Pod/shop/b\n+++ bern/Pod/shop/b\n"
	if got := printed(t, options{output: formatText, full: true}, r); !strings.Contains(got,
		"  in bern, lima\n"+all+"\n") {
		t.Errorf("as text:\n%s", got)
	}
	if got := printed(t, options{output: formatMarkdown, full: true}, r); !strings.Contains(got,
		"\n````diff\n"+all+"````\n") {
		t.Errorf("as Markdown:\n%s", got)
	}
	r.full = func(difference.Group) ([]difference.ObjectDiff, error) { return nil, errors.New("a blob is gone") }
	for _, output := range []string{formatText, formatMarkdown} {
		var out strings.Builder
		if err := (&options{output: output, full: true}).print(&out, r); err == nil || err.Error() != "a blob is gone" ||
			out.Len() > 0 {
			t.Errorf("%s: %v, %q", output, err, out.String())
		}
	}
}

// Scripts are given lists where there is nothing, whole names, and nothing that moves a terminal.
func TestDataIsWholeAndVisible(t *testing.T) {
	t.Parallel()
	r := aReport()
	r.Groups[0].App, r.Errors = "w\x1b[2Jeb\u202e", []Problem{{Text: strings.Repeat("x", 5000), Clusters: []string{"a",
		"b", "c", "d", "e"}}}
	text := printed(t, options{output: formatYAML}, r)
	fromYAML, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for format, data := range map[string]string{formatJSON: printed(t, options{output: formatJSON}, r),
		formatYAML: string(fromYAML)} {
		var back Report
		if err := json.Unmarshal([]byte(data), &back); err != nil || len(back.Errors) != 1 ||
			len(back.Errors[0].Text) != 5000 ||
			len(back.Errors[0].Clusters) != 5 || back.Groups[0].App != "w\ufffd[2Jeb\ufffd" || back.Head.Hash != "" {
			t.Errorf("%s: %v, %+v", format, err, back)
		}
		if !strings.Contains(data, `"notes":[]`) && !strings.Contains(data, `"notes": []`) {
			t.Errorf("%s has no list where there is none: %s", format, data)
		}
	}
	if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, `\e`) {
		t.Errorf("YAML moves the terminal: %q", text)
	}
}

// hostile are texts of others that mean something to a forge or a terminal.
var hostile = []string{"</details>", "@everyone", "#1", "<img src=x>", "[a](http://b)", "```\nx\n```", "\x1b[2J",
	"a\r\nb", "**b**",
	strings.Repeat("`", 3000), strings.Repeat("<", 3000), strings.Repeat("ä", 3000), "\xff\xfe"}

// A comment is as long as a forge takes and closes all that it opens, whatever names and values there are.
func TestCommentsFitWhateverIsInThem(t *testing.T) {
	t.Parallel()
	for _, count := range []int{1, 60, 3000} {
		r := aReport()
		r.Groups = nil
		for i := range count {
			text := hostile[i%len(hostile)]
			quoted, _ := json.Marshal(text)
			o := of(difference.Changed, "ConfigMap", "x", from("data."+text, string(quoted), ""))
			o.Object.Name = text
			g := inApp(difference.Changed, o)
			g.App = text
			for j := range 60 {
				g.Clusters = append(g.Clusters, fmt.Sprintf("c%d", j))
			}
			r.Groups = append(r.Groups, g)
			r.Errors = append(r.Errors, Problem{App: text, Text: text, Clusters: []string{text}})
			r.Notes = append(r.Notes, Problem{Text: text})
		}
		got := printed(t, options{output: formatMarkdown}, r)
		if len(got) > maxMarkdown || !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\r") ||
			!strings.HasPrefix(got, marker) {
			t.Errorf("%d: it has %d bytes", count, len(got))
		}
		prose, open := 0, ""
		for line := range strings.Lines(got) {
			line = strings.TrimSuffix(line, "\n")
			if fence := strings.TrimSuffix(line, "diff"); open == "" && len(fence) >= 3 && strings.Trim(fence, "`") == "" {
				open = fence
			} else if line == open {
				open = ""
			} else if open == "" {
				prose += strings.Count(line, "<details>") - strings.Count(line, "</details>")
				rest := strings.NewReplacer(marker[:len(marker)-1], "", "<details><summary>", "", "</summary>", "",
					"</details>", "").Replace(line)
				if strings.ContainsAny(rest, "<>@[") {
					t.Errorf("%d: a line means something: %.200q", count, rest)
				}
			}
		}
		if prose != 0 || open != "" {
			t.Errorf("%d: %d details and the fence %.9q are not closed", count, prose, open)
		}
		if has := strings.Contains(got, "Left out, because a comment may not be longer: the details of "); has &&
			count == 1 || !has && count == 3000 {
			t.Errorf("%d: that something is left out is said: %t", count, has)
		}
		if count > maxLines && !strings.Contains(got, fmt.Sprintf("- and %d more: `drover diff -o json` has all\n",
			count-maxLines)) &&
			!strings.Contains(got, " more: `drover diff -o json` has all\n") {
			t.Errorf("%d: a list is cut without a word", count)
		}
	}
}

// A fence is longer than any run of backticks within it.
func TestFencesAreLongEnough(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 3, "a`b``c": 3, "```": 4, "`` ` ```` `": 5, strings.Repeat("`", 100): 101} {
		if got := fenceFor(text); len(got) != want || strings.Contains(text, got) {
			t.Errorf("%q: %q", text, got)
		}
	}
}
