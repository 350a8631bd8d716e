package layout

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

const aPolicy = "-- fleet/rollout.yaml --\n\napiVersion: drover.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: " +
	"production}\n" +
	"spec:\n  clusterSelector: {matchLabels: {env: production}}\n"

// A RolloutPolicy below fleet/ is for the hub and for no cluster, whether it can be read or not.
func TestRolloutPoliciesAreRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ tree, problem, read string }{
		"right": {aPolicy + "  waves: [{name: all}]\n", "", "production"},
		"wrong": {aPolicy + "  waves: [{name: all, soak: long}]\n", "fleet/rollout.yaml:7: soak is \"long\"", "soak is"},
		"none":  {aPolicy, "fleet/rollout.yaml:6: a RolloutPolicy without spec.waves", "without spec.waves"},
		"twice": {aPolicy + "  waves: [{name: all}]\n" + strings.Replace(aPolicy, "fleet/", "fleet/more/", 1) +
			"  waves: [{name: all}]\n", "the policy production is declared in", "production"},
		"as a list": {"-- fleet/l.yaml --\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: drover.dev/v1alpha1, kind: " +
			"RolloutPolicy, metadata: {name: a}, spec: {waves: [{name: all}]}}\n", "", "a"},
	} {
		l := &Layout{Renderer: renderer}
		apps, problems, _ := l.Fleet(t.Context(), tree(c.tree))
		if got := strings.Join(problems, "\n"); !strings.Contains(got, c.problem) || (got == "") != (c.problem == "") {
			t.Errorf("%s: %q, want in it %q", name, got, c.problem)
		}
		if selected, wrong := l.Select(apps, eu); len(selected) > 0 || len(wrong) > 0 {
			t.Errorf("%s: it is for a cluster as %v, with %v", name, selected, wrong)
		}
		if untaken := l.Untaken(t.Context(), tree(c.tree),
			model.Declarations{Declared: []model.Declaration{{Rendered: apps[0]}}}); len(untaken) > 0 {
			t.Errorf("%s: it is for nobody: %v", name, untaken)
		}
		p, err := l.Policies(apps[0])
		read := ""
		if err != nil {
			read = err.Error()
		} else if len(p) == 1 {
			read = p[0].Name
		}
		if !strings.Contains(read, c.read) {
			t.Errorf("%s: it is read as %q (%d), want %q", name, read, len(p), c.read)
		}
	}
	if p, err := (&Layout{}).Policies(model.Rendered{JSON: []byte(`{"kind":"RolloutPolicy"}`)}); len(p) > 0 || err != nil {
		t.Errorf("an object of another group is a policy: %v", err)
	}
}

