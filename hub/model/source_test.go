package model

import (
	"strings"
	"testing"
	"time"
)

func TestWhatIsFetchedOnceHasOneKey(t *testing.T) {
	a := Source{Kind: SourceGit, URL: "https://git.example.com/x.git", Branch: "main"}
	same := a
	same.Folder, same.Ignore, same.SourceIgnore, same.Interval = "deploy", "*.md", true, time.Hour
	if a.Key() != same.Key() {
		t.Error("how a source is looked at, and how often, makes it another")
	}
	for _, change := range []func(*Source){
		func(s *Source) { s.Kind = SourceOCI },
		func(s *Source) { s.URL += "x" },
		func(s *Source) { s.Branch = "dev" },
		func(s *Source) { s.Ref = "v1" },
		func(s *Source) { s.SemVer = "1.x" },
		func(s *Source) { s.Revision = "0" },
		func(s *Source) { s.Chart = "web" },
		func(s *Source) { s.Credentials = "c" },
		func(s *Source) { s.MediaType = "text/x" },
		func(s *Source) { s.PlainHTTP = true },
	} {
		other := a
		change(&other)
		if other.Key() == a.Key() {
			t.Errorf("%+v has the key of %+v", other, a)
		}
	}
}

func TestNoSecretOfAnAddressIsShown(t *testing.T) {
	for address, want := range map[string]string{
		"https://user:hunter2@host/x?token=hunter2#hunter2": "https://host/x",
		"https://hunter2@ho st/x?hunter2":                   "https://ho st/x",
		"ssh://git@host/x":                                  "ssh://host/x",
		"git@host:x":                                        "git@host:x",
	} {
		s := Source{URL: address, Chart: "web", SemVer: "1.x"}
		if got := WithoutUser(address); got != want || strings.Contains(s.String()+s.Place("f"), "hunter2") {
			t.Errorf("%s is shown as %s, %s and %s", address, got, s, s.Place("f"))
		}
	}
}
