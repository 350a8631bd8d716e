package datadir

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/server"
)

// misuse is an error about how a command was called.
type misuse struct{ error }

const fine, bad, misused = 0, 1, 2

// desk is a data directory with keys, and perhaps a hub that runs with it.
type desk struct {
	*testing.T
	dir string
	hub *httptest.Server // nil for none
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, dir: t.TempDir()}
	d.keys()
	return d
}

// keys are those in the data directory.
func (d *desk) keys() *keyring.Keys {
	d.Helper()
	keys, err := keyring.Open(filepath.Join(d.dir, "keys"))
	if err != nil {
		d.Fatal(err)
	}
	return keys
}

// runs has a hub run that tells clusters to trust something.
func (d *desk) runs(answer *api.Trust) {
	d.hub = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		_ = json.NewEncoder(w).Encode(answer)
	}))
	d.Cleanup(d.hub.Close)
}

func (d *desk) client(string) (api.Client, error) {
	if d.hub == nil {
		return api.Client{}, errors.New("no hub is known here")
	}
	return api.Client{URL: d.hub.URL, APIToken: "secret"}, nil
}

// run runs a command.
func (d *desk) run(args ...string) (said string, code int) {
	root := &cobra.Command{Use: "hub", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(Commands(Config{Wrong: func(err error) error { return misuse{err} }, DataDir: d.dir, Running: d.client,
		Connection: func() call.Connection {
			return call.Connection{Flags: func(*cobra.Command) {}, Client: func() (api.Client, error) { return d.client("") },
				DataDir: func() string { return d.dir }}
		}})...)
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(d.Context())
	switch {
	case err == nil:
		return out.String(), fine
	case errors.As(err, &misuse{}):
		code = misused
	default:
		code = bad
	}
	return out.String() + "error: " + err.Error() + "\n", code
}

// wants runs a command, and checks its exit code and a part of what it says, which it gives.
func (d *desk) wants(code int, part string, args ...string) string {
	d.Helper()
	said, got := d.run(args...)
	if got != code || !strings.Contains(said, part) {
		d.Errorf("%s: exit code %d, want %d, and %q in: %s", strings.Join(args, " "), got, code, part, said)
	}
	return said
}

// Every key is rotated in two steps, each of which says the next one; and only then is another key the hub's.
func TestEveryKeyIsRotatedInTwoSteps(t *testing.T) {
	t.Parallel()
	for _, kind := range keyring.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			ids := func() (in, next string) {
				list, err := d.keys().List()
				if err != nil {
					t.Fatal(err)
				}
				for _, k := range list {
					switch {
					case k.Kind == kind && k.Next:
						next = k.ID
					case k.Kind == kind:
						in = k.ID
					}
				}
				return in, next
			}
			first, none := ids()
			if none != "" {
				t.Fatalf("there is a next key %s before one was made", none)
			}
			d.wants(bad, "begin with `drover hub keys rotate "+string(kind)+"`", "keys", "finish", string(kind), "--force")
			d.wants(fine, next[kind], "keys", "rotate", string(kind))
			was, coming := ids()
			if was != first || coming == "" || coming == first {
				t.Errorf("in use is %s, which was %s, and next %s", was, first, coming)
			}
			d.wants(fine, "next: see `drover hub keys finish --help`", "keys")
			d.wants(bad, "", "keys", "rotate", string(kind)) // one at a time
			d.wants(fine, after[kind], "keys", "finish", string(kind), "--force")
			if now, left := ids(); now != coming || left != "" {
				t.Errorf("in use is %s, want %s, and next %s", now, coming, left)
			}
		})
	}
}

