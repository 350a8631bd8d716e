package fleet

import (
	"fmt"
	"slices"
	"strings"
)

// Note names something that a file asks for and Drover does not do, or does otherwise than its reader may expect.
type Note struct {
	File   string `json:"file,omitempty"`  // repository path; "" if it is about no file
	Line   int    `json:"line,omitempty"`  // 1-based; 0 if unknown
	Object string `json:"object"`          // as "Kustomization flux-system/apps"
	Field  string `json:"field,omitempty"` // as spec.force; "" if the object as a whole is meant
	Text   string `json:"text"`            // what is not done, and the way out
}

// String is one line, which begins with the place as file:line where that is known.
func (n Note) String() string {
	at := n.File
	if n.Line > 0 {
		at = fmt.Sprintf("%s:%d", n.File, n.Line)
	}
	return strings.Join(slices.DeleteFunc([]string{at, n.Object, n.Field, n.Text}, func(s string) bool { return s == "" }), ": ")
}
