package selector

import (
	"strings"
	"testing"
)

func TestSelectorChoosesAsKubectlDoes(t *testing.T) {
	labels := map[string]string{"env": "production", "region": "us", "drover.dev/tier": "1", "empty": ""}
	for selector, want := range map[string]bool{
		"":                                true,
		"  ":                              true,
		"env":                             true,
		"!env":                            false,
		"! env":                           false,
		"nope":                            false,
		"!nope":                           true,
		"env=production":                  true,
		"env==production":                 true,
		"env = production":                true,
		"env=staging":                     false,
		"env!=staging":                    true,
		"env != staging":                  true,
		"env!=production":                 false,
		"nope=x":                          false,
		"nope!=x":                         true, // as in Kubernetes: who lacks the key does not have the value
		"empty=":                          true,
		"env=":                            false,
		"nope=":                           false,
		"empty":                           true,
		"env in (staging,production)":     true,
		"env in (staging, production )":   true,
		"env in(production)":              true,
		"env in (staging)":                false,
		"env notin (staging)":             true,
		"env notin (production,staging)":  false,
		"nope in (x)":                     false,
		"nope notin (x)":                  true,
		"empty in (,x)":                   true,
		"empty in ()":                     true, // Kubernetes takes it as a list of one empty value
		"env=production,region=us":        true,
		"env=production,region=eu":        false,
		"env=production , region in (us)": true,
		"env in (a,production),!nope":     true,
		"drover.dev/tier=1":               true,
		"drover.dev/tier notin (1,2)":     false,
		"region":                          true,
		"env=prod":                        false, // the whole value, not its beginning
	} {
		sel, err := Parse(selector)
		if err != nil {
			t.Errorf("%q: %v", selector, err)
			continue
		}
		if got := sel.Matches(labels); got != want {
			t.Errorf("%q matches: %t, want %t", selector, got, want)
		}
	}
}

func TestSelectorOfNothingMatchesAll(t *testing.T) {
	if !(Selector{}).Matches(nil) {
		t.Error("the zero selector leaves out a cluster without labels")
	}
}

func TestSelectorThatIsNotUnderstoodIsQuoted(t *testing.T) {
	const how = "is not understood: use k=v, k!=v, k, !k, `k in (a,b)` or `k notin (a,b)`"
	notUnderstood := func(part string) string { return `the selector part "` + part + `" ` + how }
	empty := func(s string) string {
		return `the selector "` + s + `" has an empty part: write for example env=production,region!=us`
	}
	for selector, want := range map[string]string{
		",":                  empty(","),
		"env=a,":             empty("env=a,"),
		"env=a,,region=us":   empty("env=a,,region=us"),
		"=":                  notUnderstood("="),
		"=a":                 notUnderstood("=a"),
		"!":                  notUnderstood("!"),
		"!=a":                notUnderstood("!=a"),
		"env=a=b":            notUnderstood("env=a=b"),
		"env===a":            notUnderstood("env===a"),
		"env=a b":            notUnderstood("env=a b"),
		"env=a\tb":           notUnderstood(`env=a\tb`),
		"env production":     notUnderstood("env production"),
		"env in production":  notUnderstood("env in production"),
		"env in (a":          notUnderstood("env in (a"),
		"env in a)":          notUnderstood("env in a)"),
		"env in ((a))":       notUnderstood("env in ((a))"),
		"env of (a)":         notUnderstood("env of (a)"),
		"in (a)":             notUnderstood("in (a)"),
		"!env in (a)":        notUnderstood("!env in (a)"),
		"!env=a":             notUnderstood("!env=a"),
		"!!env":              notUnderstood("!!env"),
		"env in (a b)":       notUnderstood("env in (a b)"),
		"replicas>1":         notUnderstood("replicas>1"), // no key has such a character: it was meant otherwise
		"env~prod":           notUnderstood("env~prod"),
		"region=us,env~prod": notUnderstood("env~prod"),
		"a),b(":              notUnderstood("a),b("),
	} {
		_, err := Parse(selector)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", selector, err, want)
		}
	}
}

// FuzzSelector: whatever is typed, nothing panics; and a part that is put behind what was understood can only choose
// fewer.
func FuzzSelector(f *testing.F) {
	for _, s := range []string{"", "a=b,c!=d", "a in (b,c)", "!a", "a notin ()", "((", "a),(b", "=,!=", "\x00=\xff"} {
		f.Add(s, "a", "b")
	}
	f.Fuzz(func(t *testing.T, s, key, value string) {
		labels := map[string]string{key: value}
		sel, err := Parse(s)
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "%!") {
				t.Errorf("%q: error %q", s, err)
			}
			return
		}
		more, err := Parse(s + ",env")
		if err != nil {
			if strings.TrimSpace(s) != "" {
				t.Errorf("%q is understood, and %q is not: %v", s, s+",env", err)
			}
			return
		}
		if more.Matches(labels) && !sel.Matches(labels) {
			t.Errorf("%q leaves out what %q chooses", s, s+",env")
		}
	})
}

func TestSelectorOfLabelsAndRequirements(t *testing.T) {
	labels := map[string]string{"env": "production", "region": "eu"}
	for _, c := range []struct {
		name         string
		labels       map[string]string
		requirements []Requirement
		want         bool
	}{
		{"nothing chooses all", nil, nil, true},
		{"a label", map[string]string{"env": "production"}, nil, true},
		{"two labels, one wrong", map[string]string{"env": "production", "region": "us"}, nil, false},
		{"in", nil, []Requirement{{"env", "In", []string{"staging", "production"}}}, true},
		{"not in", nil, []Requirement{{"env", "NotIn", []string{"production"}}}, false},
		{"not in, without the label", nil, []Requirement{{"tier", "NotIn", []string{"x"}}}, true},
		{"exists", nil, []Requirement{{"tier", "Exists", nil}}, false},
		{"does not exist", nil, []Requirement{{"tier", "DoesNotExist", nil}}, true},
		{"labels and requirements", map[string]string{"env": "production"}, []Requirement{{"region", "Exists", nil}}, true},
	} {
		s, err := New(c.labels, c.requirements)
		if err != nil || s.Matches(labels) != c.want {
			t.Errorf("%s: %t, %v", c.name, s.Matches(labels), err)
		}
	}
	for _, r := range []Requirement{{"", "Exists", nil}, {"a", "Equals", []string{"b"}}, {"a", "In", nil}, {"a", "Exists", []string{"b"}}} {
		if _, err := New(nil, []Requirement{r}); err == nil {
			t.Errorf("%+v is taken", r)
		}
	}
}
