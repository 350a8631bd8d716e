package diff

import (
	"encoding/json"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/cmd/drover/findings"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/difference"
)

// How much text has of one kind without --verbose.
const (
	maxGroups  = 40
	maxObjects = 10 // of a group
	maxFields  = 5  // of an object
)

func (o *options) print(w io.Writer, r *Report) error {
	switch o.output {
	case formatJSON:
		return show.JSON(w, r)
	case formatYAML:
		data, err := json.Marshal(r)
		if err != nil {
			return err
		}
		text, err := yaml.JSONToYAML(query.VisibleJSON(data))
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	case formatMarkdown:
		text, err := o.markdown(r)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		return err
	}
	lines, err := o.text(r)
	if err != nil {
		return err
	}
	return show.Lines(w, lines)
}

// text is the report for a terminal.
func (o *options) text(r *Report) (out []string, err error) {
	for i, g := range r.Groups {
		if i == maxGroups && !o.verbose {
			out = append(out, plural(len(r.Groups)-i, "other change")+": --verbose and -o json have all", "")
			break
		}
		lines, err := o.group(r, g)
		if err != nil {
			return nil, err
		}
		out = append(append(out, lines...), "")
	}
	out = section(out, "Held:", r.Held.lines())
	out = section(out, "Errors:", problemLines(r.Errors))
	out = section(out, "Notes:", problemLines(r.Notes))
	return append(out, conclusion(r)), nil
}

// section adds lines below a heading, if there are any.
func section(out []string, heading string, lines []string) []string {
	if len(lines) == 0 {
		return out
	}
	out = append(out, heading)
	for _, line := range lines {
		out = append(out, "  "+line)
	}
	return append(out, "")
}

// conclusion says how much differs between what.
func conclusion(r *Report) string {
	if len(r.Groups) == 0 {
		return fmt.Sprintf("no difference in %s, between %s and %s", plural(r.Clusters, "cluster"), r.Base, r.Head)
	}
	return fmt.Sprintf("%s in %d of %s, between %s and %s", plural(len(r.Groups), "change"), r.Changed,
		plural(r.Clusters, "cluster"), r.Base, r.Head)
}

// heading names the clusters of a group.
func heading(g difference.Group) string {
	return plural(len(g.Clusters), "cluster") + ": " + summary(g)
}

// group is a group in text.
func (o *options) group(r *Report, g difference.Group) ([]string, error) {
	clusters := findings.Some(g.Clusters)
	if o.verbose {
		clusters = fmt.Sprint(g.Clusters)
	}
	out := []string{heading(g), "  in " + clusters}
	if o.full {
		diffs, err := r.full(g)
		if err != nil {
			return nil, err
		}
		for _, d := range diffs {
			out = append(out, fullLines(d, g.Example)...)
		}
		return out, nil
	}
	for _, f := range g.Settings {
		out = append(out, "  ~ "+field(f))
	}
	for i, x := range g.Objects {
		if i == maxObjects && !o.verbose {
			out = append(out, "    "+plural(len(g.Objects)-i, "other object")+": --verbose has all")
			break
		}
		out = append(out, "  "+object(x))
		for j, f := range x.Fields {
			if j == maxFields && !o.verbose {
				out = append(out, "      "+plural(len(x.Fields)-j, "other field")+": --verbose has all")
				break
			}
			out = append(out, "      "+field(f))
		}
	}
	return out, nil
}

// fullLines are all lines of an object that differ.
func fullLines(d difference.ObjectDiff, cluster string) []string {
	out := []string{"--- " + cluster + "/" + d.Object, "+++ " + cluster + "/" + d.Object}
	return append(out, splitLines(d.Text)...)
}

func problemLines(all []Problem) (out []string) {
	for _, p := range all {
		text := p.Text
		if p.App != "" {
			text = "app " + p.App + ": " + text
		}
		if p.Base {
			text += " (at the base, too)"
		}
		if len(p.Clusters) > 0 {
			text += " [" + findings.Some(p.Clusters) + "]"
		}
		out = append(out, text)
	}
	return out
}
