package show

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// TestNothingControlsATerminal: line breaks and controls are spaces or marked, in lines and in JSON.
func TestNothingControlsATerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "",
		"plain ä 世":      "plain ä 世",
		"two\nlines\r\n": "two lines  ",
		"a\tb\x00c\x7fd": "a b c d",
		"\x1b[31mred":    " [31mred",
	} {
		if got := OneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for _, hidden := range []string{"a\u202eb", "a\u200bb", "a\u009bb"} {
		var out strings.Builder
		if err := JSON(&out, map[string]string{"a": hidden}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), hidden) || strings.Contains(OneLine(hidden), hidden) {
			t.Errorf("%q is written as %q and %q", hidden, OneLine(hidden), out.String())
		}
	}
	if got := Labels(map[string]string{"b": "1", "a": ""}) + Labels(nil); got != "a=,b=1" {
		t.Errorf("labels %q", got)
	}
	var out strings.Builder
	if err := Lines(&out, []string{"a\nb", "", "c"}); err != nil || out.String() != "a b\n\nc\n" {
		t.Errorf("lines %q, %v", out.String(), err)
	}
	out.Reset()
	if err := JSON(&out, []int{1}); err != nil || out.String() != "[\n  1\n]\n" {
		t.Errorf("JSON %q, %v", out.String(), err)
	}
	if err := JSON(&out, func() {}); err == nil {
		t.Error("a function is written as JSON")
	}
}

// TestNounsFollowNumbers.
func TestNounsFollowNumbers(t *testing.T) {
	t.Parallel()
	if got := [3]string{Plural(0, "app"), Plural(1, "app"), Plural(2, "app")}; got != [3]string{"apps", "app", "apps"} {
		t.Errorf("nouns %q", got)
	}
}

func TestTimesAreInOneOrTwoUnits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Minute: "0s", 0: "0s", 59*time.Second + 999*time.Millisecond: "59s", time.Minute: "1m00s",
		61 * time.Second:        "1m01s",
		time.Hour - time.Second: "59m59s", time.Hour: "1h00m", 25 * time.Hour: "1d01h", 400 * 24 * time.Hour: "400d00h",
	} {
		if got := Ago(now.Add(-d), now); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := Ago(time.Time{}, now); got != "never" {
		t.Errorf("no time: %q", got)
	}
}

func TestManyNamesAreFew(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{"": nil, "a": {"a"}, "a, b, c, d, e": {"a", "b", "c", "d", "e"},
		"a, b, c, d, e and 2 more": {"a", "b", "c", "d", "e", "f", "g"}} {
		if got := Few(names); got != want {
			t.Errorf("%q: %q", names, got)
		}
	}
	for text, want := range map[string]string{"": "-", "a": "a", "a\nb": "a b"} {
		if got := OrDash(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	var out strings.Builder
	Sayf(&out, "%s %d  ", "a\nb\x1b[2J", 1)
	if out.String() != "a b [2J 1\n" {
		t.Errorf("said is %q", out.String())
	}
}

// A table is read by people and by cut and awk: columns are aligned, and lines end where their text does.
func TestTablesEndWhereTheirTextDoes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	table := NewTable(&out)
	_, _ = io.WriteString(table, "NAME\tSTATE\tMESSAGE\nlonger\tfine\t\na\t\tb\n")
	if out.Len() > 0 {
		t.Errorf("before its end %q is written", out.String())
	}
	if err := table.Flush(); err != nil || out.String() != "NAME    STATE  MESSAGE\nlonger  fine\na              b\n" {
		t.Errorf("the table is\n%s%v", out.String(), err)
	}
	full := NewTable(failing{})
	_, _ = io.WriteString(full, "a\tb\n")
	if err := full.Flush(); err == nil {
		t.Error("a table that cannot be written is no error")
	}
	if err := Lines(failing{}, []string{"a"}); err == nil {
		t.Error("a line that cannot be written is no error")
	}
}

// failing is a pipe whose reader is gone.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Of a large fleet the causes are told with how many clusters have each; what does not fit is counted.
func TestASummaryCountsWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	well := query.Row{State: query.StateConnected, Synced: true, Health: protocol.HealthCurrent}
	var rows []query.Row
	for i := range 40 {
		bad := well
		bad.Name, bad.Health, bad.Reason = fmt.Sprintf("c%02d", i), protocol.HealthDegraded, "Unhealthy"
		bad.Message = fmt.Sprintf("app web: cause %02d", i%25)
		rows = append(rows, bad)
	}
	for i := range 20 {
		row := well
		row.Name = fmt.Sprintf("w%02d", i)
		rows = append(rows, row)
	}
	suspended, awaiting, behind, offline := well, well, well, well
	suspended.Name, suspended.Suspended = "suspended", true
	awaiting.Name, awaiting.State, awaiting.Synced = "awaiting", query.StateAwaiting, false
	behind.Name, behind.Synced = "behind", false
	offline.Name, offline.State = "offline", query.StateOffline
	rows = append(rows, suspended, awaiting, behind, offline)
	var out strings.Builder
	shown, more, err := Summary(&out, rows)
	if err != nil || len(shown) != maxRows || more != 43-maxRows {
		t.Errorf("%d rows are shown, and %d more: %v", len(shown), more, err)
	}
	for _, want := range []string{"64 clusters: 21 well, 62 connected, 1 offline, 1 " +
		"" + string(query.StateAwaiting) + ", 1 not in sync, 1 suspended\n",
		"CLUSTERS  REASON     WHICH     MESSAGE\n", "2         Unhealthy  c00, c25  app web: cause 00\n",
		"… and 5 more causes: -o json has the reason and message of every cluster\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	if shown, more, err = Summary(&out, rows[40:60]); err != nil || len(shown) != 0 || more != 0 ||
		out.String() != "20 clusters: 20 well, 20 connected\n" {
		t.Errorf("of a fleet that is well %d rows are shown, and %d more: %v: %s", len(shown), more, err, out.String())
	}
}
