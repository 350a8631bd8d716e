package house

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// record has the lists rewritten: "shrunk" takes over numbers that are smaller now and removes what is no longer
// needed; "all" takes over numbers that grew as well, and adds what is new, which is a decision and needs a reason in
// the commit.
var record = flag.String("record", "", "rewrite exceptions.txt and words.txt: shrunk, or all")

// finding is something that is beyond a limit.
type finding struct {
	rule    string // the name of the rule
	subject string // what breaks it: a type as package.Name, a package or module as its folder
	value   int
	detail  string // where, for people
}

func (f finding) key() string { return f.rule + " " + f.subject }

// exception permits one finding up to a number.
type exception struct {
	finding
	reason string
}

const exceptionsFile = "exceptions.txt"

// parseExceptions reads lines of rule, subject, number and reason. Lines that begin with # are comments.
func parseExceptions(data []byte) (comments []string, out []exception, err error) {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			comments = append(comments, line)
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 6 {
			return nil, nil, fmt.Errorf("%s: %q needs a rule, a subject, a number and a reason", exceptionsFile, line)
		}
		n, err := strconv.Atoi(fields[2])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %q: %w", exceptionsFile, line, err)
		}
		out = append(out, exception{finding{rule: fields[0], subject: fields[1], value: n}, strings.Join(fields[3:], " ")})
	}
	return comments, out, nil
}

// ratchet compares what is found with what is excepted. It returns what is wrong, and the exceptions that are left when
// everything that shrank is taken over.
func ratchet(found []finding, excepted []exception) (wrong []string, left []exception) {
	now := map[string]finding{}
	for _, f := range found {
		now[f.key()] = f
	}
	known := map[string]bool{}
	for _, e := range excepted {
		known[e.key()] = true
		f, ok := now[e.key()]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s: the exception of %d is no longer needed: remove it, "+
				"go test ./house -record=shrunk does", e.key(), e.value))
			continue
		case f.value > e.value:
			wrong = append(wrong, fmt.Sprintf("%s: %d now, and the exception permits %d. %s",
				e.key(), f.value, e.value, f.detail))
		}
		e.value = min(e.value, f.value)
		left = append(left, e)
	}
	for _, f := range found {
		if !known[f.key()] {
			wrong = append(wrong, fmt.Sprintf("%s: %d, more than %d. %s", f.key(), f.value, limits[f.rule], f.detail))
		}
	}
	return wrong, left
}

// rewrite stores exceptions, those of one rule beside each other and the largest first.
func rewrite(t *testing.T, comments []string, list []exception) {
	slices.SortStableFunc(list, func(a, b exception) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(b.value, a.value), cmp.Compare(a.subject, b.subject))
	})
	var b bytes.Buffer
	for _, c := range comments {
		fmt.Fprintln(&b, c)
	}
	for _, e := range list {
		fmt.Fprintf(&b, "%-10s %-36s %5d  %s\n", e.rule, e.subject, e.value, e.reason)
	}
	if err := os.WriteFile(exceptionsFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestSizes holds every module to the limits, with the exceptions of exceptions.txt.
func TestSizes(t *testing.T) {
	data, err := os.ReadFile(exceptionsFile)
	if err != nil {
		t.Fatal(err)
	}
	comments, excepted, err := parseExceptions(data)
	if err != nil {
		t.Fatal(err)
	}
	files := sources(t)
	found := slices.Concat(sizes(files), longLines(files), cycles(files))
	wrong, left := ratchet(found, excepted)
	switch *record {
	case "shrunk":
		rewrite(t, comments, left)
	case "all":
		reasons := map[string]string{}
		for _, e := range excepted {
			reasons[e.key()] = e.reason
		}
		left = nil
		for _, f := range found {
			left = append(left, exception{f, cmp.Or(reasons[f.key()], "TODO: say why, in three words or more")})
		}
		rewrite(t, comments, left)
	default:
		for _, w := range wrong {
			t.Error(w)
		}
		for _, e := range excepted {
			if strings.HasPrefix(e.reason, "TODO") {
				t.Errorf("%s: %s: the exception has no reason", exceptionsFile, e.key())
			}
		}
	}
}

func TestExceptionsMayOnlyShrink(t *testing.T) {
	t.Parallel()
	_, excepted, err := parseExceptions([]byte("# why\nmethods a.T 40 to be split soon\n" +
		"methods a.U 30 to be split soon\nfields a.V 30 to be split soon\n"))
	if err != nil {
		t.Fatal(err)
	}
	wrong, left := ratchet([]finding{
		{"methods", "a.T", 41, "a.go:1"}, // grew
		{"methods", "a.U", 28, "a.go:2"}, // shrank
		{"package", "a", 2600, "a"},      // new; a.V is within the limit now
	}, excepted)
	want := []string{
		"methods a.T: 41 now", "fields a.V: the exception of 30 is no longer needed", "package a: 2600, more than 2500",
	}
	if len(wrong) != len(want) {
		t.Fatalf("wrong are %q, want %d", wrong, len(want))
	}
	for i := range want {
		if !strings.HasPrefix(wrong[i], want[i]) {
			t.Errorf("got %q, want %q", wrong[i], want[i])
		}
	}
	if len(left) != 2 || left[0].value != 40 || left[1].value != 28 {
		t.Errorf("left are %+v, want 40 for a.T and 28 for a.U", left)
	}
	if _, _, err := parseExceptions([]byte("methods a.T 40\n")); err == nil {
		t.Error("an exception without a reason is accepted")
	}
}
