package protocol

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestReasonsAreDocumented: the page has each reason once, and no other.
func TestReasonsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []Reason
	apps, _, _ := strings.Cut(string(page), "## Clusters") // whose reasons are fleet/query's
	for line := range strings.Lines(apps) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			documented = append(documented, Reason(name))
		}
	}
	listed := Reasons()
	slices.Sort(documented)
	slices.Sort(listed)
	if !slices.Equal(documented, listed) {
		t.Errorf("docs/reasons.md has %q\nand Reasons() %q", documented, listed)
	}
	if len(slices.Compact(listed)) != len(Reasons()) {
		t.Error("a reason is listed twice")
	}
}

// TestAReasonThatIsNotKnownIsKept, and an agent that gives none is shown with none.
func TestAReasonThatIsNotKnownIsKept(t *testing.T) {
	for _, c := range []struct{ field, want string }{{`,"reason":"StarsMisaligned"`, "StarsMisaligned"}, {"", ""}} {
		r, err := DecodeReport([]byte(`{"version":1,"cluster":"staging","apps":[{"name":"web","phase":"waiting","health":"progressing"`+
			c.field+`}]}`), "staging")
		if err != nil || string(r.Apps[0].Reason) != c.want {
			t.Errorf("%q became %q, %v", c.field, r.Apps[0].Reason, err)
		}
		again, err := json.Marshal(r.Apps[0])
		if err != nil || strings.Contains(string(again), "reason") != (c.want != "") {
			t.Errorf("it is written as %s, %v", again, err)
		}
	}
}
