package planning

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/hub/trust"
)

// precedences is a plan with apps of all kinds: platform has all rights, one and two are in projects, and the others have
// an account of the namespace that they are called.
func precedences() *Plan {
	in := model.Declarations{
		Parties: map[string]trust.Party{"one": {Project: "one"}, "two": {Project: "two"}, "a": {Account: "a/x"}, "b": {Account: "b/x"}, "a2": {Account: "a/x"}},
		Bounds:  map[string]*project.Bounds{"one": {Project: project.Project{Name: "one", Where: "p.yaml:1", Paths: []string{"team/**"}, Sources: []string{"https://git.example.com/**"}, Credentials: []string{"team"}}}},
		Held:    map[string]string{"K b/held": "a/x", "K other/gone": "c/x"},
	}
	tree := fstest.MapFS{"team/web/a.yaml": {Data: []byte("a")}, "platform/b.yaml": {Data: []byte("b")}}
	p := NewPlan(tree, "clusters/eu", in, nil)
	for _, name := range []string{"platform", "one", "two", "a", "b", "a2", model.RootApp} {
		p.Apps[name] = model.App{Name: name}
	}
	return p
}

func declared(app, namespace, name, text string) *Object {
	return &Object{Declaration: model.Declaration{Rendered: model.Rendered{JSON: []byte(text), File: app + ".yaml"}, App: app}, Kind: "K", Namespace: namespace, Name: name}
}

func TestWhichOfTwoDeclarationsCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, second string // the apps
		key           string // namespace/name
		counts        string
		stops         string // the app that does
	}{
		{"platform", "a", "x/y", "platform", "a"},
		{"a", "platform", "x/y", "platform", "a"},
		{"a", model.RootApp, "x/y", model.RootApp, "a"},
		{"one", "platform", "x/y", "platform", "one"},
		{"a", "one", "x/y", "one", "a"},
		{"one", "two", "x/y", "one", "two"},
		{"a", "b", "x/y", "a", "b"},
		{"a", "b", "b/y", "b", "a"},    // whose namespace it is
		{"b", "a", "b/held", "a", "b"}, // who had it
		{"a", "b", "other/gone", "a", "b"},
		{"a", "a2", "x/y", "a", ""},
		{"platform", model.RootApp, "x/y", "platform", ""},
	} {
		p := precedences()
		namespace, name, _ := strings.Cut(c.key, "/")
		p.Add(declared(c.first, namespace, name, "{}"))
		p.Add(declared(c.second, namespace, name, `{"a":1}`))
		if got := p.Object("K " + c.key); got.App != c.counts || len(p.Objects()) != 1 || p.Objects()[0] != got {
			t.Errorf("%+v: that of %s counts", c, got.App)
		}
		if clash := p.Object("K "+c.key).Clash != ""; clash != (c.stops == "") {
			t.Errorf("%+v: it clashes: %v", c, clash)
		}
		p.Stop()
		for app, a := range p.Apps {
			if (a.Err != "") != (app == c.stops) || a.Err != "" && !strings.Contains(a.Err, fmt.Sprintf("%s.yaml: K %s: %s.yaml declares the same with the rights of", c.stops, c.key, c.counts)) {
				t.Errorf("%+v: %s says %q", c, app, a.Err)
			}
		}
		if len(p.Cluster.Problems) > 0 {
			t.Errorf("%+v: %q", c, p.Cluster.Problems)
		}
	}
}

// All that was declared before with fewer rights is lost, also what says the same.
func TestWhatIsDeclaredWithMoreRightsTakesTheWholePlace(t *testing.T) {
	t.Parallel()
	p := precedences()
	p.Add(declared("a", "x", "y", "{}"))
	p.Add(declared("a2", "x", "y", `{"a":1}`))
	p.Add(declared("platform", "x", "y", "{}"))
	p.Add(declared("b", "x", "y", "{}"))
	p.Stop()
	if o := p.Object("K x/y"); o.App != "platform" || o.Clash != "" || len(o.Again) > 0 {
		t.Errorf("it is of %s, with %q and %q", o.App, o.Clash, o.Again)
	}
	for app, stops := range map[string]bool{"a": true, "a2": true, "b": true, "platform": false, "one": false} {
		if (p.Apps[app].Err != "") != stops {
			t.Errorf("%s says %q", app, p.Apps[app].Err)
		}
	}
}

