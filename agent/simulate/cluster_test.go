package simulate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// bundle is one with apps as "web=1 db=2"; an app without content could not be rendered, and "web=1!" is suspended.
func bundle(apps string) (b protocol.Bundle) {
	for pair := range strings.FieldsSeq(apps) {
		name, digest, _ := strings.Cut(pair, "=")
		app := protocol.App{Name: name, Declared: "App " + name}
		if bare, suspended := strings.CutSuffix(digest, "!"); suspended {
			digest, app.Suspend = bare, true
		}
		if digest != "" {
			app.Blob = &protocol.Blob{Digest: digest, Objects: 3}
		}
		b.Apps = append(b.Apps, app)
	}
	return b
}

// lifetime is a cluster whose blobs hold "content DIGEST", and a clock.
type lifetime struct {
	cluster
	now time.Time
}

// gets puts a bundle into force, and lets what was fetched settle.
func (l *lifetime) gets(b protocol.Bundle) {
	l.now = l.now.Add(time.Minute)
	for _, blob := range l.take(b, l.now) {
		for _, name := range l.apply(blob, []byte("content "+blob.Digest), l.now) {
			l.settle(name, blob.Digest, l.now)
		}
	}
}

func (l *lifetime) String() string {
	var out []string
	for _, a := range l.reports() {
		out = append(out, fmt.Sprintf("%s=%s %s %d/%d", a.Name, a.Digest, a.Phase, a.Current, a.Objects))
	}
	return strings.Join(out, ", ")
}

func TestAClusterRunsWhatItsBundlesAsk(t *testing.T) {
	t.Parallel()
	l := &lifetime{}
	incomplete := bundle("web=2")
	incomplete.Incomplete = "a file cannot be read"
	for _, c := range []struct {
		what  string
		do    func()
		want  string
		rests string // apps that are bad; "-" if something is on its way
	}{
		{"first", func() { l.gets(bundle("web=1 db=1")) }, "web=1 healthy 3/3, db=1 healthy 3/3", ""},
		{"order", func() { l.follow(Order{Act: Fail, App: "web", Text: "content 2"}, l.now) },
			"web=1 healthy 3/3, db=1 healthy 3/3", ""},
		{"bad", func() { l.gets(bundle("web=2 db=1")) }, "web=2 degraded 0/3, db=1 healthy 3/3", "web"},
		{"incomplete", func() { l.gets(incomplete) }, "web=2 degraded 0/3, db=1 healthy 3/3", "web"},
		{"back", func() { l.gets(bundle("web=1 db=1")) }, "web=1 healthy 3/3, db=1 healthy 3/3", ""},
		{"falls back", func() { l.follow(Order{Act: Degrade, App: "db"}, l.now) },
			"web=1 healthy 3/3, db=1 degraded 0/3", "db"},
		{"heals", func() { l.follow(Order{Act: Heal, App: "*"}, l.now) }, "web=1 healthy 3/3, db=1 healthy 3/3", ""},
		{"fails no more", func() { l.gets(bundle("web=2 db=1")) }, "web=2 healthy 3/3, db=1 healthy 3/3", ""},
		{"on its way", func() { l.take(bundle("web=3 db=1"), l.now) }, "web=2 healthy 3/3, db=1 healthy 3/3", "-"},
		{"not rendered", func() { l.gets(bundle("web= db=1")) }, "web=2 failed 0/3, db=1 healthy 3/3", "web"},
		{"suspended", func() { l.gets(bundle("web=4! db=1")) }, "web=2 suspended 0/3, db=1 healthy 3/3", ""},
		{"resumed", func() { l.gets(bundle("web=2 db=1")) }, "web=2 healthy 3/3, db=1 healthy 3/3", ""},
		{"an app goes", func() { l.gets(bundle("web=2")) }, "web=2 healthy 3/3", ""},
	} {
		c.do()
		bad, rests := l.rests()
		if !rests {
			bad = "-"
		}
		if got := l.String(); got != c.want || bad != c.rests {
			t.Fatalf("%s: %s, bad are %q; want %s, %q", c.what, got, bad, c.want, c.rests)
		}
	}
}

// What is late for content that is no longer asked for changes nothing.
func TestWhatIsLateChangesNothing(t *testing.T) {
	t.Parallel()
	l := &lifetime{}
	first := l.take(bundle("web=1"), l.now)[0]
	l.take(bundle("web=2"), l.now)
	if applied := l.apply(first, nil, l.now); applied != nil {
		t.Errorf("%v got what the bundle before asked for", applied)
	}
	l.gets(bundle("web=3"))
	if _, was := l.settle("web", "2", l.now); was || l.String() != "web=3 healthy 3/3" {
		t.Errorf("the delay of other content ended for %s", l)
	}
}

func TestAnAppIsNamedAsPeopleAreShownIt(t *testing.T) {
	t.Parallel()
	a := app{AppReport: protocol.AppReport{Name: "plex--abc", Declared: "Kustomization media/plex"}}
	for name, want := range map[string]bool{"plex--abc": true, "media/plex": true, "plex": true, "*": true,
		"media": false, "": false} {
		if got := a.is(name); got != want {
			t.Errorf("%q is it: %v", name, got)
		}
	}
}
