package diff

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/difference"
)

// maxMarkdown is how long a comment may be, in bytes: forges cut at 65,536 characters or refuse what is longer.
const maxMarkdown = 60_000

// closing is kept for what was left out.
const closing = 500

// marker begins the comment, so that a workflow finds the one that it wrote before.
const marker = "<!-- drover diff -->\n"

// markdown is the report as a comment on a pull request. What does not fit is left out, and counted.
func (o *options) markdown(r *Report) (string, error) {
	p := page{left: maxMarkdown - closing}
	p.add(marker + "### Changes in clusters\n\n" + escaped(conclusion(r)) + "\n")
	for _, s := range []struct {
		title string
		lines []string
	}{{"Errors", problemLines(r.Errors)}, {"Held", r.Held.lines()}} {
		p.list(s.title, s.lines)
	}
	lines := make([]string, len(r.Groups))
	for i, g := range r.Groups {
		lines[i] = heading(g)
	}
	p.list("Changes", lines)
	p.list("Notes", problemLines(r.Notes))
	left, clusters := 0, 0
	for _, g := range r.Groups {
		text, err := o.details(r, g)
		if err != nil {
			return "", err
		}
		if text != "" && !p.add(text) {
			left, clusters = left+1, clusters+len(g.Clusters)
		}
	}
	if left > 0 {
		p.end(fmt.Sprintf("\nLeft out, because a comment may not be longer: the details of %s in %s. "+
			"`drover diff --verbose` prints them.\n", plural(left, "change"), plural(clusters, "cluster")))
	}
	return query.Visible(p.out.String()), nil
}

// page is a text that may not become too long.
type page struct {
	out  strings.Builder
	left int
}

// add writes a text if it fits as a whole.
func (p *page) add(text string) bool {
	text = query.Visible(text)
	if len(text) > p.left {
		return false
	}
	p.left -= len(text)
	p.out.WriteString(text)
	return true
}

// end writes what closing is kept for.
func (p *page) end(text string) { p.out.WriteString(text) }

// maxLines is how many lines of one list a comment has.
const maxLines = 50

// list writes lines below a title. None takes so much that nothing is left for the others.
func (p *page) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.add("\n**" + title + "**\n\n")
	for i, line := range lines {
		if i == maxLines || !p.add("- "+escaped(short(line, maxLine))+"\n") {
			p.add(fmt.Sprintf("- and %d more: `drover diff -o json` has all\n", len(lines)-i))
			return
		}
	}
}

// maxLine is how long a line of a list is, in characters.
const maxLine = 600

// details are what a group changes, folded; "" if its line has said all.
func (o *options) details(r *Report, g difference.Group) (string, error) {
	var body []string
	if o.full {
		diffs, err := r.full(g)
		if err != nil {
			return "", err
		}
		for _, d := range diffs {
			body = append(body, fullLines(d, g.Example)...)
		}
	} else {
		for _, f := range g.Settings {
			body = append(body, "! "+field(f))
		}
		for _, x := range g.Objects {
			text := object(x)
			body = append(body, map[byte]string{'~': "!", '>': "!", '+': "+", '-': "-"}[text[0]]+text[1:])
			for _, f := range x.Fields {
				body = append(body, "    "+field(f))
			}
		}
	}
	if len(body) == 0 {
		return "", nil
	}
	clusters := g.Clusters
	more := ""
	if n := len(clusters) - maxLines; n > 0 {
		clusters, more = clusters[:maxLines], fmt.Sprintf(" and %d more", n)
	}
	text := strings.Join(body, "\n")
	fence := fenceFor(text)
	return fmt.Sprintf("\n<details><summary>%s</summary>\n\n%s%s\n\n%sdiff\n%s\n%s\n\n</details>\n", escaped(heading(g)),
		escaped(strings.Join(clusters, ", ")), more, fence, text, fence), nil
}

// fenceFor is a fence that no line of a text closes.
func fenceFor(text string) string {
	longest, run := 2, 0
	for _, c := range text {
		if c != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return strings.Repeat("`", longest+1)
}

// special are the characters that mean something in Markdown or HTML, or that name a person or an issue.
const special = "\\`*_{}[]()<>#+!|~&@$"

// escaped is a text in which Markdown means nothing: what is in it was written by others.
func escaped(text string) string {
	var out strings.Builder
	for _, c := range text {
		switch {
		case c == '\n' || c == '\r':
			out.WriteByte(' ')
			continue
		case c < utf8.RuneSelf && strings.ContainsRune(special, c):
			fmt.Fprintf(&out, "&#%d;", c)
			continue
		}
		out.WriteRune(c)
	}
	return out.String()
}

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
