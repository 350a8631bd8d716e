package access

import (
	"os"
	"strings"
	"testing"
)

func TestLocations(t *testing.T) {
	for given, want := range map[string]Location{
		"/srv/fleet":                     {Path: "/srv/fleet"},
		"./fleet":                        {Path: "./fleet"},
		"a/b:c":                          {Path: "a/b:c"},
		"file:///srv/fleet":              {Path: "/srv/fleet"},
		"git@host:team/fleet.git":        {Scheme: "ssh", URL: "git@host:team/fleet.git", User: "git"},
		"host:fleet":                     {Scheme: "ssh", URL: "git@host:fleet", User: "git"},
		"ssh://host:2222/fleet":          {Scheme: "ssh", URL: "ssh://git@host:2222/fleet", User: "git"},
		"ssh://ada:pw@host/fleet":        {Scheme: "ssh", URL: "ssh://ada@host/fleet", User: "ada", Password: "pw"},
		"https://tok:x%2Fy@host/a.git?q": {Scheme: "https", URL: "https://host/a.git?q", User: "tok", Password: "x/y"},
		"HTTPS://host/a.git":             {Scheme: "https", URL: "https://host/a.git"},
	} {
		if got, err := Parse(given); err != nil || got != want {
			t.Errorf("%s: got %+v, %v\nwant %+v", given, got, err, want)
		}
	}
}

// What is no repository is said with what to write, and without what may be a password.
func TestWhatIsNoLocation(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                              "no repository is given: name a path, or a URL",
		"git@:fleet":                    "neither a path nor a URL: write git@host:path or ssh://git@host/path",
		"host:":                         "neither a path nor a URL",
		"https://ada:s3cret@ho st/x":    "https://ho st/x: not a URL: percent-encode what is special in it",
		"https://ada:s3cret%zz@host/x":  "https://host/x: not a URL",
		"file://ada:s3cret@server/srv":  "file://server/srv: a file URL has no host: write file:///path",
		"ftp://ada:s3cret@host/x":       "ftp://host/x: ftp is not supported: use a path, file, https, http or ssh",
		"git://ada:s3cret@host/x":       "git is not supported",
		"https://ada:s3cret@/fleet.git": "https:///fleet.git: it names no host: write it before the path",
	} {
		got, err := Parse(given)
		if err == nil {
			t.Errorf("%q is %+v", given, got)
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "s3cret") {
			t.Errorf("%q: %q, want %q in it", given, text, want)
		}
	}
}

// A file with a colon in its name is a path.
func TestAPathMayHaveAColon(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("host:fleet", 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := Parse("host:fleet"); err != nil || got != (Location{Path: "host:fleet"}) {
		t.Errorf("it is %+v, %v", got, err)
	}
	if got, err := Parse("file://localhost/srv/fleet"); err != nil || got.Path != "/srv/fleet" {
		t.Errorf("a file of this machine is %+v, %v", got, err)
	}
}

func TestLocationsHaveNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"/srv/fleet": "/srv/fleet", "https://ada:s3cret@host/x": "https://host/x",
		"host:fleet": "git@host:fleet", "ssh://ada:s3cret@host/fleet": "ssh://ada@host/fleet"} {
		if l, err := Parse(given); err != nil || l.Name() != want {
			t.Errorf("%s is called %q, %v", given, l.Name(), err)
		}
	}
}
