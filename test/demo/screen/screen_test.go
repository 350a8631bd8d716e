package screen

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestDurationsAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5300 * time.Microsecond:  "5.3 ms",
		84 * time.Millisecond:    "84 ms",
		1950 * time.Millisecond:  "1.95 s",
		20600 * time.Millisecond: "20.6 s",
		432 * time.Second:        "7 m 12 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %q; want %q", d, got, want)
		}
	}
}

func TestTimesEndInOneColumn(t *testing.T) {
	var out bytes.Buffer
	s := New(&out)
	s.Saw(84*time.Millisecond, "staging: image → %s", "1.5.0")
	s.Saw(0, "and without a time")
	s.Saw(time.Second, "%s", strings.Repeat("long ", 20))
	lines := strings.Split(out.String(), "\n")
	if n := len([]rune(lines[0])); n != width || !strings.HasSuffix(lines[0], " 84 ms") {
		t.Errorf("%q has %d columns; want %d", lines[0], n, width)
	}
	if lines[1] != "    ✓ and without a time" {
		t.Errorf("%q", lines[1])
	}
	if !strings.HasSuffix(lines[2], "long   1.00 s") {
		t.Errorf("%q", lines[2])
	}
}

func TestNoCodesWhereThereIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	s := New(&out)
	s.Heading("A heading")
	s.Ran("a command")
	s.Diff("a file", []string{"less"}, []string{"more"})
	s.Wrong("one\ntwo")
	if strings.ContainsAny(out.String(), "\x1b\r") {
		t.Errorf("%q holds codes for terminals", &out)
	}
	if want := "    ✗ one\n      two\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("%q; want it to end with %q", &out, want)
	}
}

func TestLongQuotesAreBroken(t *testing.T) {
	var out bytes.Buffer
	New(&out).Quote("short   and   kept\n" + strings.Repeat("word ", 30))
	for i, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if len([]rune(l)) > width {
			t.Errorf("line %d has %d columns: %q", i+1, len([]rune(l)), l)
		}
	}
	if !strings.HasPrefix(out.String(), "      │ short   and   kept\n      │ word") {
		t.Errorf("%q", &out)
	}
}

// progress is what the building of a program tells.
const progress = `testenv: 1 program(s) to build from source into /cache, once
testenv: [1/1] etcd v3: building
testenv: [1/1] etcd v3: fetching sources, 5s
testenv: [1/1] etcd v3:  10 % (1 of 10 packages), 10s
testenv: [1/1] etcd v3: ended after 15s
`

func TestProgressIsSparseInALog(t *testing.T) {
	var out bytes.Buffer
	s := New(&out)
	if _, err := s.Write([]byte(progress)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 4 || strings.Contains(out.String(), "10 %") {
		t.Errorf("%d lines; want all but the second that tells how far it is:\n%s", n, &out)
	}
}

func TestProgressIsWrittenOverOnATerminal(t *testing.T) {
	var out bytes.Buffer
	s := New(&out)
	s.terminal = true
	if _, err := s.Write([]byte(progress)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 3 || strings.Count(out.String(), "\r\x1b[K") != 2 {
		t.Errorf("%d lines; want the three that stay, and two taken away: %q", n, &out)
	}
}