// The old key is kept as long as dropping it would make a cluster join again, or that is not known.
func TestAnOldKeyIsDroppedWhenAllTrustTheNext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind  keyring.Kind
		hub   func(*api.Trust) // nil for none
		stale bool             // the hub was not restarted
		want  string           // "" if it is dropped
	}{
		"no hub":                       {keyring.Signing, nil, false, "cannot be told: no hub is known here; or say --force"},
		"no hub, and nobody needs one": {keyring.Operator, nil, false, ""},
		"not restarted": {keyring.Signing, func(*api.Trust) {}, true,
			"does not use the next one yet: restart it"},
		"all trust it": {keyring.Signing, func(*api.Trust) {}, false, ""},
		"some do not": {keyring.Authority, func(a *api.Trust) { a.Behind = []string{"far", "lost"} }, false,
			"far, lost did not report to trust the next one yet"},
		"the account, not restarted": {keyring.Account, func(a *api.Trust) { a.AccountKey = "" }, false,
			"does not use the next one yet: restart it"},
		"the account, some move": {keyring.Account, func(a *api.Trust) { a.Moving = []string{"far"} }, false,
			"far did not renew yet"},
		"the account, who is behind": {keyring.Account, func(a *api.Trust) { a.Behind = []string{"far"} }, false, ""},
		"another key, some move":     {keyring.Fleet, func(a *api.Trust) { a.Moving = []string{"far"} }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			answer := &api.Trust{Clusters: 3}
			tell := func() {
				keys := d.keys()
				trust, err := keys.Trust([]string{"tls://hub:4222"}, keys.CA())
				if err != nil {
					t.Fatal(err)
				}
				answer.Trust, answer.AccountKey = trust, keys.AccountKey()
			}
			tell()
			d.wants(fine, "Restart the hub", "keys", "rotate", string(c.kind))
			if c.hub != nil {
				if !c.stale {
					tell()
				}
				c.hub(answer)
				d.runs(answer)
			}
			if c.want == "" {
				d.wants(fine, "is gone. Restart the hub", "keys", "finish", string(c.kind))
				return
			}
			d.wants(bad, c.want, "keys", "finish", string(c.kind))
			if !d.keys().Rotating(c.kind) {
				t.Error("it was dropped all the same")
			}
			d.wants(fine, "is gone. Restart the hub", "keys", "finish", string(c.kind), "--force")
		})
	}
}

func TestKeysAreListedWithWhoTrustsThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	said := d.wants(fine, "Which clusters trust them cannot be told: no hub is known here", "keys")
	for _, kind := range keyring.Kinds {
		if strings.Count(said, "\n"+string(kind)+" ") != 1 {
			t.Errorf("%s is not listed once: %s", kind, said)
		}
	}
	keys := d.keys()
	trust, err := keys.Trust([]string{"tls://hub:4222"}, keys.CA())
	if err != nil {
		t.Fatal(err)
	}
	d.runs(&api.Trust{Trust: trust, Clusters: 3, Behind: []string{"far"}, AccountKey: keys.AccountKey(),
		Moving: []string{"far", "lost"}})
	said = d.wants(fine, "2 of 3 clusters have reported to trust what the hub tells them to trust now.\nNot yet: far\n",
		"keys")
	if keys.AccountKey() != "" && !strings.Contains(said,
		"1 of 3 clusters have a credential of the newest account key.") ||
		!strings.Contains(said, "Not yet: far, lost\n") {
		t.Errorf("it says %s", said)
	}
	d.wants(misused, `there is no key "tenant" that can be rotated: use signing, ca, operator, account, fleet`, "keys",
		"rotate", "tenant")
	d.wants(misused, "it takes the key to rotate", "keys", "rotate")
	d.wants(misused, "it takes no arguments", "keys", "x")
	empty := &desk{T: t, dir: t.TempDir()}
	empty.wants(bad, "say with --data-dir where they are, or start the hub once, which makes them", "keys")
	if made, err := os.ReadDir(empty.dir); err != nil || len(made) > 0 {
		t.Errorf("asking made %v, %v", made, err)
	}
}

func TestURLsOfServersAreSecure(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"tls://hub:4222": "tls://hub:4222", "wss://hub": "wss://hub", "nats://hub:4222": "tls://hub:4222",
		" tls://hub ": "tls://hub",
		"ws://hub":    "", "http://hub": "", "hub:4222": "", "hub": "", "tls://": "", "tls://:4222": "", "": "", "tls://a b": "",
	} {
		got, err := SecureURL("--advertise", given)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", given, got, err, want)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "--advertise ") || !strings.Contains(err.Error(),
			"write tls://host:port or wss://host:port")) {
			t.Errorf("%q: %v", given, err)
		}
	}
	if _, err := SecureURL("--nats-url", "http://ada:pw@hub"); err == nil || strings.Contains(err.Error(), ":pw@") {
		t.Errorf("a password shows in %v", err)
	}
}