func TestARolloutPolicyElsewhereIsAProblem(t *testing.T) {
	t.Parallel()
	files := tree(strings.Replace(aPolicy, "fleet/", "clusters/staging/", 1) + "  waves: [{name: all}]\n")
	l := &Layout{Renderer: renderer}
	folder, err := l.Read(t.Context(), files, model.Site{Name: "staging", Folder: "clusters/staging"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(folder.Cluster.Problems, "; "); !strings.Contains(got,
		"a RolloutPolicy is for many clusters: move it below fleet") {
		t.Errorf("problems: %q", got)
	}
}

func TestRolloutPoliciesAreHeldAgainstTheClusters(t *testing.T) {
	t.Parallel()
	files := tree(aPolicy + "  waves: [{name: canary, clusterSelector: {matchLabels: {ring: \"0\"}}}]\n")
	apps, _, _ := (&Layout{Renderer: renderer}).Fleet(t.Context(), files)
	clusters := []model.Cluster{{Name: "eu",
		Labels: map[string]string{"env": "production"}, Apps: []model.App{{Name: "web"}}}}
	var got []string
	l := &Layout{Renderer: renderer}
	wrong, notes := l.LintPolicies(files, apps, clusters)
	for _, n := range append(wrong, notes...) {
		got = append(got, n.String())
	}
	want := []string{"fleet/rollout.yaml:7: RolloutPolicy production: spec.waves: nothing would ever be released to 1 " +
		"cluster in no " +
		"wave (eu): add a last wave without a clusterSelector, which takes the rest"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if wrong, notes := l.LintPolicies(files, nil, clusters); len(wrong)+len(notes) > 0 {
		t.Errorf("without any: %v %v", wrong, notes)
	}
}

// A gate that names a template asks what the template asks, and one that cannot be kept leaves the policy unread.
func TestGatesTakeTheirQuestionsFromTemplates(t *testing.T) {
	t.Parallel()
	const template = "-- fleet/templates.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: ClusterAnalysisTemplate\n" +
		"metadata: {name: errors}\nspec:\n  args: [{name: app}]\n  metrics:\n  - name: errors\n" +
		"    successCondition: result[0] < 5\n" +
		"    provider: {prometheus: {address: 'https://p', query: 'errors{app=\"{{args.app}}\"}'}}\n"
	policy := aPolicy + "  gates: [{name: g, template: {name: errors, cluster: true, args: [{name: app, value: " +
		"web}]}}]\n" +
		"  waves: [{name: all, gates: [g]}]\n"
	l := &Layout{Renderer: renderer}
	apps, problems, _ := l.Fleet(t.Context(), tree(policy+template))
	if len(problems) > 0 || len(apps) != 1 {
		t.Fatalf("%v, %d objects", problems, len(apps))
	}
	read, err := l.Policies(apps[0])
	if err != nil || len(read) != 1 {
		t.Fatalf("%d policies, %v", len(read), err)
	}
	p := read[0]
	if len(p.Gates) != 1 || p.Gates[0].Query != `errors{app="web"}` || p.Gates[0].Address != "https://p" ||
		p.Gates[0].SuccessCondition != "result[0] < 5.0" {
		t.Errorf("%+v, %v", p.Gates, err)
	}
	for what, files := range map[string]string{
		"there is no ClusterAnalysisTemplate errors below fleet/": policy,
		"consecutiveErrorLimit": policy + strings.Replace(template, "    successCondition",
			"    consecutiveErrorLimit: 3\n    successCondition", 1),
		"no CEL expression": strings.Replace(policy, "{name: g,", "{name: g, successCondition: 'x < 1',", 1) + template,
	} {
		apps, problems, _ := l.Fleet(t.Context(), tree(files))
		if len(problems) != 1 || !strings.Contains(problems[0], what) || !strings.Contains(problems[0],
			"fleet/rollout.yaml") {
			t.Errorf("problems are %q, want one with %q", problems, what)
		}
		if p, err := l.Policies(apps[0]); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: the policy is read: %v, %v", what, p, err)
		}
	}
	// A template in a cluster's folder is an object of that cluster.
	at := strings.Replace(policy, "cluster: true,", "cluster: true, path: clusters/eu/t.yaml,", 1) +
		strings.Replace(template, "fleet/templates.yaml", "clusters/eu/t.yaml", 1)
	if _, problems, _ := l.Fleet(t.Context(), tree(at)); len(problems) > 0 {
		t.Errorf("by its path: %q", problems)
	}
}

// What Argo CD's objects below fleet/ say of how changes reach clusters is read as policies; lint names what a
// RolloutPolicy takes from them, and which of two of one name counts.
func TestObjectsOfArgoCDAreReadAsPolicies(t *testing.T) {
	t.Parallel()
	project := func(file, namespace, schedule string) string {
		return "-- fleet/" + file + ".yaml --\napiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: shop, " +
			"namespace: " + namespace + "}\nspec:\n  syncWindows: [{kind: deny, schedule: '" + schedule +
			"', duration: 1h, applications: ['*']}]\n"
	}
	files := tree(aPolicy + "  apps: [web]\n  waves: [{name: all}]\n" + project("project", "argocd", "0 22 * * *") +
		project("second", "team", "0 23 * * *"))
	l := &Layout{Renderer: renderer}
	apps, problems, err := l.Fleet(t.Context(), files)
	if len(problems) > 0 || err != nil {
		t.Fatal(problems, err)
	}
	var read []string
	for _, o := range apps {
		policies, err := l.Policies(o)
		for _, p := range policies {
			read = append(read, p.Name)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(read, []string{"project--shop", "production", "project--shop"}) {
		t.Errorf("there are %q", read)
	}
	named := model.Intents{Policies: model.Policies{Windows: "project--shop"}}
	labels := map[string]string{"env": "production"}
	wrong, notes := l.LintPolicies(files, apps, []model.Cluster{{Name: "eu", Labels: labels,
		Apps: []model.App{{Name: "web", Intents: named}, {Name: "db", Intents: named}}}})
	var got []string
	for _, n := range notes {
		got = append(got, n.String())
	}
	want := []string{"fleet/second.yaml: AppProject team/shop: spec.syncWindows: not followed: there is another policy " +
		"project--shop, and a policy is known by its name", "fleet/project.yaml: AppProject argocd/shop: spec.syncWindows: " +
		"not followed for 1 app (eu/web): the RolloutPolicy production holds them, and takes precedence; an app of a " +
		"cluster is held by one policy alone"}
	if len(wrong) > 0 || !slices.Equal(got, want) {
		t.Errorf("errors %v, notes\n%q\nwant\n%q", wrong, got, want)
	}
	broken, _, _ := l.Fleet(t.Context(), tree(project("project", "argocd", "0 22")))
	if p, err := l.Policies(broken[0]); len(p) > 0 || err == nil || !strings.Contains(err.Error(), "fleet/project.yaml: "+
		"spec.syncWindows[0]: not followed") {
		t.Errorf("of one that Argo CD does not take: %v, %v", p, err)
	}
}
