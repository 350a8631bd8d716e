// Package show writes what a command says, so that nothing in it can control a terminal.
package show

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
)

// OneLine is a text as it can stand in a line: without line breaks and other controls.
func OneLine(s string) string {
	return query.Visible(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}

// Lines writes each line as OneLine.
func Lines(w io.Writer, lines []string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, OneLine(line)); err != nil {
			return err
		}
	}
	return nil
}

// JSON writes a value, indented.
func JSON(w io.Writer, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = w.Write(append(query.VisibleJSON(data), '\n'))
	}
	return err
}

// Plural is a noun as it follows a number.
func Plural(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

// Ago says how long before now a time was, in one or two units.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// Sayf prints one line, whatever is in it.
func Sayf(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, strings.TrimRight(OneLine(fmt.Sprintf(format, args...)), " "))
}

// OrDash is a text as OneLine, or a dash for none.
func OrDash(s string) string {
	if s == "" {
		return "-"
	}
	return OneLine(s)
}

// Few names the first of many.
func Few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Labels lists labels, sorted; "" for none.
func Labels(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, ",")
}

// Writer writes what people read: names and texts in it are of others. See query.Visible.
type Writer struct{ W io.Writer }

// Write implements io.Writer. A message is written as a whole.
func (v Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(v.W, query.Visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
