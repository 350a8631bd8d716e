package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Write prints the report for people.
func (r Report) Write(w io.Writer) error {
	var text strings.Builder
	text.WriteString(r.Machine.String() + "\n\n")
	rows := [][]string{{"measure", "aim", "ours: median", "p99", "n", "limit: median", "p99", "n", "ratio", "verdict"}}
	for _, l := range r.Lines {
		rows = append(rows, l.row())
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, row := range rows {
		var line strings.Builder
		for j, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell)+2))
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		if i == 0 {
			continue
		}
		if what := r.Lines[i-1].What; what != "" {
			fmt.Fprintf(&text, "    %s\n", what)
		}
		for _, note := range r.Lines[i-1].Notes {
			fmt.Fprintf(&text, "    - %s\n", strings.ReplaceAll(note, "\n", "\n      "))
		}
	}
	if r.Quick {
		text.WriteString("\nA quick run: it shows that the bench works, not how fast anything is.\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (l Line) row() []string {
	if l.Verdict == NotMeasured {
		return []string{l.Name, "", "", "", "", "", "", "", "", string(l.Verdict)}
	}
	row := []string{l.Name, l.Aim.text(l.Unit), figure(l.Ours.Median, l.Unit), figure(l.Ours.P99, l.Unit), fmt.Sprint(l.Ours.N), "", "", "", "", string(l.Verdict)}
	if l.Limit.N > 0 {
		copy(row[5:], []string{figure(l.Limit.Median, l.Unit), figure(l.Limit.P99, l.Unit), fmt.Sprint(l.Limit.N)})
	}
	if l.Ratio > 0 {
		row[8] = fmt.Sprintf("%.2fx", l.Ratio)
	}
	return row
}
