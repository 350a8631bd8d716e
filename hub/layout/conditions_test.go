package layout

import (
	"strings"
	"testing"
)

// TestConditionsThatAreWrongAreNamedWithTheirPlace: in the file, and in the expression.
func TestConditionsThatAreWrongAreNamedWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, spec, want string }{
		{"a rule of nothing", "health: [{current: 'true'}]",
			"clusters/staging/app.yaml:5: health: a health rule names what it is for: give it apiVersion and kind"},
		{"a rule of the whole core group", "health: [{apiVersion: v1, current: 'true'}]", "give it apiVersion and kind"},
		{"a rule for Secrets", "health: [{apiVersion: v1, kind: Secret, current: 'true'}]",
			"a Secret is never read back from the cluster"},
		{"a rule without current", "health: [{apiVersion: a/v1, kind: B}]",
			"a health rule without current calls nothing healthy"},
		{"no expression", "health: [{apiVersion: a/v1, kind: B, current: 'a b'}]",
			"a b is no CEL expression over the object's fields: line 1, column 3: Syntax error"},
		{"not true or false", "health: [{apiVersion: a/v1, kind: B, current: '1 + 1'}]",
			"it gives a int, and is to give a bool"},
		{"no text", "health: [{apiVersion: a/v1, kind: B, current: 'true', message: '1'}]",
			"it gives a int, and is to give a string"},
		{"types", `health: [{apiVersion: a/v1, kind: B, current: '1 == "a"'}]`,
			"line 1, column 3: found no matching overload for '_==_' applied to '(int, string)'"},
		{"a function that agents have not", `health: [{apiVersion: a/v1, kind: B, current: '"%d".format([1]) == "1"'}]`,
			"line 1, column 12: format is no function that agents evaluate"},
		{"a function that nobody has", "health: [{apiVersion: a/v1, kind: B, current: 'ready(status)'}]",
			"ready is no function that agents evaluate"},
		{"a message", "health: [{apiVersion: a/v1, kind: B, current: 'a.B{c: 1}.c'}]",
			"messages are not supported: Kubernetes objects are maps"},
		{"a zone", `health: [{apiVersion: a/v1, kind: B, current: 'timestamp(a).getHours("Europe/Berlin") > 1'}]`,
			"the time zone Europe/Berlin: write UTC"},
		{"a pattern", `health: [{apiVersion: a/v1, kind: B, current: 'a.matches("(")'}]`, "regular expression"},
		{"a long one", "health: [{apiVersion: a/v1, kind: B, current: '" + strings.Repeat("a||", 3000) + "a'}]",
			"is to have between 1 and 8192"},
		{"a deep one", "health: [{apiVersion: a/v1, kind: B, current: '" + strings.Repeat("!(",
			200) + "a" + strings.Repeat(")", 200) + "'}]", "recursion"},
		{"another variable", "dependsOn: [{name: b, ready: 'object.status'}]",
			"there is no object: an expression in this place may use self and dep"},
		{"a field of a dependency", "dependsOn: [{name: b, when: 'true'}]",
			`dependsOn has no field "when": it knows name, ready`},
		{"a dependency of no name", "dependsOn: [{ready: 'true'}]", "dependsOn is to be a list of names of apps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := (&Layout{Renderer: renderer}).Read(t.Context(),
				tree("-- clusters/staging/app.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: a}\nspec:\n  "+
					c.spec+"\n  path: apps/payment\n-- apps/payment/README.md --\nx\n"), staging)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range f.Cluster.Apps {
				if a.Name == "a" && strings.Contains(a.Err, c.want) {
					return
				}
			}
			t.Errorf("%+v\nwant in it: %s", f.Cluster.Apps, c.want)
		})
	}
}
