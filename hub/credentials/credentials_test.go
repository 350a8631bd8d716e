package credentials

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func folder(t *testing.T, files map[string]string) *Folder {
	t.Helper()
	f := &Folder{Dir: t.TempDir()}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(f.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// TestACredentialGoesWhereItsFileSays, whichever file in Git names it.
func TestACredentialGoesWhereItsFileSays(t *testing.T) {
	f := folder(t, map[string]string{
		"acme.yaml":     "urls: [https://git.example.com/acme/, 'ssh://git@git.example.com/acme', oci://ghcr.io/acme]\ntoken: acme\n",
		"web.yaml":      "urls: [https://git.example.com/acme/web.git]\ntoken: web\n",
		"internal.yaml": "urls: ['http://charts.internal:8080']\nusername: u\npassword: internal\n",
		"..data.yaml":   "what a mounted Secret keeps of itself",
		"README":        "no credential",
	})
	for _, c := range []struct {
		name, address, named string
		plain                bool
		want, err            string
	}{
		{name: "by the beginning of the address", address: "https://git.example.com/acme/shop.git", want: "acme"},
		{name: "whatever the case of the host, and whichever user", address: "https://x@GIT.example.com/acme/shop.git", want: "acme"},
		{name: "the longest beginning", address: "https://git.example.com/acme/web.git", want: "web"},
		{name: "named", address: "https://git.example.com/acme/web.git", named: "acme", want: "acme"},
		{name: "an ssh address as scp has it", address: "git@git.example.com:acme/shop.git", want: "acme"},
		{name: "a registry", address: "oci://ghcr.io/acme/app", want: "acme"},
		{name: "a registry without encryption", address: "oci://ghcr.io/acme/app", plain: true},
		{name: "http where http was said", address: "http://charts.internal:8080/x", want: "internal"},
		{name: "a name that only begins alike", address: "https://git.example.com/acme-evil/shop.git"},
		{name: "a host that only begins alike", address: "https://git.example.com.evil.org/acme/shop.git"},
		{name: "another port", address: "https://git.example.com:8443/acme/shop.git"},
		{name: "http instead of https", address: "http://git.example.com/acme/shop.git"},
		{name: "out of the folder", address: "https://git.example.com/acme/../other/shop.git"},
		{name: "out of the folder, written otherwise", address: "https://git.example.com/acme/%2e%2e/other/shop.git"},
		{name: "named, to another server", address: "https://evil.example.org/x.git", named: "acme", err: `asks for the credential "acme", which is not for this address`},
		{name: "named, with no such credential", address: "https://evil.example.org/x.git", named: "nope", err: "put a file nope.yaml with urls: [https://evil.example.org/x.git]"},
		{name: "another name, and one that is for the address", address: "https://git.example.com/acme/shop.git", named: "flux-system", want: "acme"},
		{name: "no address", address: "/etc", err: "is to begin with https://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := f.Find(t.Context(), c.address, c.named, c.plain)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if secret := got.Token + got.Password; err != nil || secret != c.want {
				t.Errorf("got %q, %v; want %q", secret, err, c.want)
			}
		})
	}
}

