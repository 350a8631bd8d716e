package helm

import (
	"fmt"
	"strings"
)

// Error says why a chart does not render or cannot be fetched, in one line for the person who can fix it.
type Error struct {
	Chart  string // what was to be rendered: a path in the repository, or the name of a chart
	File   string // the file to blame, as a path in the repository or below the chart's name; "" if unknown
	Line   int    // 1-based line in File; 0 if unknown
	Reason string // what is wrong
	Hint   string // what to do about it; "" if the reason says enough

	// Transient: another try may end differently, without any change in the repository.
	Transient bool
}

// Error gives "chart CHART: FILE:LINE: reason (hint)", in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Chart != "" { // else it is a file of Jsonnet
		fmt.Fprintf(&b, "chart %s: ", e.Chart)
	}
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return oneLine(b.String())
}

// oneLine makes a message fit for one line.
func oneLine(text string) string {
	const most = 4000
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " …"
	}
	return text
}
