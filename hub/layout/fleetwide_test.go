package layout

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

// fleetwide is an App below fleet/ with this under its clusterSelector.
func fleetwide(name, selector, spec string) string {
	return "-- fleet/" + name + ".yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: " + name + "\nspec:\n  path: apps/x\n" + spec +
		"  clusterSelector:\n" + selector
}

var eu = model.Cluster{Name: "eu-1", Labels: map[string]string{"env": "production", "region": "eu"},
	Vars: map[string]string{"size": "3"}}

func TestFleetwideApps(t *testing.T) {
	for _, c := range []struct {
		name, tree string
		want       string // of the cluster eu: what is selected; or, after "!", what is wrong
	}{
		{"no selector", "-- fleet/a.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: a}\nspec: {path: x}\n", `{"apiVersion":"drover.dev/v1alpha1","kind":"App","metadata":{"name":"a"},"spec":{"path":"x"}}`},
		{"labels that match", fleetwide("a", "    matchLabels: {env: production}\n", ""), `"name":"a"`},
		{"labels that do not", fleetwide("a", "    matchLabels: {env: staging}\n", ""), ""},
		{"requirements", fleetwide("a",
			"    matchExpressions: [{key: env, operator: In, values: [staging, production]}, {key: tier, operator: DoesNotExist}]\n", ""), `"name":"a"`},
		{"an expression", fleetwide("a",
			"    expression: cluster.name.startsWith('eu-') && cluster.labels.env == 'production' && int(cluster.vars.size) > 2\n", ""), `"name":"a"`},
		{"an expression that is false", fleetwide("a",
			"    matchLabels: {env: production}\n    expression: has(cluster.labels.tier)\n", ""), ""},
		{"placeholders", fleetwide("a", "    matchLabels: {}\n",
			"  vars: {a: \"${cluster.name} ${cluster.labels.region}\", b: \"$${vars.size} ${size}\"}\n  targetNamespace: x-${vars.size}\n"),
			`"targetNamespace":"x-3","vars":{"a":"eu-1 eu","b":"${vars.size} ${size}"}`},
		{"an expression over what the cluster lacks", fleetwide("a", "    expression: cluster.labels.tier == 'x'\n", ""),
			"!fleet/a.yaml: the app a: clusterSelector.expression, for the cluster eu-1: cluster.labels.tier == 'x': no such key: tier (ask with has(…)"},
		{"an expression that is none", fleetwide("a", "    expression: cluster.labels.env = 'x'\n", ""),
			"!fleet/a.yaml:8: clusterSelector.expression: cluster.labels.env = 'x' is no CEL expression"},
		{"an expression that is no condition", fleetwide("a", "    expression: size(cluster.name)\n", ""),
			"!gives a int: it is to be true or false"},
		{"an unknown operator", fleetwide("a", "    matchExpressions: [{key: env, operator: Like}]\n", ""),
			"!fleet/a.yaml:8: clusterSelector: the operator \"Like\" is not known"},
		{"an unknown field", fleetwide("a", "    labels: {env: x}\n", ""),
			`!fleet/a.yaml:8: clusterSelector has no field "labels"`},
		{"something else than an App", "-- fleet/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
			"!fleet/cm.yaml:1: fleet is for Apps"},
		{"one name twice", fleetwide("a", "    matchLabels: {}\n",
			"") + "---\n" + strings.SplitN(fleetwide("a", "    matchLabels: {}\n",
			""), "--\n", 2)[1], "!the app a is declared in fleet/a.yaml:1 already"},
		{"broken YAML", "-- fleet/a.yaml --\na: [\n", "!fleet/a.yaml:1: invalid YAML"},
	} {
		l := &Layout{Renderer: renderer}
		apps, problems, _ := l.Fleet(t.Context(), tree(c.tree))
		selected, more := l.Select(apps, eu)
		text := strings.Join(append(problems, more...), "; ")
		wrong, want := strings.CutPrefix(c.want, "!")
		switch {
		case want && !strings.Contains(text, wrong):
			t.Errorf("%s: problems %q, want %s", c.name, text, wrong)
		case !want && text != "":
			t.Errorf("%s: problems %q", c.name, text)
		case !want && c.want == "" && len(selected) > 0:
			t.Errorf("%s: %s is selected", c.name, selected[0].JSON)
		case !want && c.want != "" && (len(selected) != 1 || !strings.Contains(string(selected[0].JSON),
			c.want) || strings.Contains(string(selected[0].JSON), "clusterSelector")):
			t.Errorf("%s: %s, want %s", c.name, selected, c.want)
		}
	}
}

func TestASelectorInAClustersFolderIsRefused(t *testing.T) {
	got := summary(read(t, payment+app("a.yaml", "payment", "  path: ./apps/payment\n  clusterSelector: {}\n")))
	if want := "app payment: ERR clusters/staging/a.yaml:7: clusterSelector is for Apps below fleet/, this one is for its own cluster alone: take it out, or move the App\n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}
