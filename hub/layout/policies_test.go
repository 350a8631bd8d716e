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
		p, is, err := l.Policy(apps[0])
		read := p.Name
		if err != nil {
			read = err.Error()
		}
		if !is || !strings.Contains(read, c.read) {
			t.Errorf("%s: it is read as %q (%v), want %q", name, read, is, c.read)
		}
	}
	if _, is, err := (&Layout{}).Policy(model.Rendered{JSON: []byte(`{"kind":"RolloutPolicy"}`)}); is || err != nil {
		t.Errorf("an object of another group is a policy: %v", err)
	}
}

// What a policy asks for and nothing acts on is never silent.
func TestWhatIsNotActedOnOfAPolicyIsNamed(t *testing.T) {
	t.Parallel()
	files := tree(aPolicy + "  after: production\n  revert: branch\n  gates: [{name: g, prometheus: {address: " +
		"'https://x'}, query: q, " +
		"successCondition: 'result[0] < 1'}]\n  waves: [{name: all, gates: [g], approval: {groups: [sre]}}]\n")
	apps, problems, _ := (&Layout{Renderer: renderer}).Fleet(t.Context(), files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	found := map[string]bool{}
	for _, n := range LintPolicies(files, apps, nil) {
		if strings.Contains(n.Text, "drover rollout skip") || strings.Contains(n.Text, "this release of Drover") {
			found[n.Field] = true
		}
	}
	for _, want := range []string{"spec.revert", "spec.waves[0].approval.groups"} {
		if !found[want] {
			t.Errorf("%s is not named among %v", want, found)
		}
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
	clusters := []model.Cluster{{Name: "eu", Labels: map[string]string{"env": "production"},
		Apps: []model.App{{Name: "web"}}}}
	var got []string
	for _, n := range LintPolicies(files, apps, clusters) {
		got = append(got, n.String())
	}
	want := []string{"fleet/rollout.yaml:7: RolloutPolicy production: spec.waves: nothing would ever be released to 1 " +
		"cluster in no " +
		"wave (eu): add a last wave without a clusterSelector, which takes the rest"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := LintPolicies(files, nil, clusters); len(got) > 0 {
		t.Errorf("without any: %v", got)
	}
}
