// Package screen shows what the demo tells: headings, commands, what was seen and how long it took, on a terminal or in
// a log.
//
// It may import the standard library.
package screen

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// width is where the times end, in columns.
const width = 78

// Screen is what the reader sees: a heading for each act, a line for each thing done or seen, its time at the right.
// Colours and lines that are written over are for terminals only. It may be used by several goroutines.
type Screen struct {
	w        io.Writer
	terminal bool
	colour   bool

	mu     sync.Mutex // guards what follows
	fading bool       // the last line is progress, to be written over
	told   time.Time  // when progress was told last
}

// New makes a Screen of out.
func New(out io.Writer) *Screen {
	s := &Screen{w: out}
	if f, ok := out.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			s.terminal = info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
		}
	}
	s.colour = s.terminal && os.Getenv("NO_COLOR") == ""
	return s
}

// The colours, in the codes of terminals.
const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
)

func (s *Screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is a text that stands out, where that is possible.
func (s *Screen) Bold(text string) string { return s.paint(bold, text) }

// Line writes one line.
func (s *Screen) Line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintln(s.w, strings.TrimRight(text, " "))
}

// clear takes a line of progress away. s.mu is held.
func (s *Screen) clear() {
	if s.fading {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.fading = false
	}
}

// Heading begins something new.
func (s *Screen) Heading(text string) {
	s.Line("")
	s.Line(s.paint(bold, text))
}

// Ran shows a command that was run, or could have been.
func (s *Screen) Ran(command string) {
	s.Line("      " + s.paint(dim, "$ "+command))
}

// Note says something in passing.
func (s *Screen) Note(format string, args ...any) {
	for _, l := range wrap(fmt.Sprintf(format, args...), width-6) {
		s.Line("      " + l)
	}
}

// Saw tells what was seen and how long it took; no time is told of what has none.
func (s *Screen) Saw(took time.Duration, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if took > 0 {
		text = right(text, Duration(took), width-6)
	}
	s.Line("    " + s.paint(green, "✓") + " " + text)
}

// Quote shows what a program said; lines that are too long are broken.
func (s *Screen) Quote(text string) {
	for l := range strings.Lines(strings.TrimSpace(text)) {
		indent := ""
		for _, part := range broken(strings.TrimRight(l, "\n"), width-10) {
			s.Line("      " + s.paint(dim, "│") + " " + indent + part)
			indent = "  "
		}
	}
}

// broken is a line, or several if it has more than n columns.
func broken(line string, n int) []string {
	if utf8.RuneCountInString(line) <= n {
		return []string{line}
	}
	return wrap(line, n)
}

// Diff shows lines that a file holds no longer, and those it holds instead.
func (s *Screen) Diff(file string, less, more []string) {
	s.Line("      " + file)
	for _, l := range less {
		s.Line("      " + s.paint(red, "-  "+strings.TrimSpace(l)))
	}
	for _, l := range more {
		s.Line("      " + s.paint(green, "+  "+strings.TrimSpace(l)))
	}
}

// Wrong tells what went wrong.
func (s *Screen) Wrong(text string) {
	mark := s.paint(red, "✗") + " "
	for l := range strings.Lines(text) {
		s.Line("    " + mark + strings.TrimRight(l, "\n"))
		mark = "  "
	}
}

// sparse is how much time lies between two lines of progress where they stay.
const sparse = 30 * time.Second

// Write takes what the building of programs tells, in lines. How far it is comes every few seconds: on a terminal it is
// written over, and elsewhere told less often.
func (s *Screen) Write(p []byte) (int, error) {
	for l := range bytes.Lines(p) {
		text := "      " + strings.TrimPrefix(strings.TrimRight(string(l), "\n"), "testenv: ")
		passing := strings.Contains(text, " %") || strings.Contains(text, "fetching sources") || strings.Contains(text, ": linking")
		switch {
		case !passing:
			s.Line(text)
		case s.terminal:
			s.fade(text)
		case s.due():
			s.Line(text)
		}
	}
	return len(p), nil
}

// due says whether it is time to tell of progress.
func (s *Screen) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.told) < sparse {
		return false
	}
	s.told = time.Now()
	return true
}

// fade writes a line that the next one is written over.
func (s *Screen) fade(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprint(s.w, s.paint(dim, cut(text, width)))
	s.fading = true
}

// cut shortens text to n columns.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// right puts end at the end of a line of n columns that begins with text.
func right(text, end string, n int) string {
	gap := n - utf8.RuneCountInString(text) - utf8.RuneCountInString(end)
	return text + strings.Repeat(" ", max(gap, 2)) + end
}

// wrap breaks text into lines of at most n columns; longer words stay whole.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > n:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// Duration writes a time as people say it.
func Duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d m %02d s", int(d.Minutes()), int(d.Seconds())%60)
}
