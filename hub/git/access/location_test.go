package access

import "testing"

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
