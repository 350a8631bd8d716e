package diagnose

import (
	"fmt"
	"strings"
)

// BuildError says why a folder does not build, in one line for the person who can fix it.
type BuildError struct {
	File   string // repository path of the culprit: a file, or a folder if no single file is to blame
	Line   int    // 1-based line in File; 0 if unknown
	Reason string // what is wrong
	Hint   string // what to do about it; "" if the reason says enough
}

// Error gives "FILE:LINE: reason (hint)".
func (e *BuildError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	b.WriteString(e.Reason)
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

// template has an error say so if it is on a line of a template.
func (e *BuildError) template(lines []string, line int) {
	if line >= 0 && line < len(lines) && strings.Contains(lines[line], "{{") {
		e.Reason = "template syntax ({{ … }}) in a file that is no chart's"
		e.Hint = "have the app name the folder with the Chart.yaml as a chart, or list the files that are " +
			"manifests in a kustomization.yaml"
	}
}
