package unified

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	numbered := func(n int, edit map[int]string) string {
		var out strings.Builder
		for i := range n {
			if text, edited := edit[i]; edited {
				out.WriteString(text)
				continue
			}
			fmt.Fprintf(&out, "%d\n", i)
		}
		return out.String()
	}
	for name, c := range map[string]struct{ before, after, want string }{
		"nothing":    {"a\n", "a\n", ""},
		"empty":      {"", "", ""},
		"all is new": {"", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		"all goes":   {"a\n", "", "@@ -1 +0,0 @@\n-a\n"},
		"a line":     {"a\nb\nc\n", "a\nx\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"},
		"context is short": {numbered(20, nil), numbered(20, map[int]string{10: "x\n"}),
			"@@ -8,7 +8,7 @@\n 7\n 8\n 9\n-10\n+x\n 11\n 12\n 13\n"},
		"two that are near": {numbered(20, nil), numbered(20, map[int]string{5: "", 11: "x\n"}),
			"@@ -3,13 +3,12 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n 9\n 10\n-11\n+x\n 12\n 13\n 14\n"},
		"two that are far": {numbered(30, nil), numbered(30, map[int]string{2: "", 20: "x\n"}),
			"@@ -1,6 +1,5 @@\n 0\n 1\n-2\n 3\n 4\n 5\n@@ -18,7 +17,7 @@\n 17\n 18\n 19\n-20\n+x\n 21\n 22\n 23\n"},
	} {
		if got := Diff(c.before, c.after); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
	}
}

// TestDiffCanBeApplied: with all lines as context, the lines that are not added are the text before, and those that are
// not removed the text after.
func TestDiffCanBeApplied(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	text := func() (out []string) {
		for range r.IntN(12) {
			out = append(out, string(rune('a'+r.IntN(4))))
		}
		return out
	}
	for range 2000 {
		before, after := text(), text()
		var b, a []string
		for _, l := range compare(before, after) {
			if l.mark != '+' {
				b = append(b, l.text)
			}
			if l.mark != '-' {
				a = append(a, l.text)
			}
		}
		if fmt.Sprint(b, a) != fmt.Sprint(before, after) {
			t.Fatalf("%q and %q are compared as %q and %q", before, after, b, a)
		}
	}
}

func TestLargeTextsAreCompared(t *testing.T) {
	t.Parallel()
	before := strings.Repeat("a\n", 3000) + "middle\n" + strings.Repeat("b\n", 3000)
	after := strings.Repeat("c\n", 3000) + "middle\n" + strings.Repeat("d\n", 3000)
	if got := Diff(before, after); strings.Count(got, "\n-") != 6001 || strings.Count(got, "\n+") != 6001 {
		t.Errorf("it has %d lines", strings.Count(got, "\n"))
	}
}
