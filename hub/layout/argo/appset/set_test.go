package appset

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/model"
)

// expand gives the Applications of a set, of which two are made for the parameter a, as JSON; more are fields of its
// spec, which begins on line 4.
func expand(t *testing.T, more string) (made, notes, problems string) {
	t.Helper()
	p := argotest.Plan(t, "kind: ApplicationSet\nmetadata: {name: s, namespace: team}\nspec:\n"+more, tree)
	declared, err := Expand(t.Context(), p, goTemplates{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range declared {
		if d.Set != "ApplicationSet team/s" || d.App != model.RootApp || d.File != argotest.File {
			t.Errorf("declared %+v", d)
		}
		text, ok := strings.CutPrefix(string(d.JSON), `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application",`)
		if !ok {
			t.Errorf("declared %s", d.JSON)
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n"), strings.Join(argotest.Notes(p.Cluster.Notes), "\n"), strings.Join(p.Cluster.Problems,
		"\n")
}

// TestApplicationsOfASet: what becomes of the template, its finalizers and its patch (argo-cd,
// docs/operator-manual/applicationset/Template.md and Controlling-Resource-Modification.md).
func TestApplicationsOfASet(t *testing.T) {
	t.Parallel()
	const (
		list      = "  generators: [{list: {elements: [{a: x}]}}]\n"
		finalizer = `"finalizers":["resources-finalizer.argocd.argoproj.io"],`
		keeping   = "; keeping the Applications that it gave before"
		at        = argotest.File + ":5: ApplicationSet team/s: "
	)
	for _, c := range []struct{ name, spec, want, note, wrong string }{
		{name: "the template, with every text and key", spec: list + "  template: {metadata: {name: 'n-{{a}}', labels: " +
			"{'{{a}}': '{{ a }}{{b}}'}}, spec: {project: p, list: [1, true, '{{a}}', {'{{a}}': null}]}}\n",
			want: `"metadata":{` + finalizer + `"labels":{"x":"x{{b}}"},"name":"n-x","namespace":"team"},"spec":{"list":[1,` +
				`true,"x",{"x":null}],"project":"p"}}`},
		{name: "Go templates", spec: "  goTemplate: true\n  generators: [{list: {elements: [{a: x, num: 1}]}}]\n" +
			"  template: {metadata: {name: 'n-{{.a}}'}, spec: {project: '{{if eq .num 1.0}}one{{end}}{{.none}}'}}\n",
			want: `"metadata":{` + finalizer + `"name":"n-x","namespace":"team"},"spec":{"project":"one\u003cno value\u003e"}}`},
		{name: "a namespace is that of the set", spec: list + "  template: {metadata: {name: app, namespace: other}, spec: " +
			"{}}\n",
			want: `"metadata":{` + finalizer + `"name":"app","namespace":"team"},"spec":{}}`},
		{name: "finalizers of the template", spec: list + "  template: {metadata: {name: app, finalizers: [own]}, spec: {}}\n",
			want: `"metadata":{"finalizers":["own"],"name":"app","namespace":"team"},"spec":{}}`},
		{name: "preserveResourcesOnDeletion", spec: list + "  syncPolicy: {preserveResourcesOnDeletion: true}\n  " +
			"template: {metadata: {name: app}, spec: {}}\n",
			want: `"metadata":{"name":"app","namespace":"team"},"spec":{}}`},
		{name: "create-only", spec: list + "  syncPolicy: {applicationsSync: create-only}\n  template: {metadata: {name: " +
			"app, finalizers: [own]}, spec: {}}\n",
			want: `"metadata":{"name":"app","namespace":"team"},"spec":{}}`},
		{name: "create-update", spec: list + "  syncPolicy: {applicationsSync: create-update}\n  template: {metadata: " +
			"{name: app}, spec: {}}\n",
			want: `"metadata":{"name":"app","namespace":"team"},"spec":{}}`},
		{name: "create-delete", spec: list + "  syncPolicy: {applicationsSync: create-delete}\n  template: {metadata: " +
			"{name: app}, spec: {}}\n",
			want: `"metadata":{` + finalizer + `"name":"app","namespace":"team"},"spec":{}}`},
		{name: "a generator's own template, filled by that of the set", spec: "  generators: [{list: {elements: [{a: " +
			"x}], template: {metadata: {labels: {a: own}}, " +
			"spec: {project: own, list: []}}}}, {list: {elements: [{a: z}]}}]\n" +
			"  template: {metadata: {name: 'n-{{a}}', labels: {a: set, b: set}}, spec: {project: set, list: [1]}}\n",
			want: `"metadata":{` + finalizer + `"labels":{"a":"own","b":"set"},"name":"n-x","namespace":"team"},` +
				`"spec":{"list":[1],"project":"own"}}` + "\n" +
				`"metadata":{` + finalizer + `"labels":{"a":"set","b":"set"},"name":"n-z","namespace":"team"},` +
				`"spec":{"list":[1],"project":"set"}}`},
		{name: "templatePatch: mappings are merged, lists replaced, null removes, and the project is kept",
			spec: list + "  template: {metadata: {name: app, labels: {a: b}}, spec: {project: p, list: [1], gone: 1, map: {c: " +
				"d}}}\n" +
				"  templatePatch: |\n    metadata: {labels: {'{{a}}': v}}\n    spec: {project: other, list: [2], gone: null, " +
				"map: {e: f}}\n",
			want: `"metadata":{` + finalizer + `"labels":{"a":"b","x":"v"},"name":"app","namespace":"team"},` +
				`"spec":{"list":[2],"map":{"c":"d","e":"f"},"project":"p"}}`},
		{name: "templatePatch: finalizers are added", spec: list + "  template: {metadata: {name: app}, spec: {}}\n" +
			"  templatePatch: 'metadata: {finalizers: [own, resources-finalizer.argocd.argoproj.io]}'\n",
			want: `"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io","own"],"name":"app","namespace":"team"},` +
				`"spec":{}}`},
		{name: "templatePatch: finalizers are removed", spec: list + "  template: {metadata: {name: app}, spec: {}}\n" +
			"  templatePatch: 'metadata: {finalizers: null}'\n", want: `"metadata":{"name":"app","namespace":"team"},"spec":{}}`},
		{name: "templatePatch that comes to nothing", spec: list + "  template: {metadata: {name: app}, spec: {}}\n  " +
			"templatePatch: ' '\n",
			want: `"metadata":{` + finalizer + `"name":"app","namespace":"team"},"spec":{}}`},
		{name: "templatePatch with directives", spec: list + "  template: {metadata: {name: app}, spec: {}}\n  " +
			"templatePatch: '{$patch: delete}'\n",
			wrong: argotest.File + ":4: ApplicationSet team/s: spec.generators[0]: spec.templatePatch: $patch is not " +
				"supported: write what is to be there" + keeping},
		{name: "no name", spec: list + "  template: {metadata: {name: ''}, spec: {}}\n", wrong: argotest.File +
			":4: ApplicationSet team/s: spec.generators[0]: " +
			"an Application comes to have no name: see metadata.name of the template" + keeping},
		{name: "no metadata", spec: list + "  template: {spec: {}}\n",
			wrong: argotest.File + ":4: ApplicationSet team/s: spec.generators[0]: spec.template has no metadata: give it a " +
				"name" + keeping},
		{name: "no template", spec: list, wrong: argotest.File + ":3: ApplicationSet team/s: spec.template: it is empty: " +
			"write the Application that is wanted" + keeping},
		{name: "the others of a template that fails once", spec: "  generators: [{list: {elements: [{a: x}, {a: 'y {{'}, " +
			"{a: z}]}}]\n" +
			"  template: {metadata: {name: '{{a}}'}, spec: {p: '{{a}}}}'}}\n",
			want: `"metadata":{` + finalizer + `"name":"x","namespace":"team"},"spec":{"p":"x}}"}}` + "\n" +
				`"metadata":{` + finalizer + `"name":"y {{","namespace":"team"},"spec":{"p":"y {{}}"}}` + "\n" +
				`"metadata":{` + finalizer + `"name":"z","namespace":"team"},"spec":{"p":"z}}"}}`},
		{name: "the others of a Go template that fails once", spec: "  goTemplate: true\n  goTemplateOptions: " +
			"[missingkey=error]\n" +
			"  generators: [{list: {elements: [{a: x}, {b: y}]}}]\n  template: {metadata: {name: '{{.a}}'}, spec: {}}\n",
			want: `"metadata":{` + finalizer + `"name":"x","namespace":"team"},"spec":{}}`,
			wrong: argotest.File + ":7: ApplicationSet team/s: spec.template: template: ApplicationSet team/s:1:2: " +
				"executing \"ApplicationSet team/s\" " +
				`at <.a>: map has no entry for key "a"` + keeping},
		{name: "the others of a generator that fails", spec: "  generators: [{list: {elements: [x]}}, {list: {elements: " +
			"[{a: x}]}}]\n  template: {metadata: {name: app}, spec: {}}\n",
			want:  `"metadata":{` + finalizer + `"name":"app","namespace":"team"},"spec":{}}`,
			wrong: argotest.File + ":4: ApplicationSet team/s: spec.generators[0].list: elements[0] is no mapping" + keeping},
		{name: "a {{ without a }}", spec: list + "  template: {metadata: {name: '{{a}} {{b'}, spec: {}}\n",
			wrong: at + `spec.template: "{{a}} {{b" has a {{ without a }}` + keeping},
		{name: "another type", spec: "  generators: a\n  template: {metadata: {name: app}, spec: {}}\n",
			wrong: argotest.File + ":4: ApplicationSet team/s: spec.generators: it is a string, and has to be a list" + keeping},
		{name: "what is not done is noted", spec: list + "  strategy: {type: RollingSync}\n  template: {metadata: {name: " +
			"app}, spec: {}}\n",
			want: `"metadata":{` + finalizer + `"name":"app","namespace":"team"},"spec":{}}`,
			note: at + "spec.strategy: not done but for ApplicationSets below fleet/: all Applications are delivered at once; " +
				"steps there, and waves of a RolloutPolicy, release them one after the other (docs/rollouts.md)"},
		{name: "a slip below a generator is noted", spec: "  generators: [{matrix: {generators: [{clusters: {slector: " +
			"{a: b}}}, {list: {elements: []}}]}}]\n" +
			"  template: {metadata: {name: app}, spec: {}}\n", note: argotest.File + ":4: ApplicationSet team/s: " +
			"spec.generators[0].matrix.generators[0]." +
			`clusters.slector: no field that Drover knows of this kind (did you mean "selector"?): nothing is done with it`},
		{name: "a nested generator that nobody knows is an error alone", spec: "  generators: [{matrix: {generators: " +
			"[{lists: {a: b}}, {list: {}}]}}]\n" +
			"  template: {metadata: {name: app}, spec: {}}\n", wrong: argotest.File + ":4: ApplicationSet team/s: " +
			"spec.generators[0].matrix.generators[0].lists: no generator that Drover knows: correct its name" + keeping},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			made, notes, problems := expand(t, c.spec)
			if made != c.want {
				t.Errorf("made %s\nwant %s", made, c.want)
			}
			if notes != c.note {
				t.Errorf("notes %s\nwant  %s", notes, c.note)
			}
			if problems != c.wrong {
				t.Errorf("problems %s\nwant     %s", problems, c.wrong)
			}
		})
	}
}

// TestWhatIsWrongWithASetIsSaid: declared twice, or unreadable by the planner.
func TestWhatIsWrongWithASetIsSaid(t *testing.T) {
	t.Parallel()
	const text = "kind: ApplicationSet\nmetadata: {name: s}\nspec: {generators: [], template: {metadata: {name: app}}}\n"
	p := argotest.Plan(t, text+"---\n"+strings.Replace(text, "name: app", "name: m", 1), tree)
	if made, err := Expand(t.Context(), p, nil); err != nil || len(made) > 0 || len(p.Cluster.Problems) != 1 ||
		!strings.Contains(p.Cluster.Problems[0], "it is declared in "+argotest.File+" as well, and otherwise: keep one") {
		t.Errorf("made %v, %v, problems %q", made, err, p.Cluster.Problems)
	}
	p = argotest.Plan(t, text, tree)
	p.Objects()[0].Err = "it is encrypted"
	if made, err := Expand(t.Context(), p, nil); err != nil || len(made) > 0 ||
		!slices.Equal(p.Cluster.Problems, []string{"it is encrypted; keeping the Applications that it gave before"}) {
		t.Errorf("made %v, %v, problems %q", made, err, p.Cluster.Problems)
	}
	p = argotest.Plan(t, strings.Replace(text, "generators: []", "goTemplate: true, generators: [{list: {elements: "+
		"[{a: '{{'}], template: {spec: {a: '{{'}}}}]", 1), tree)
	if _, err := Expand(t.Context(), p, nil); err != nil || len(p.Cluster.Problems) != 1 ||
		!strings.Contains(p.Cluster.Problems[0], "nothing here executes Go templates") {
		t.Errorf("without a process for templates: %v, problems %q", err, p.Cluster.Problems)
	}
}

// away is a process for templates that cannot be started.
type away struct{}

// Execute implements model.Templates.
func (away) Execute(context.Context, string, []string, []model.Templated) ([][]string, error) {
	return nil, &model.TransientError{Err: errors.New("no process")}
}

// TestAFailureThatAnotherTryMayNotHaveIsReturned, and named once.
func TestAFailureThatAnotherTryMayNotHaveIsReturned(t *testing.T) {
	t.Parallel()
	p := argotest.Plan(t, "kind: ApplicationSet\nmetadata: {name: s}\nspec:\n  goTemplate: true\n  generators: "+
		"[{list: {elements: [{a: x}, {a: y}]}}]\n"+
		"  template: {metadata: {name: '{{.a}}'}}\n", tree)
	made, err := Expand(t.Context(), p, away{})
	if once, ok := errors.AsType[*model.TransientError](err); !ok || once.Err.Error() != "no process" || len(made) > 0 {
		t.Errorf("made %v, %v", made, err)
	}
	if want := []string{"no process; keeping the Applications that it gave before"}; !slices.Equal(p.Cluster.Problems,
		want) {
		t.Errorf("problems %q, want %q", p.Cluster.Problems, want)
	}
}

// TestASetMayGiveOnlySoMany Applications, and a matrix only so many sets.
func TestASetMayGiveOnlySoMany(t *testing.T) {
	t.Parallel()
	elements := strings.TrimSuffix(strings.Repeat("{a: x},", 80), ",")
	list := "{list: {elements: [" + elements + "]}}"
	other := strings.ReplaceAll(list, "a:", "b:")
	_, _, problems := expand(t, "  generators: [{matrix: {generators: ["+list+", "+other+"]}}]\n  template: "+
		"{metadata: {name: app}}\n")
	if !strings.Contains(problems, "spec.generators[0].matrix: it gives more than 5000 sets of parameters") {
		t.Errorf("problems %.500s", problems)
	}
	made, _, problems := expand(t, "  generators: ["+strings.Repeat(list+", ", 63)+"]\n  template: {metadata: {name: "+
		"n}}\n")
	if n := strings.Count(made, "\n") + 1; n != 4960 || !strings.Contains(problems, "spec.generators[62]: it gives "+
		"more than 5000 Applications") {
		t.Errorf("%d Applications, problems %.500s", n, problems)
	}
}

// TestTheFleetAsAWhole: Wide gives the Applications of all clusters, where Expand gives those of the cluster that is
// planned; what fails is left out.
func TestTheFleetAsAWhole(t *testing.T) {
	t.Parallel()
	const text = "kind: ApplicationSet\nmetadata: {name: s}\nspec:\n  generators: [{clusters: {}}, {list: {elements: " +
		"[x]}}]\n" +
		"  template: {metadata: {name: '{{name}}'}, spec: {destination: {name: '{{name}}'}}}\n"
	names := func(made []model.Declaration) (out []string) {
		for _, d := range made {
			_, name, _ := strings.Cut(string(d.JSON), `"name":"`)
			name, _, _ = strings.Cut(name, `"`)
			out = append(out, name)
		}
		return out
	}
	p := argotest.Plan(t, text, tree)
	if got := names(Wide(t.Context(), p, nil, p.Objects()[0])); !slices.Equal(got, []string{"europe", "us_1"}) ||
		len(p.Cluster.Problems) > 0 {
		t.Errorf("of the fleet %q, problems %q", got, p.Cluster.Problems)
	}
	made, err := Expand(t.Context(), p, nil)
	if got := names(made); err != nil || !slices.Equal(got, []string{"europe"}) || len(p.Cluster.Problems) != 1 {
		t.Errorf("of the cluster %q, %v, problems %q", got, err, p.Cluster.Problems)
	}
	p = argotest.Plan(t, "kind: ApplicationSet\nmetadata: {name: s}\nspec: {generators: a}\n", tree)
	if made := Wide(t.Context(), p, nil, p.Objects()[0]); len(made) > 0 {
		t.Errorf("of a set that cannot be read %v", made)
	}
}

// TestOtherClustersAreReadOnlyWhereTheyMatter: a set whose Applications go to the cluster that their parameters are of
// costs a cluster what is in its own cluster.yaml.
func TestOtherClustersAreReadOnlyWhereTheyMatter(t *testing.T) {
	t.Parallel()
	const byName = "destination: {name: '{{name}}'}"
	for _, c := range []struct {
		name, generator, spec string
		all                   bool // clusters of the fleet are read
		want                  int  // Applications
	}{
		{"by name", "{clusters: {}}", byName, false, 1},
		{"by server", "{clusters: {}}", "destination: {server: '{{ server }}'}", false, 1},
		{"by label", "{clusters: {}}", "destination: {name: '{{metadata.labels.to}}'}", true, 2},
		{"the server by the name", "{clusters: {}}", "destination: {server: '{{name}}'}", true, 2},
		{"as a list", "{clusters: {flatList: true}}", byName, true, 1},
		{"behind a list", "{matrix: {generators: [{list: {elements: [{a: b}]}}, {clusters: {}}]}}", byName, false, 1},
		{"behind a list that gives the name", "{matrix: {generators: [{list: {elements: [{name: us_1}]}}, " +
			"{clusters: {selector: {matchLabels: {env: test}}}}]}}", byName, true, 1},
		{"merged by name", "{merge: {mergeKeys: [name], generators: [{clusters: {}}, {list: {elements: [{name: b}]}}]}}",
			byName, false, 1},
		{"merged by something else", "{merge: {mergeKeys: [project], generators: [{clusters: {selector: {matchLabels: " +
			"{env: test}}}}, {list: {elements: [{project: '', name: b}]}}]}}", byName, true, 1},
		{"in a set for which a patch may say otherwise", "{clusters: {}}", byName + "}}\n  templatePatch: 'spec: " +
			"{destination: {name: a}}'\n" +
			"  strategy: {a: {", true, 2},
	} {
		all := false
		p := argotest.PlanIn(t, "kind: ApplicationSet\nmetadata: {name: s}\nspec:\n  generators: ["+c.generator+"]\n"+
			"  template: {metadata: {name: app}, spec: {"+c.spec+"}}\n", tree,
			func() ([]model.Cluster, error) { all = true; return argotest.Clusters, nil })
		made, err := Expand(t.Context(), p, nil)
		if err != nil || len(p.Cluster.Problems) > 0 || all != c.all || len(made) != c.want {
			t.Errorf("%s: all are read: %t, %d Applications, want %t, %d; %v, problems %q", c.name, all, len(made), c.all,
				c.want,
				err, p.Cluster.Problems)
		}
	}
	g := generationOf(t, "[{clusters: {}}]", "  template: {metadata: {name: app}, spec: {"+byName+"}}\n")
	g.plan.Cluster.Unclear, g.plan.Cluster.Problems = true, []string{"a", "b"}
	if err := g.run(); err == nil || !strings.HasSuffix(err.Error(), "the cluster's labels cannot be known: a; b") {
		t.Errorf("a cluster that cannot be read: %v", err)
	}
}
