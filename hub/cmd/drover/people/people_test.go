package people

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/cmd/drover/waves"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/roles"
	"github.com/drover-dev/drover/protocol"
)

// desk is the API of a hub, and the command line in front of it.
type desk struct {
	t     *testing.T
	url   string
	key   ed25519.PublicKey
	input string // of commands that read theirs
}

var errUsage = errors.New("used wrongly")

func newDesk(t *testing.T) *desk {
	path := filepath.Join(t.TempDir(), "hub.db")
	store, err := bolt.Open(path, bytes.Repeat([]byte{7}, 32), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	register, err := people.Open(store.Table(bolt.TablePeople))
	if err != nil {
		t.Fatal(err)
	}
	public, private, _ := ed25519.GenerateKey(nil)
	journal, err := audit.Open(store.Table(bolt.TableDecisions), []ed25519.PrivateKey{private})
	if err != nil {
		t.Fatal(err)
	}
	s := &api.Server{State: hub.New("/fleet").State(), People: register, Journal: journal, Token: "shared",
		Access: roles.Fixed{Is: access.New(nil, nil, false)},
		Trust:  protocol.Trust{HubKeys: [][]byte{public}}, Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return &desk{t, server.URL, public, ""}
}

// run runs a command with a token, and gives what it prints on both channels.
func (d *desk) run(token string, args ...string) (stdout, stderr string, err error) {
	root := &cobra.Command{Use: "drover", SilenceErrors: true, SilenceUsage: true}
	connect := func() waves.Connection {
		return waves.Connection{Flags: func(*cobra.Command) {}, Client: func() (api.Client, error) {
			return api.Client{URL: d.url, APIToken: token}, nil
		}}
	}
	root.AddCommand(Commands(connect, func(err error) error { return errors.Join(errUsage, err) })...)
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetIn(strings.NewReader(d.input))
	root.SetArgs(args)
	err = root.ExecuteContext(d.t.Context())
	return out.String(), errs.String(), err
}

// says fails unless a command ends well and says something.
func (d *desk) says(want, token string, args ...string) string {
	d.t.Helper()
	out, _, err := d.run(token, args...)
	if err != nil || !strings.Contains(out, want) {
		d.t.Errorf("%v: %v: %s; want %s", args, err, out, want)
	}
	return out
}

// fails fails unless a command ends with an error that says something.
func (d *desk) fails(want, token string, args ...string) {
	d.t.Helper()
	out, _, err := d.run(token, args...)
	if err == nil || !strings.Contains(err.Error(), want) {
		d.t.Errorf("%v: %v: %s; want %s", args, err, out, want)
	}
}

func TestTokensAreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.says("`drover token create NAME` makes one", "shared", "token", "list")
	token, told, err := d.run("shared", "token", "create", "ann", "--group", "sre", "--group", "dba", "--email",
		"ann@example.com")
	token = strings.TrimSpace(token)
	if err != nil || strings.ContainsAny(token, " \n") || !strings.Contains(told, "It is not shown again") {
		t.Fatalf("%q %q %v", token, told, err)
	}
	if list := d.says("dba,sre", "shared", "token", "list"); strings.Contains(list, token) {
		t.Error("the list has the token")
	}
	d.fails("may not list tokens", token, "token", "list")
	d.says("The journal is whole: entries 1 to 2", token, "audit", "verify")
	d.fails("there is such a token already", "shared", "token", "create", "ann")
	d.says("is not accepted any more", "shared", "token", "revoke", "ann")
	d.fails("the token of ann was revoked", token, "audit", "export")
	d.fails("there is no such token", "shared", "token", "revoke", "bob")
	d.says("revoked ", "shared", "token", "list")
	for _, wrong := range [][]string{{"token", "create"}, {"token", "create", "A"},
		{"token", "create", "a", "--expires", "x"},
		{"token", "create", "a", "--expires", "1s"}, {"token", "create", "a", "--expires", "4000d"}, {"token", "list", "x"},
		{"token", "revoke"}, {"token", "list", "-o", "xml"}, {"audit", "export", "x"}, {"audit", "verify", "a", "b"}} {
		if _, _, err := d.run("shared", wrong...); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

func TestTheJournalIsExportedAndVerified(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, name := range []string{"ann", "bob", "cid"} {
		if _, _, err := d.run("shared", "token", "create", name); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "decisions.jsonl")
	d.says("entries 1 to 3", "shared", "audit", "export", "-o", file)
	d.fails("an export overwrites nothing", "shared", "audit", "export", "-o", file)
	id := audit.KeyID(d.key)
	// Without a hub:
	d.url = "http://127.0.0.1:1"
	d.says("with the key "+id+"; compare it", "", "audit", "verify", file)
	d.says("with the key "+id, "", "audit", "verify", file, "--key", id)
	d.fails("none that is to be trusted", "", "audit", "verify", file, "--key", "0123456789abcdef")
	d.fails("no hub answers", "", "audit", "verify")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	if err := os.WriteFile(bad, bytes.Replace(data, []byte("bob"), []byte("eve"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	d.fails("entry 2: its hash is not that of its content", "", "audit", "verify", bad)
}

// What is wrong with a call is said before a token is made: one that nobody sees could be used by nobody, and stays.
func TestNoTokenIsMadeByAWrongCall(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, wrong := range [][]string{{"token", "create", "ann", "-o", "xml"}, {"token", "create", "ann", "--expires",
		"200000d"}} {
		if out, _, err := d.run("shared", wrong...); !errors.Is(err, errUsage) || out != "" {
			t.Errorf("%v: %v: %s", wrong, err, out)
		}
	}
	d.says("There are no tokens of people", "shared", "token", "list")
}

// Scripts are given what people are, and the secret once.
func TestTokensAsData(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var made struct {
		Name, Email, Secret string
		Groups              []string
	}
	out := d.says("ann", "shared", "token", "create", "ann", "--group", "sre", "--email", "ann@example.com", "-o", "json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Name != "ann" || made.Secret == "" ||
		made.Email != "ann@example.com" ||
		!slices.Equal(made.Groups, []string{"sre"}) {
		t.Errorf("made is %s, %v", out, err)
	}
	d.says("The journal is whole", made.Secret, "audit", "verify")
	var list []struct{ Name, Secret string }
	out = d.says("ann", "shared", "token", "list", "-o", "json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0].Name != "ann" ||
		strings.Contains(out, made.Secret) {
		t.Errorf("listed is %s, %v", out, err)
	}
	var entries []struct{ Seq int }
	out = d.says("", "shared", "audit", "export", "-o", "json")
	if err := json.Unmarshal([]byte(out), &entries); err != nil || len(entries) != 1 {
		t.Errorf("the journal is %s, %v", out, err)
	}
}

func TestStatesOfTokens(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	later, before := now.Add(time.Hour), now.Add(-time.Hour)
	for want, token := range map[string]people.Token{
		"good until 2026-11-20T13:00:00Z": {Expires: later},
		"expired 2026-11-20T11:00:00Z":    {Expires: before},
		"revoked 2026-11-20T11:00:00Z":    {Expires: later, Revoked: before},
	} {
		if got := state(token, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := groups(people.Token{}) + "; " + groups(people.Token{Groups: []string{"a", "b"}}); got != "no group; a, b" {
		t.Errorf("groups are %q", got)
	}
}

// An export can come through a pipe, and what is no export is said to be none.
func TestAnExportIsVerifiedFromItsInput(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	export := d.says("", "shared", "audit", "export")
	d.input = export
	d.says("The journal is whole: no entries", "", "audit", "verify", "-")
	d.input = "{}\n"
	if _, _, err := d.run("", "audit", "verify", "-"); err == nil {
		t.Error("anything is a whole journal")
	}
	d.fails("no such file", "", "audit", "verify", filepath.Join(t.TempDir(), "none"))
	d.fails("no such file", "shared", "audit", "export", "-o", filepath.Join(t.TempDir(), "none", "x"))
}
