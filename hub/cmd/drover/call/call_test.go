package call

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
)

// misuse is what these tests mark errors with.
type misuse struct{ error }

var wrong Wrong = func(err error) error { return misuse{err} }

func TestArgumentsAreCounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args  cobra.PositionalArgs
		given int
		good  bool
	}{
		"none of none":       {wrong.Exactly(0, "nothing"), 0, true},
		"one of none":        {wrong.Exactly(0, "nothing"), 1, false},
		"one of one":         {wrong.Exactly(1, "nothing"), 1, true},
		"two of one":         {wrong.Exactly(1, "nothing"), 2, false},
		"none of some":       {wrong.AtLeastOne("nothing"), 0, false},
		"one of some":        {wrong.AtLeastOne("nothing"), 1, true},
		"several of several": {wrong.AtLeastOne("nothing"), 3, true},
	} {
		err := c.args(nil, make([]string, c.given))
		if c.good && err != nil || !c.good && (!errors.As(err, &misuse{}) || err.Error() != "it takes nothing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only a person who says yes has said yes.
func TestTheUserIsAsked(t *testing.T) {
	t.Parallel()
	const gone = "nothing was done, because there was no answer: say --yes if you mean it"
	for answer, want := range map[string]string{"y\n": "", "yes\n": "", "YES\n": "", "Y": "", "n\n": "nothing was done",
		"no\n": "nothing was done", "yesterday\n": "nothing was done", "\n": "nothing was done", "": gone} {
		var out bytes.Buffer
		err := wrong.Confirm(strings.NewReader(answer), &out, false, "Delete it all?")
		if got := errorText(err); got != want || errors.As(err, &misuse{}) || out.String() != "Delete it all? [y/N] " {
			t.Errorf("%q: %q, want %q; it asks %q", answer, got, want, out.String())
		}
		out.Reset()
		if err := wrong.Confirm(strings.NewReader(answer), &out, true, "Delete it all?"); err != nil || out.Len() > 0 {
			t.Errorf("with --yes it asks %q: %v", out.String(), err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A script is not waited for, and nothing that it happens to be given is an answer.
func TestAScriptIsNotAsked(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	if _, err := io.WriteString(w, "yes\n"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = wrong.Confirm(r, &out, false, "Delete it all?")
	if !errors.As(err, &misuse{}) || !strings.Contains(errorText(err),
		"standard input is no terminal: say --yes if you mean it") ||
		out.Len() > 0 {
		t.Errorf("it says %v, and asks %q", err, out.String())
	}
	if err := wrong.Confirm(r, &out, true, "Delete it all?"); err != nil {
		t.Errorf("with --yes: %v", err)
	}
}

// Completion is of use or silent: a hub that does not answer is no reason to disturb who types.
func TestNamesOfClustersAreCompleted(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/api/v1/clusters?selector=" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"clusters":[{"name":"edge"},{"name":"prod"}]}`)
	}))
	t.Cleanup(s.Close)
	up := Connection{Client: func() (api.Client, error) { return api.Client{URL: s.URL, APIToken: "secret"}, nil }}
	down := Connection{Client: func() (api.Client, error) { return api.Client{}, errors.New("no hub is known here") }}
	cmd := &cobra.Command{}
	cmd.SetContext(context.Background())
	for name, c := range map[string]struct {
		conn Connection
		most int
		args []string
		want []string
	}{
		"the first":        {up, 1, nil, []string{"edge", "prod"}},
		"the second":       {up, 1, []string{"edge"}, nil},
		"the third of any": {up, -1, []string{"edge", "prod"}, []string{"edge", "prod"}},
		"no hub":           {down, 1, nil, nil},
	} {
		got, directive := c.conn.Completion(c.most)(cmd, c.args, "")
		if !slices.Equal(got, c.want) || directive != cobra.ShellCompDirectiveNoFileComp {
			t.Errorf("%s: %q, %v", name, got, directive)
		}
	}
	if _, err := down.Fleet(t.Context()); err == nil {
		t.Error("a hub that is not known is asked")
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"/srv/fleet":                           "/srv/fleet",
		"git@host:fleet.git":                   "git@host:fleet.git",
		"https://git.example.com/fleet.git":    "https://git.example.com/fleet.git",
		"https://ada@git.example.com/x.git":    "https://ada@git.example.com/x.git",
		"https://ada:pw@git.example.com/x.git": "https://ada:xxxxx@git.example.com/x.git",
	} {
		if got := Redact(given); got != want {
			t.Errorf("%s is shown as %s, want %s", given, got, want)
		}
	}
}
