package kube

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
)

// TestLetGo: what is taken out of an object, what keeps its live value, and what of Drover's fields is let go of.
func TestLetGo(t *testing.T) {
	t.Parallel()
	const live = `{"spec":{"replicas":5,"selector":{"app":"live"},"list":[{"name":"a","v":"live"},{"name":"b","v":"live"}],"set":["x","y"],"atoms":[{"v":"live"}],"former":{"a":1}},"extra":{"former":{"a":{"b":1}}}}`
	const git = `{"spec":{"replicas":1,"selector":{"app":"git"},"list":[{"name":"b","v":"git"},{"name":"c","v":"git"}],"set":["x","z"],"atoms":[{"v":"git"}]}}`
	const mine = `{"f:spec":{"f:replicas":{},"f:selector":{},"f:list":{"k:{\"name\":\"b\"}":{".":{},"f:name":{},"f:v":{}},"k:{\"name\":\"c\"}":{".":{},"f:name":{},"f:v":{}}},"f:set":{"v:\"x\"":{},"v:\"z\"":{}},"f:atoms":{}}}`
	const theirs = `{"f:extra":{"f:former":{}},"f:spec":{"f:former":{},"f:replicas":{},"f:list":{"k:{\"name\":\"b\"}":{".":{},"f:name":{},"f:v":{}}},"f:set":{"v:\"x\"":{}}}}`
	for _, c := range []struct {
		name      string
		leave     agent.Leave
		obj, kept string // "" for as it was
		whole     string
	}{
		{name: "nothing", leave: agent.Leave{Paths: []string{"", "spec", "/", "/nowhere/x", "/spec/list/7/v", "/spec/list/x/v", "/spec/replicas/deeper"}}},
		{name: "a field", leave: agent.Leave{Paths: []string{"/spec/replicas"}},
			obj:  `{"spec":{"atoms":[{"v":"git"}],"list":[{"name":"b","v":"git"},{"name":"c","v":"git"}],"selector":{"app":"git"},"set":["x","z"]}}`,
			kept: `{"f:spec":{"f:atoms":{},"f:list":{"k:{\"name\":\"b\"}":{".":{},"f:name":{},"f:v":{}},"k:{\"name\":\"c\"}":{".":{},"f:name":{},"f:v":{}}},"f:selector":{},"f:set":{"v:\"x\"":{},"v:\"z\"":{}}}}`},
		{name: "in an item, by its key", leave: agent.Leave{Paths: []string{"/spec/list/0/v"}},
			obj:  `{"spec":{"atoms":[{"v":"git"}],"list":[{"name":"b"},{"name":"c","v":"git"}],"replicas":1,"selector":{"app":"git"},"set":["x","z"]}}`,
			kept: `{"f:spec":{"f:atoms":{},"f:list":{"k:{\"name\":\"b\"}":{".":{},"f:name":{}},"k:{\"name\":\"c\"}":{".":{},"f:name":{},"f:v":{}}},"f:replicas":{},"f:selector":{},"f:set":{"v:\"x\"":{},"v:\"z\"":{}}}}`},
		{name: "in an item that is not there yet", leave: agent.Leave{Paths: []string{"/spec/list/1/v"}}},
		{name: "items, which move each other", leave: agent.Leave{Paths: []string{"/spec/list/0", "/spec/list/1"}},
			obj:  `{"spec":{"atoms":[{"v":"git"}],"replicas":1,"selector":{"app":"git"},"set":["x","z"]}}`,
			kept: `{"f:spec":{"f:atoms":{},"f:replicas":{},"f:selector":{},"f:set":{"v:\"x\"":{},"v:\"z\"":{}}}}`},
		{name: "of a whole, which is left as a whole", leave: agent.Leave{Paths: []string{"/spec/selector/app", "/spec/selector/more", "/spec/atoms/0/v"}}, whole: "/spec/selector /spec/atoms",
			obj:  `{"spec":{"list":[{"name":"b","v":"git"},{"name":"c","v":"git"}],"replicas":1,"set":["x","z"]}}`,
			kept: `{"f:spec":{"f:list":{"k:{\"name\":\"b\"}":{".":{},"f:name":{},"f:v":{}},"k:{\"name\":\"c\"}":{".":{},"f:name":{},"f:v":{}}},"f:replicas":{},"f:set":{"v:\"x\"":{},"v:\"z\"":{}}}}`},
		{name: "of a whole that Git does not have", leave: agent.Leave{Paths: []string{"/spec/former/a", "/extra/former/a/b"}}, whole: "/spec/former /extra/former",
			obj: canonical(t, git)},
		{name: "a manager's, but not what names an item", leave: agent.Leave{Managers: []string{"them"}},
			obj:  `{"spec":{"atoms":[{"v":"git"}],"list":[{"name":"b"},{"name":"c","v":"git"}],"selector":{"app":"git"},"set":["z"]}}`,
			kept: `{"f:spec":{"f:atoms":{},"f:list":{"k:{\"name\":\"b\"}":{".":{},"f:name":{}},"k:{\"name\":\"c\"}":{".":{},"f:name":{},"f:v":{}}},"f:selector":{},"f:set":{"v:\"z\"":{}}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var obj, now map[string]any
			for text, into := range map[string]*map[string]any{git: &obj, live: &now} {
				if err := decodeWhole([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			managed := []managedEntry{{Manager: "them", Operation: "Update", FieldsV1: []byte(theirs)}, {Manager: agent.Manager, Operation: "Apply", FieldsV1: []byte(mine)}}
			rest, whole, changed := letGo(obj, now, managed, c.leave)
			want, kept := c.obj, c.kept
			if want == "" {
				want = canonical(t, git)
			}
			if kept == "" {
				kept = canonical(t, mine)
			}
			got, err := json.Marshal(obj)
			if err != nil || string(got) != want {
				t.Errorf("the object is\n%s, want\n%s (%v)", got, want, err)
			}
			if strings.Join(whole, " ") != c.whole || changed != (c.kept != "") || len(rest) != 2 {
				t.Fatalf("whole %v, changed %t, %d managers", whole, changed, len(rest))
			}
			if got := canonical(t, string(rest[1].FieldsV1)); got != canonical(t, kept) {
				t.Errorf("Drover keeps\n%s, want\n%s", got, kept)
			}
		})
	}
}

// canonical is JSON with its keys in order.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := decodeWhole([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