func TestWhoMayUseWhatOthersDeclare(t *testing.T) {
	t.Parallel()
	p := precedences()
	for _, c := range []struct {
		by, of, account string
		may, shows      bool
	}{
		{"platform", "platform", "", true, true},
		{"platform", "a", "", false, true},
		{"platform", "a", "x", true, true}, // for an app with that account
		{"platform", "b", "x", false, true},
		{"platform", "one", "", false, true},
		{"one", "platform", "", true, false},
		{"one", "two", "", false, false},
		{"a", "platform", "", true, false},
		{"a", "one", "", true, false},
		{"a", "a2", "", true, true},
		{"a", "b", "", false, false},
	} {
		o, named := declared(c.by, "a", "o", "{}"), declared(c.of, "n", "named", "{}")
		o.Spec = map[string]any{"serviceAccountName": c.account}
		if may, shows := p.May(o, named), p.Shows(o, named); may != c.may || shows != c.shows {
			t.Errorf("%+v: it may: %v, it shows: %v", c, may, shows)
		}
	}
	p.Add(declared("a", "n", "named", "{}"))
	if p.Visible(declared("platform", "n", "o", "{}"), "K n/named") != nil || p.Visible(declared("a", "n", "o", "{}"), "K n/named") == nil ||
		p.Visible(declared("a", "n", "o", "{}"), "K n/none") != nil {
		t.Error("what may be used is not what is visible")
	}
}

func TestWhatIsWrongStopsTheAppThatDeclaresIt(t *testing.T) {
	t.Parallel()
	p := precedences()
	for _, app := range []string{"platform", model.RootApp, "", "a", "one", "gone"} {
		p.Fault(app, "%s.yaml is broken", app)
	}
	p.Fault("a", "a.yaml is broken")
	p.Fault("a", "more is")
	b := p.Apps["one"]
	b.Err = "it cannot be known"
	p.Apps["one"] = b
	p.Stop()
	if got := fmt.Sprint(p.Cluster.Problems); got != "[platform.yaml is broken root.yaml is broken .yaml is broken gone.yaml is broken]" {
		t.Errorf("problems: %s", got)
	}
	if p.Apps["a"].Err != "a.yaml is broken; more is" || p.Apps["one"].Err != "it cannot be known" || p.Apps["platform"].Err != "" {
		t.Errorf("they say %q, %q and %q", p.Apps["a"].Err, p.Apps["one"].Err, p.Apps["platform"].Err)
	}
}

func TestWhatMayBeReadForADeclaration(t *testing.T) {
	t.Parallel()
	p := precedences()
	for app, want := range map[string]string{"platform": "a b", "one": "a", "a": "a b"} {
		got := ""
		for _, file := range []string{"team/web/a.yaml", "platform/b.yaml"} {
			if data, err := p.Readable(declared(app, "n", "o", "{}")).ReadFile(file); err == nil {
				got += " " + string(data)
			}
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("%s reads %q", app, got)
		}
	}
	for _, c := range []struct{ app, url, logins, err string }{
		{"platform", "https://git.example.com/a", "<nil>", ""},
		{"one", "https://git.example.com/a", "&{[team]}", ""},
		{"one", "https://evil.example.com/a", "", "the project one (p.yaml:1) does not permit the source https://evil.example.com/a"},
	} {
		p := precedences()
		_, err := p.TreeFor(declared(c.app, "n", "o", "{}"), model.Source{Kind: model.SourceGit, URL: c.url})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || len(p.Needs) > 0 {
				t.Errorf("%+v: %v, needs %v", c, err, p.Needs)
			}
			continue
		}
		if len(p.Needs) != 1 || fmt.Sprint(p.Needs[0].Source.Logins) != c.logins {
			t.Errorf("%+v: it needs %+v", c, p.Needs)
		}
	}
}

func TestTheAccountThatIsNobodysOwn(t *testing.T) {
	t.Parallel()
	p := precedences()
	for _, c := range []struct {
		byDefault, written, account string
		app, want                   bool
	}{
		{"default", "", "n/default", true, true},
		{"default", "default", "n/default", true, false},
		{"default", "", "n/other", true, false},
		{"default", "", "n/default", false, false},
		{"default", "", "", true, false},
	} {
		p.Flux.DefaultServiceAccount = c.byDefault
		o := declared("a", "n", "o", "{}")
		o.Spec, o.IsApp = map[string]any{"serviceAccountName": c.written}, c.app
		if got := p.Defaulted(o, c.account); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
