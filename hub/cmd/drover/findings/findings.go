// Package findings gathers what is wrong with a repository and what is not done, each thing once, and writes it for
// people
// and for other programs.
package findings

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/internal/shown"
)

// How bad a finding is: its Severity.
const (
	Error  = "error"  // something is not delivered as it is
	Note   = "note"   // something is asked for and not done
	Unused = "unused" // something is there and nobody asks for it
)

// Finding is one thing that lint found, in as many clusters as have it.
type Finding struct {
	Severity string   `json:"severity"`
	File     string   `json:"file,omitempty"` // repository path
	Line     int      `json:"line,omitempty"` // 1-based
	Object   string   `json:"object,omitempty"`
	Field    string   `json:"field,omitempty"`
	Text     string   `json:"text"`
	App      string   `json:"app,omitempty"`
	Clusters []string `json:"clusters,omitempty"`
}

// String is the finding in a line.
func (f Finding) String() string {
	text := fleet.Note{File: f.File, Line: f.Line, Object: f.Object, Field: f.Field, Text: f.Text}.String()
	if len(f.Clusters) > 0 {
		text += " [" + Some(f.Clusters) + "]"
	}
	return fmt.Sprintf("%-6s %s", f.Severity, text)
}

// List gathers what was found, each thing once.
type List struct {
	All []Finding
	at  map[string]int // in All, by everything but the clusters
	// Shown are the names that people are shown of the apps.
	Shown *shown.Names
}

// New is a list of nothing.
func New() *List { return &List{at: map[string]int{}, Shown: shown.New()} }

// Show replaces the keys of apps by the names that people are shown, when all clusters are known.
func (f *List) Show() {
	for i := range f.All {
		x := &f.All[i]
		x.App, x.Object, x.Text = f.Shown.Name(x.App), f.Shown.Text(x.Object), f.Shown.Text(x.Text)
	}
}

// Wrong says whether there is an error.
func (f *List) Wrong() bool {
	return slices.ContainsFunc(f.All, func(x Finding) bool { return x.Severity == Error })
}

// Count says how many things were found, by how bad they are.
func (f *List) Count() string {
	n := map[string]int{}
	for _, x := range f.All {
		n[x.Severity]++
	}
	return fmt.Sprintf("%d %s, %d %s and %d unused", n[Error], show.Plural(n[Error], Error), n[Note],
		show.Plural(n[Note], Note),
		n[Unused])
}

// Resolution adds what is wrong with a cluster, and what is noted.
func (f *List) Resolution(res resolve.Resolution) {
	for _, a := range res.Apps {
		f.Shown.Learn(a.App.Declared)
	}
	for _, p := range res.Cluster.Problems {
		f.Text(res.Cluster.Name, "", p)
	}
	for _, n := range res.Cluster.Notes {
		f.Note(Note, res.Cluster.Name, "", n)
	}
	for _, a := range res.Apps {
		if a.Err != "" {
			f.Text(res.Cluster.Name, a.App.Name, a.Err)
		}
		for _, n := range a.App.Notes {
			severity := Note
			if slices.Contains(a.Clashes, n) {
				severity = Error
			}
			f.Note(severity, res.Cluster.Name, a.App.Name, n)
		}
	}
}

// placed matches a message that begins with the file it is about.
var placed = regexp.MustCompile(`^([^ :]+/[^ :]+?)(?::(\d+))?: (.*)$`)

// Text adds an error that is a line of text.
func (f *List) Text(cluster, app, text string) {
	n := fleet.Note{Text: text}
	if m := placed.FindStringSubmatch(text); m != nil {
		n.File, n.Text = m[1], m[3]
		n.Line, _ = strconv.Atoi(m[2]) // "" is no line
	}
	f.Note(Error, cluster, app, n)
}

// Note adds a finding. Those of one kind come cluster after cluster; "" is no cluster, or no app.
func (f *List) Note(severity, cluster, app string, n fleet.Note) {
	x := Finding{Severity: severity, File: n.File, Line: n.Line, Object: n.Object, Field: n.Field, Text: n.Text, App: app}
	key := x.String() + "\x00" + app
	i, known := f.at[key]
	if !known {
		i = len(f.All)
		f.All, f.at[key] = append(f.All, x), i
	}
	at := &f.All[i].Clusters // clusters come one after the other
	if n := len(*at); cluster != "" && (n == 0 || (*at)[n-1] != cluster) {
		*at = append(*at, cluster)
	}
}
