package fleet

import (
	"regexp"
	"slices"
	"strings"
)

// Words by which programs begin the line that says why they end, and words that such a line is likely to have.
var (
	lastWord = regexp.MustCompile(`^(panic|fatal error|fatal|Caused by): |\b(FATAL|PANIC)\b`)
	badWord  = regexp.MustCompile(`(?i)\b(\w*error|\w*exception|cannot|can't|could not|unable|failed|failure|denied|refused|not found|no such|invalid|undefined|missing|required|not defined)\b`)
	// A line of a stack trace says where, and not why.
	traceLine = regexp.MustCompile(`^\s|^goroutine |\)$`)
)

// Quote gives a cause what its container wrote: the last line that seems to say why it ended, or else the last three.
func (c Cause) Quote(output string) Cause {
	if words := telling(output); words != "" {
		c.Words = "it wrote: " + words
	}
	return c
}

func telling(output string) string {
	var strong, weak string
	var lines []string
	for raw := range strings.Lines(output) {
		line := oneLine(raw)
		switch {
		case line == "":
			continue
		case lastWord.MatchString(line):
			strong = line
		case badWord.MatchString(line) && !traceLine.MatchString(strings.TrimRight(raw, "\r\n")):
			weak = line
		}
		lines = append(lines, line)
	}
	switch {
	case strong != "":
		return strong
	case weak != "":
		return weak
	}
	lines = slices.Clone(lines[max(0, len(lines)-3):])
	for len(lines) > 1 && len(strings.Join(lines, " / ")) > maxWords {
		lines = lines[1:]
	}
	return strings.Join(lines, " / ")
}