// TestABadFileStopsOnlyItself: and no secret is in what is said of it.
func TestABadFileStopsOnlyItself(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "urls: [https://a/]\ntoken: hunter2: hunter2\n", "bad.yaml: it is no YAML (line 2)"},
		{"no urls", "token: hunter2\n", "it says under no urls where it may be sent"},
		{"urls of another kind", "urls: [/tmp]\ntoken: hunter2\n", "is to begin with https://"},
		{"a field that nobody knows", "urls: [https://a/]\nhunter2: x\n", "it has a field that no credential has"},
		{"two ways to log in", "urls: [https://a/]\ntoken: hunter2\nusername: x\npassword: hunter2\n", "more than one of"},
		{"half a certificate", "urls: [https://a/]\nkey: hunter2\n", "certificate and key belong together"},
		{"half an app", "urls: [https://a/]\ngithubApp: {id: 1, privateKey: hunter2}\n", "githubApp is to have"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := folder(t, map[string]string{"bad.yaml": c.text, "good.yaml": "urls: [https://good/]\ntoken: good\n"})
			err := f.Check()
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Check = %v, want %q", err, c.want)
			}
			if got, err := f.Find(t.Context(), "https://good/x", "", false); err != nil || got.Token != "good" {
				t.Errorf("the good one: %+v, %v", got, err)
			}
			if _, err := f.Find(t.Context(), "https://public/x", "", false); err != nil {
				t.Errorf("a public repository: %v", err)
			}
			if _, err := f.Find(t.Context(), "https://a/x", "bad", false); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the bad one, by name: %v", err)
			}
		})
	}
}

func TestAReplacedFileCountsAtOnce(t *testing.T) {
	f := folder(t, map[string]string{"a.yaml": "urls: [https://a/]\ntoken: old\n"})
	for _, want := range []string{"old", "new"} {
		if err := os.WriteFile(filepath.Join(f.Dir, "a.yaml"), []byte("urls: [https://a/]\ntoken: "+want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Find(t.Context(), "https://a/x", "", false); err != nil || got.Token != want {
			t.Errorf("got %q, %v; want %q", got.Token, err, want)
		}
	}
}

// A project that may use some credentials alone is given no other, also where another one is for the address.
func TestOnlyCertainCredentialsAreUsed(t *testing.T) {
	f := folder(t, map[string]string{
		"acme.yaml": "urls: [https://git.example.com/acme/]\ntoken: acme\n",
		"team.yaml": "urls: [https://git.example.com/acme/team]\ntoken: team\n",
	})
	for _, c := range []struct {
		name, address, named string
		among                []string
		want, err            string
	}{
		{name: "all", address: "https://git.example.com/acme/team/web", want: "team"},
		{name: "none", address: "https://git.example.com/acme/team/web", among: []string{}},
		{name: "the one that covers more", address: "https://git.example.com/acme/team/web", among: []string{"acme"}, want: "acme"},
		{name: "one that is for another address", address: "https://git.example.com/acme/web", among: []string{"team"}},
		{name: "one that is named and not among them", address: "https://git.example.com/acme/web", named: "acme", among: []string{"team"}, err: `asks for the credential "acme"`},
		{name: "one that there is not", address: "https://git.example.com/acme/web", among: []string{"other"}},
	} {
		got, err := f.FindAmong(t.Context(), c.address, c.named, false, c.among)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || got.Token != c.want {
			t.Errorf("%s: %q, %v, want %q, %q", c.name, got.Token, err, c.want, c.err)
		}
	}
}

func TestHeadersAreSentAsTheyAreOrNotAtAll(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"headers: {X-Api-Key: abc}":                                   "",
		`headers: {"X Key": TOPSECRET}`:                               "letters, digits and - alone",
		"headers: {Host: TOPSECRET}":                                  "Host is not sent",
		`headers: {X-A: "TOPSECRET\r\n"}`:                             "X-A has a line break",
		"headers: {" + strings.Repeat("A", 1) + manyHeaders(21) + "}": "more than 20",
	} {
		dir := t.TempDir()
		err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("urls: [https://x.example.com/]\n"+text+"\n"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		f := &Folder{Dir: dir}
		err = f.Check()
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "TOPSECRET")) {
			t.Errorf("%s: %v", text, err)
		}
		if want == "" {
			if c, err := f.Find(t.Context(), "https://x.example.com/y", "a", false); err != nil ||
				c.Headers["X-Api-Key"] != "abc" {
				t.Errorf("%s: %v, %v", text, c.Headers, err)
			}
		}
	}
}

func manyHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "B%d: x, A", i)
	}
	return b.String() + ": x"
}