func TestNodesAreNamedWithTheirHosts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]server.Node{
		"n0=10.0.0.1":       {Name: "n0", Host: "10.0.0.1", Port: 6222},
		"n0=10.0.0.1:7222":  {Name: "n0", Host: "10.0.0.1", Port: 7222},
		"a=nats.example":    {Name: "a", Host: "nats.example", Port: 6222},
		"a=[2001:db8::1]:1": {Name: "a", Host: "2001:db8::1", Port: 1},
	} {
		if got, err := parseNode(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{"n0": "write NAME=HOST", "n0=": "write NAME=HOST",
		"=host": `the node "=host": `, "../x=host": "the node ",
		"n0=host:http": `"http" is no port`, "n0=host:70000": `"70000" is no port`, "n0=a b": "write NAME=HOST",
		"n0=a/b":  "write NAME=HOST",
		"n0=a\"b": "write NAME=HOST", "n0=a\nb": "write NAME=HOST"} {
		if got, err := parseNode(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// A file that is there stops all of them: half a new configuration beside half an old one would start no server.
func TestFilesAreWrittenAllOrNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := []server.File{{Path: "n0/nats.conf", Data: []byte("new")}, {Path: "n1/server.key", Data: []byte("key"),
		Secret: true}}
	there := filepath.Join(dir, "n1/server.key")
	if err := os.MkdirAll(filepath.Dir(there), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(there, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeFiles(dir, files, false); err == nil || !strings.Contains(err.Error(),
		there+" is there already: name another folder, or overwrite it with --force") {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "n0")); !os.IsNotExist(err) {
		t.Errorf("some are written: %v", err)
	}
	if err := writeFiles(dir, files, true); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if data, err := os.ReadFile(filepath.Join(dir, f.Path)); err != nil || !slices.Equal(data, f.Data) {
			t.Errorf("%s is %q, %v", f.Path, data, err)
		}
	}
	var out bytes.Buffer
	if err := printFiles(&out, files); err != nil || out.String() != "new" {
		t.Errorf("printed is %q, %v", out.String(), err)
	}
}

// Flags of nats-config that would make servers which do not work together are refused before a key is made.
func TestServersThatWouldNotWorkTogetherAreRefused(t *testing.T) {
	t.Parallel()
	d := &desk{T: t, dir: t.TempDir()}
	for args, want := range map[string]string{
		"--leaf a=b --cluster c":                       "--leaf is for one server of its own",
		"--leaf a=b --node c=d":                        "--leaf is for one server of its own",
		"--leaf a=b":                                   "where does the leaf node connect?",
		"--upstream tls://a":                           "name that with --leaf",
		"--cluster c --node a=b --node d=e":            "has three or more",
		"--node a=b --node c=d":                        "several nodes form a cluster: name it with --cluster",
		"--cluster C --node a=b --node c=d --node e=f": "--cluster: ",
		"--websocket 443":                              `--websocket "443": write host:port`,
		"--leafnodes x":                                `--leafnodes "x": write host:port`,
		"--leaf a=b --upstream http://c":               `--upstream "http://c": agents connect with TLS only`,
		"--node a":                                     "write NAME=HOST",
		"x":                                            "it takes no arguments",
	} {
		d.wants(misused, want, append([]string{"nats-config"}, strings.Fields(args)...)...)
	}
	if made, err := os.ReadDir(d.dir); err != nil || len(made) > 0 {
		t.Errorf("made are %v, %v", made, err)
	}
	said := d.wants(fine, "tls://up:7422", "nats-config", "--leaf", "oslo=nats.oslo", "--upstream", "tls://up:7422")
	if strings.Contains(said, "PRIVATE KEY") || strings.Contains(said, "SEED") {
		t.Errorf("printed is %s", said)
	}
}
