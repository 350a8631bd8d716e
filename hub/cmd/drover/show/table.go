package show

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table is a tabwriter whose lines do not end in spaces.
type Table struct {
	*tabwriter.Writer
	buf bytes.Buffer
	to  io.Writer
}

// NewTable begins a table that is written to w.
func NewTable(w io.Writer) *Table {
	t := &Table{to: w}
	t.Writer = tabwriter.NewWriter(&t.buf, 0, 4, 2, ' ', 0)
	return t
}

// Flush writes the table out.
func (t *Table) Flush() error {
	if err := t.Writer.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(t.buf.String()) {
		if _, err := fmt.Fprintln(t.to, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}
