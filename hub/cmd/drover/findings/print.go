package findings

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/internal/version"
)

// The formats of Print.
const (
	Text   = "text"
	JSON   = "json"
	SARIF  = "sarif"  // OASIS SARIF 2.1.0, which code scanning of forges reads
	GitHub = "github" // workflow commands of GitHub Actions, which annotate the lines of a pull request
)

// How much of one kind `drover lint` prints without --verbose.
const (
	maxEqual  = 3  // findings with the same text, before they become one line with a count
	maxGroups = 15 // lines of one severity
)

// Sort puts errors first, by file and line.
func (f *List) Sort() {
	slices.SortStableFunc(f.All, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
}

// Print writes all findings, errors first, in one of the formats.
func (f *List) Print(w io.Writer, output string, verbose bool) error {
	f.Sort()
	switch output {
	case JSON:
		if f.All == nil {
			f.All = []Finding{}
		}
		return show.JSON(w, f.All)
	case SARIF:
		return show.JSON(w, f.sarif())
	case GitHub:
		return show.Lines(w, f.annotations())
	}
	if !verbose {
		return show.Lines(w, f.Grouped(maxGroups, "--verbose shows all"))
	}
	var lines []string
	for _, x := range f.All {
		lines = append(lines, x.String())
	}
	return show.Lines(w, lines)
}

// Grouped are the findings as a screen can hold them: those with the same field and text are one line with a count, and
// of each severity the largest groups are shown, most lines in all; rest says where the others are.
func (f *List) Grouped(most int, rest string) []string {
	type key struct{ severity, field, text string }
	at := map[key]int{}
	var groups [][]Finding
	for _, x := range f.All {
		k := key{x.Severity, x.Field, x.Text}
		i, known := at[k]
		if !known {
			i = len(groups)
			at[k], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], x)
	}
	var out []string
	for _, severity := range [...]string{Error, Note, Unused} {
		var lines []string
		of := slices.DeleteFunc(slices.Clone(groups), func(g []Finding) bool { return g[0].Severity != severity })
		hidden := 0
		for i, g := range bySize(of) {
			if i >= most && len(of) > most+1 { // one more line says as much as the line that is left out
				hidden += len(g)
				continue
			}
			lines = append(lines, summary(g)...)
		}
		if hidden > 0 {
			lines = append(lines, fmt.Sprintf("%-6s … and %d more; %s", severity, hidden, rest))
		}
		out = append(out, lines...)
	}
	return out
}

// bySize puts the groups that were folded into one line first, the largest of them first; others keep their order,
// which
// is by file and line.
func bySize(groups [][]Finding) [][]Finding {
	slices.SortStableFunc(groups, func(a, b []Finding) int { return cmp.Compare(folded(b), folded(a)) })
	return groups
}

// folded is how many findings one line stands for; 0 if each has a line of its own.
func folded(group []Finding) int {
	if len(group) <= maxEqual {
		return 0
	}
	return len(group)
}

// summary is what is printed of findings that have severity, field and text in common.
func summary(group []Finding) []string {
	if folded(group) == 0 {
		var lines []string
		for _, x := range group {
			lines = append(lines, x.String())
		}
		return lines
	}
	first := group[0]
	text := fleet.Note{Field: first.Field, Text: first.Text}.String()
	var subjects, clusters []string
	for _, x := range group {
		if s := cmp.Or(x.Object, x.App, x.File); !slices.Contains(subjects, s) {
			subjects = append(subjects, s)
		}
		for _, c := range x.Clusters {
			if !slices.Contains(clusters, c) {
				clusters = append(clusters, c)
			}
		}
	}
	slices.Sort(clusters)
	line := fmt.Sprintf("%-6s %s (%d times: %s", first.Severity, text, len(group), Some(subjects))
	if first.File != "" {
		line += "; the first at " + fleet.Note{File: first.File, Line: first.Line}.String()
	}
	line += ")"
	if len(clusters) > 0 {
		line += " [" + Some(clusters) + "]"
	}
	return []string{line}
}

// Some names the first of names and says how many more there are.
func Some(names []string) string {
	if more := len(names) - maxEqual; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxEqual], ", "), more)
	}
	return strings.Join(names, ", ")
}

// annotations are the findings as workflow commands of GitHub Actions
// (docs.github.com/actions/reference/workflow-commands-for-github-actions).
func (f *List) annotations() []string {
	level := map[string]string{Error: "error", Note: "notice", Unused: "warning"}
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var out []string
	for _, x := range f.All {
		var properties []string
		if x.File != "" {
			properties = append(properties, "file="+property.Replace(x.File))
		}
		if x.Line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", x.Line))
		}
		properties = append(properties, "title="+property.Replace("drover lint: "+x.Severity))
		out = append(out, "::"+level[x.Severity]+" "+strings.Join(properties, ",")+"::"+data.Replace(x.message()))
	}
	return out
}

// message is what was found, without severity and place.
func (f Finding) message() string {
	text := fleet.Note{Object: f.Object, Field: f.Field, Text: f.Text}.String()
	if len(f.Clusters) > 0 {
		text += " [" + Some(f.Clusters) + "]"
	}
	return text
}

// A log of SARIF 2.1.0, as far as it is written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		URI     string      `json:"informationUri"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		Rule      string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId"`
	}
	sarifRegion struct {
		Line int `json:"startLine"`
	}
)

// sarif is the findings as a log of SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0).
func (f *List) sarif() sarifLog {
	level := map[string]string{Error: "error", Note: "note", Unused: "warning"}
	results := []sarifResult{}
	for _, x := range f.All {
		r := sarifResult{Rule: x.Severity, Level: level[x.Severity], Message: sarifText{x.message()}}
		if x.File != "" {
			at := sarifPhysical{Artifact: sarifArtifact{URI: (&url.URL{Path: x.File}).EscapedPath(), Base: "%SRCROOT%"}}
			if x.Line > 0 {
				at.Region = &sarifRegion{x.Line}
			}
			r.Locations = []sarifLocation{{at}}
		}
		results = append(results, r)
	}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{{
		Tool: sarifTool{sarifDriver{Name: "drover", Version: version.String(), URI: "https://github.com/drover-dev/drover",
			Rules: []sarifRule{
				{Error, sarifText{"keeps an app from being delivered as it is in Git"}},
				{Note, sarifText{"a field that Drover does not support; the app is delivered without it"}},
				{Unused, sarifText{"an overlay or a folder with manifests that no cluster reads"}},
			}}},
		Results: results,
	}}}
}
