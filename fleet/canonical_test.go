package fleet_test

import (
	"encoding/json"
	"testing"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// TestCanonical: what is stored under another name is applied under that name, and what the API server refuses is left
// to it.
func TestCanonical(t *testing.T) {
	pod := func(head, spec string) string { return `{` + head + `,"spec":{"template":{"spec":` + spec + `}}}` }
	const secret, deployment = `"apiVersion":"v1","kind":"Secret"`, `"apiVersion":"apps/v1","kind":"Deployment"`
	for _, c := range []struct{ name, in, want string }{
		{"strings", `{` + secret + `,"stringData":{"a":"x","e":""}}`, `{` + secret + `,"data":{"a":"eA==","e":""}}`},
		{"strings win", `{` + secret + `,"data":{"a":"b2xk","b":"eQ=="},"stringData":{"a":"x"}}`, `{` + secret + `,"data":{"a":"eA==","b":"eQ=="}}`},
		{"no strings", `{` + secret + `,"stringData":{},"data":{"b":"eQ=="}}`, `{` + secret + `,"data":{"b":"eQ=="}}`},
		{"null", `{` + secret + `,"stringData":null}`, `{` + secret + `}`},
		{"null as a value", `{` + secret + `,"data":null,"stringData":{"a":null}}`, `{` + secret + `,"data":{"a":""}}`},
		{"a number", `{` + secret + `,"stringData":{"a":"x","n":1}}`, ""},
		{"a list", `{` + secret + `,"stringData":["a"]}`, ""},
		{"data that is none", `{` + secret + `,"data":"x","stringData":{"a":"x"}}`, ""},
		{"another group", `{"apiVersion":"example.com/v1","kind":"Secret","stringData":{"a":"x"}}`, ""},
		{"an account", pod(deployment, `{"serviceAccount":"a"}`), pod(deployment, `{"serviceAccountName":"a"}`)},
		{"two accounts", pod(deployment, `{"serviceAccount":"a","serviceAccountName":"b"}`), pod(deployment, `{"serviceAccountName":"b"}`)},
		{"an account of no name", pod(deployment, `{"serviceAccount":""}`), pod(deployment, `{}`)},
		{"an account that is none", pod(deployment, `{"serviceAccount":7}`), ""},
		{"no template", `{` + deployment + `,"spec":{"template":7}}`, ""},
		{"another kind", pod(`"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout"`, `{"serviceAccount":"a"}`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var obj map[string]any
			if err := json.Unmarshal([]byte(c.in), &obj); err != nil {
				t.Fatal(err)
			}
			before, _ := json.Marshal(obj)
			fleet.Canonical(obj)
			got, err := json.Marshal(obj)
			if err != nil {
				t.Fatal(err)
			}
			want := string(before)
			if c.want != "" {
				var o map[string]any
				if err := json.Unmarshal([]byte(c.want), &o); err != nil {
					t.Fatal(err)
				}
				line, _ := json.Marshal(o)
				want = string(line)
			}
			if string(got) != want {
				t.Errorf("%s\nbecomes %s\nwant    %s", c.in, got, want)
			}
		})
	}
}

// TestCanonicalPointer: a rule for a field holds for it under the name by which it is applied.
func TestCanonicalPointer(t *testing.T) {
	secret := protocol.ObjectRef{Kind: "Secret", Namespace: "a", Name: "b"}
	deployment := protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "a", Name: "b"}
	for _, c := range []struct {
		ref      protocol.ObjectRef
		in, want string
	}{
		{secret, "/stringData", "/data"},
		{secret, "/stringData/a~1b", "/data/a~1b"},
		{secret, "/stringDatum", "/stringDatum"},
		{secret, "/metadata/labels", "/metadata/labels"},
		{deployment, "/stringData/a", "/stringData/a"},
		{deployment, "/spec/template/spec/serviceAccount", "/spec/template/spec/serviceAccountName"},
		{deployment, "/spec/replicas", "/spec/replicas"},
	} {
		if got := fleet.CanonicalPointer(c.ref, c.in); got != c.want {
			t.Errorf("%s of %s becomes %s, want %s", c.in, c.ref, got, c.want)
		}
	}
}
