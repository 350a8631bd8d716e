package planning

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
)

var table = []Field{
	{"Thing", "spec.a", Done, "", nil},
	{"Thing", "spec.b", Needless, "by itself", nil},
	{"Thing", "spec.c", Noted, "not done", []string{"false"}},
	{"Thing", "spec.d", Refused, "not supported", nil},
	{"Thing", "spec.list[].x", Done, "", nil},
	{"Thing", "spec.list[].y", Noted, "not done either", nil},
	{"Other", "spec.e", Refused, "of another kind", nil},
}

// TestFieldsAreWeighedByTheTable: what is done needs no note, what is not does, what is refused is an error, and what
// asks for nothing is left alone.
func TestFieldsAreWeighedByTheTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		spec        map[string]any
		note, wrong string
	}{
		{"done and needless", map[string]any{"a": 1, "b": "x"}, "", ""},
		{"not done", map[string]any{"c": true}, "Thing ns/x: spec.c: not done", ""},
		{"an idle value", map[string]any{"c": false}, "", ""},
		{"empty values", map[string]any{"c": "", "d": nil, "e": []any{}, "f": map[string]any{}}, "", ""},
		{"refused", map[string]any{"d": "x"}, "", "Thing ns/x: spec.d: not supported"},
		{"in a list", map[string]any{"list": []any{map[string]any{"x": 1}, map[string]any{"y": 1}}},
			"spec.list[1].y: not done either", ""},
		{"not known", map[string]any{"e": 1}, "spec.e: no field that Drover knows of this kind: nothing is done with it", ""},
	} {
		p := NewPlan(fstest.MapFS{}, "clusters/eu", model.Declarations{}, nil)
		o := &Object{Declaration: model.Declaration{App: "root"}, Kind: "Thing", Namespace: "ns", Name: "x", Spec: c.spec}
		var notes []fleet.Note
		err := p.Weigh(NewTable(table), o, &notes)
		said, message := "", ""
		for _, n := range notes {
			said += n.String()
		}
		if err != nil {
			message = err.Error()
		}
		if c.note == "" && said != "" || !strings.Contains(said,
			c.note) || c.wrong == "" && message != "" || !strings.Contains(message, c.wrong) {
			t.Errorf("%s: notes %q, error %q", c.name, said, message)
		}
	}
}

// TestAnObjectThatIsDeclaredTwice: alike it is one, otherwise the first has a rival, and says where.
func TestAnObjectThatIsDeclaredTwice(t *testing.T) {
	t.Parallel()
	p := NewPlan(fstest.MapFS{}, "clusters/eu", model.Declarations{}, nil)
	object := func(file, app, text string) *Object {
		return &Object{Declaration: model.Declaration{Rendered: model.Rendered{JSON: []byte(text), File: file}, App: app},
			Kind: "K", Namespace: "n", Name: "x"}
	}
	first := object("a.yaml", "root", "{}")
	p.Add(first)
	p.Add(object("b.yaml", "app", "{}"))
	if err := p.Clashes(first); err != nil || len(first.Again) != 1 || first.Again[0] != "app" {
		t.Errorf("declared alike: %v, %q", err, first.Again)
	}
	p.Add(object("c.yaml", "app", `{"a":1}`))
	if err := p.Clashes(first); err == nil || err.Error() != "a.yaml: K n/x: it is declared in c.yaml as well, and otherwise: keep one" {
		t.Errorf("declared otherwise: %v", err)
	}
	if len(p.Objects()) != 1 || p.Object("K n/x") != first || p.Object("K n/y") != nil {
		t.Errorf("objects %v", p.Objects())
	}
}

// TestAddressesOfSources: what may be fetched over a network, without a user in it.
func TestAddressesOfSources(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://example.com/a.git":    "",
		"ssh://git@example.com/a.git":  "",
		"git@example.com:org/a.git":    "",
		"oci://example.com/a":          "",
		"":                             "it is empty",
		"https://me:word@example.com/": "it contains a user",
		"file:///srv/git":              "it is not to be fetched over a network",
		"/srv/git":                     "it is not to be fetched over a network",
	} {
		message := ""
		if err := CheckAddress(address); err != nil {
			message = err.Error()
		}
		if want == "" && message != "" || !strings.HasPrefix(message, want) {
			t.Errorf("%q: %q, want %q", address, message, want)
		}
	}
}

// TestAccountsAreNamespaceAndName, and nothing else.
func TestAccountsAreNamespaceAndName(t *testing.T) {
	t.Parallel()
	for account, ok := range map[string]bool{"shop/deployer": true, "shop/a.b": true, "deployer": false, "shop/": false,
		"/x": false, "a.b/x": false, "Shop/x": false} {
		if err := CheckAccount(account); (err == nil) != ok {
			t.Errorf("%q: %v", account, err)
		}
	}
}
