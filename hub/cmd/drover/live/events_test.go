package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/protocol"
)

// Events of an app come from its cluster; those that are older than was asked for are left out, in any format.
func TestEventsOfAnApp(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Second)
	parts := answer(t, api.AnswerEnd{},
		protocol.ObjectEvent{Time: now.Add(-3 * time.Hour), Type: "Normal", Reason: "Pulled", Object: object("Pod",
			"old"), Message: "it is pulled"},
		protocol.ObjectEvent{Time: now, Object: protocol.ObjectRef{Kind: "Node", Name: "a\x1b"},
			Message: "two\nlines\tand a tab"})
	out, _, asked, err := run(t, parts, "events", "east/media/web")
	stamp := func(t time.Time) string { return t.Format(time.RFC3339) }
	want := "TIME TYPE REASON OBJECT MESSAGE\n" + stamp(now.Add(-3*time.Hour)) +
		" Normal Pulled Pod/old in shop it is pulled\n" +
		stamp(now) + " - - Node/a two lines and a tab"
	if got := squeeze(out); got != want || err != nil {
		t.Errorf("got\n%s\n%v", got, err)
	}
	if asked != (api.Question{Kind: protocol.QuestionEvents, Path: "media/web"}) {
		t.Errorf("the hub is asked %+v", asked)
	}
	out, _, _, err = run(t, parts, "events", "east/media/web", "--since", "1h", "-o", "json")
	var list []protocol.ObjectEvent
	if err != nil || json.Unmarshal([]byte(out), &list) != nil || len(list) != 1 || list[0].Object.Name != "a\ufffd" {
		t.Errorf("as JSON: %s %v", out, err)
	}
	for _, args := range [][]string{{"tree", "east/web"}, {"events", "east/web"}, {"diff", "east/web"}} {
		out, _, _, err := run(t, answer(t, api.AnswerEnd{}), append(args, "-o", "json")...)
		if err != nil || out != "[]\n" {
			t.Errorf("%q, of nothing: %q %v", args, out, err)
		}
	}
	if _, _, _, err := run(t, parts, "events", "east/web", "--since", "yesterday"); err == nil {
		t.Error("a time that is none is taken")
	}
	if _, _, asked, err := run(t, parts, "events", "east/web", "-o", "yaml"); !errors.Is(err, errUsage) ||
		asked.Kind != "" ||
		!strings.Contains(err.Error(), "-o yaml: choose json") {
		t.Errorf("a format: %v, asked %+v", err, asked)
	}
}

// Lines come in pieces that end anywhere; one that is none, or never ends, is an error, and nothing after it is taken.
func TestLinesOfAnAnswer(t *testing.T) {
	t.Parallel()
	type line struct{ A int }
	stop := errors.New("that is enough")
	for name, c := range map[string]struct {
		parts []string
		want  string // what was taken
		wrong string
	}{
		"whole":          {[]string{"{\"a\":1}\n{\"a\":2}\n"}, "1 2 ", ""},
		"in pieces":      {[]string{"{\"a\"", ":1}", "\n{\"a\":2", "}\n"}, "1 2 ", ""},
		"without an end": {[]string{"{\"a\":1}\n{\"a\":2}"}, "1 ", ""},
		"no JSON":        {[]string{"{\"a\":1}\nhello\n{\"a\":3}\n"}, "1 ", "a line of the answer cannot be read: "},
		"another type":   {[]string{"[1]\n"}, "", "a line of the answer cannot be read: "},
		"an empty line":  {[]string{"\n"}, "", "a line of the answer cannot be read: "},
		"too long": {[]string{"\"", strings.Repeat("x", maxLine)}, "",
			"a line of the answer is longer than any may be: the agent or " +
				"the hub is of another version"},
		"long enough": {[]string{"{\"a\":1", strings.Repeat(" ", maxLine-7), "}\n"}, "1 ", ""},
		"refused":     {[]string{"{\"a\":7}\n{\"a\":8}\n"}, "7 ", stop.Error()},
	} {
		taken := ""
		l := lines[line]{each: func(v line) error {
			if taken += fmt.Sprint(v.A, " "); v.A == 7 {
				return stop
			}
			return nil
		}}
		var err error
		for _, part := range c.parts {
			if err = l.take([]byte(part)); err != nil {
				break
			}
		}
		if taken != c.want || (err == nil) != (c.wrong == "") || err != nil && !strings.HasPrefix(err.Error(), c.wrong) {
			t.Errorf("%s: took %q, %v", name, taken, err)
		}
	}
}

// Flags about revisions are refused beside a cluster, each by its name; those of the command for both are not.
func TestFlagsOfRevisionsAreRefusedBesideACluster(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"east --base main": "--base: this is for revisions of a repository, and CLUSTER asks a live " +
			"cluster: leave out one",
		"east --head x --base y -o json": "--base, --head: this is for revisions",
		"east/web -o json":               "the hub is away",
		"--base main":                    "",
	} {
		m := Command{Usage: func(err error) error { return err }, Connection: func() call.Connection {
			return call.Connection{Flags: func(*cobra.Command) {}, Client: func() (api.Client, error) {
				return api.Client{}, errors.New("the hub is away")
			}}
		}}
		diff := &cobra.Command{Use: "diff", SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return nil }}
		diff.Flags().StringP("output", "o", "text", "")
		diff.Flags().String("base", "", "")
		diff.Flags().String("head", "", "")
		diff = m.Join(diff)
		diff.SetArgs(strings.Fields(args))
		err := diff.ExecuteContext(t.Context())
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

// Where an object is, and what of it is asked for, is read as people write it.
func TestPlacesInAFleet(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string][2]string{"east": {"east", ""}, "east/": {"east", ""}, "east/web": {"east", "web"},
		"east/media/web/": {"east", "media/web"}, "/web": {"", "web"}, "": {"", ""}, "east//web": {"east", "web"}} {
		if cluster, path := place(arg); cluster != want[0] || path != want[1] {
			t.Errorf("%q: %q %q", arg, cluster, path)
		}
	}
	for want, in := range map[string]string{"{\n  \"a\": 1\n}\n": ` {"a":1} `, "no JSON": "no JSON", "": ""} {
		if got := string(indent([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
