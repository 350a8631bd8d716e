// Package show writes what a command says, so that nothing in it can control a terminal.
package show

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

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
