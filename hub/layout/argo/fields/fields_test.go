package fields_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// TestTheTableHasEachFieldOnce, and says what to do where a field is not done.
func TestTheTableHasEachFieldOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range fields.List() {
		if key := f.Kind + " " + f.Path; seen[key] {
			t.Errorf("%s is listed twice", key)
		} else {
			seen[key] = true
		}
		if f.Says == "" && (f.Support == planning.Noted || f.Support == planning.Refused) {
			t.Errorf("%s %s is not done, and nothing is said of it", f.Kind, f.Path)
		}
	}
}

// TestEveryDocumentedSyncOptionIsKnown: those of argo-cd, docs/user-guide/sync-options.md, v3.6.
func TestEveryDocumentedSyncOptionIsKnown(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]planning.Support{
		"Prune=false": planning.Done, "Prune=confirm": planning.Noted, "Delete=false": planning.Done,
		"Delete=confirm": planning.Noted,
		"Validate=false": planning.Noted, "SkipDryRunOnMissingResource=true": planning.Needless,
		"ApplyOutOfSyncOnly=true":           planning.Needless,
		"PrunePropagationPolicy=foreground": planning.Noted, "PrunePropagationPolicy=background": planning.Needless,
		"PrunePropagationPolicy=orphan": planning.Refused, "PruneLast=true": planning.Needless,
		"Replace=true": planning.Noted,
		"Force=true":   planning.Noted, "ServerSideApply=true": planning.Needless,
		"ClientSideApplyMigration=false": planning.Needless,
		"FailOnSharedResource=true":      planning.Noted, "RespectIgnoreDifferences=true": planning.Done,
		"CreateNamespace=true": planning.Done,
	} {
		if f, ok := fields.SyncOption(option); !ok || f.Support != want || !strings.Contains(f.Path, "["+option+"]") {
			t.Errorf("%s: %t, %+v, want %q", option, ok, f, want)
		}
	}
	for _, option := range []string{"", "Prune", "prune=false", "Prune=False", "CreateNamespace=true]"} {
		if f, ok := fields.SyncOption(option); ok {
			t.Errorf("%q is known: %+v", option, f)
		}
	}
}

// TestGeneratorsThatAreNotSupported say why; the others say nothing.
func TestGeneratorsThatAreNotSupported(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"list": "", "clusters": "", "git": "", "matrix": "", "merge": "",
		"selector": "", "lists": "", "": "",
		"git.requeueAfterSeconds": "", "scmProvider": "this generator is not supported: list the repositories",
		"pullRequest": "this generator is not supported: have CI commit a folder for each request, and use a git generator"} {
		if got := fields.RefusedGenerator(kind); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}

// TestWhatIsKnownOfAnObject: what is left of its spec, and what is said of the rest.
func TestWhatIsKnownOfAnObject(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, spec, want string
		notes                  []string
	}{
		{name: "a source", kind: fields.Application, spec: `{"source":{"repoURL":"a","Path":"b","helm":{"valuefiles":[],` +
			`"parameters":` +
			`[{"name":"<","Value":"d"}],"valuesObject":{"Any":{"thing":1}}}}}`,
			want: `{"source":{"helm":{"parameters":[{"name":"<"}],"valuesObject":{"Any":{"thing":1}}},"repoURL":"a"}}`,
			notes: []string{`spec.source.Path: no field that Drover knows of this kind (did you mean "path"?): nothing is ` +
				`done with it`,
				`spec.source.helm.parameters[0].Value: no field that Drover knows of this kind (did you mean "value"?): ` +
					`nothing is done with it`}},
		{name: "sources", kind: fields.Application, spec: `{"sources":[{"ref":"a"},{"reff":"b"}]}`,
			want:  `{"sources":[{"ref":"a"},{}]}`,
			notes: []string{`spec.sources[1].reff: no field that Drover knows of this kind (did you mean "ref"?): nothing is done with it`}},
		{name: "nothing but what is known", kind: fields.Application, spec: `{ "project" : "a" }`,
			want: `{ "project" : "a" }`},
		{name: "targets of " +
			"patches", kind: fields.Application, spec: `{"source":{"kustomize":{"patches":[{"target":{"kinds":"A"}}]}}}`,
			want: `{"source":{"kustomize":{"patches":[{"target":{}}]}}}`,
			notes: []string{`spec.source.kustomize.patches[0].target.kinds: no field that Drover knows of this kind (did ` +
				`you mean "kind"?): ` +
				"nothing is done with it"}},
		{name: "a project", kind: fields.AppProject, spec: `{"sourcerepos":["a"],"destinations":[{"Name":"a",` +
			`"name":"b"}],"roles":[{"any":1}]}`,
			want: `{"destinations":[{"name":"b"}],"roles":[{"any":1}]}`, notes: []string{
				`spec.destinations[0].Name: no field that Drover knows of this kind (did you mean "name"?): nothing is done ` +
					`with it`,
				"spec.roles: not done: who may change what is decided in Git",
				`spec.sourcerepos: no field that Drover knows of this kind (did you mean "sourceRepos"?): nothing is done with ` +
					`it`}},
		{name: "texts of templates", kind: fields.ApplicationSet, spec: `{"template":{"spec":{"any":1}},` +
			`"generators":[{"list":{"elements":` +
			`[{"any":1}]}},{"git":{"values":{"any":1},"file":[]}},{"clusters":{"selector":{"matchLabels":{"any":"1"},` +
			`"match":1}}}]}`,
			want: `{"generators":[{"list":{"elements":[{"any":1}]}},{"git":{"values":{"any":1}}},{"clusters":{"selector":` +
				`{"matchLabels":{"any":"1"}}}}],"template":{"spec":{"any":1}}}`,
			notes: []string{`spec.generators[2].clusters.selector.match: no field that Drover knows of this kind: nothing ` +
				`is done with it`}},
		{name: "nested " +
			"generators", kind: fields.ApplicationSet, spec: `{"generators":[{"matrix":{"generators":[{"merge":{"mergeKey":[],` +
			`"generators":[{"list":{"elements":[]}}]}}]}}]}`,
			want: `{"generators":[{"matrix":{"generators":[{"merge":{"generators":[{"list":{"elements":[]}}]}}]}}]}`},
		{name: "generators that nobody knows", kind: fields.ApplicationSet, spec: `{"generators":[{"lists":{"any":1}},` +
			`{"matrix":{"generators":` +
			`[{"gitt":{"any":1}}]}}]}`, want: `{"generators":[{"lists":{"any":1}},` +
			`{"matrix":{"generators":[{"gitt":{"any":1}}]}}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := argotest.Plan(t, "kind: "+c.kind+"\nmetadata: {name: x}\nspec: "+c.spec+"\n", nil)
			o := p.Objects()[0]
			table := fields.Table
			if c.kind == fields.ApplicationSet {
				table = fields.TableOfSet(o.Spec)
			}
			if got := string(table.Strip(c.kind, "spec", []byte(c.spec))); got != c.want {
				t.Errorf("left %s\nwant %s", got, c.want)
			}
			var notes []fleet.Note
			if err := p.Weigh(table, o, &notes); err != nil {
				t.Error(err)
			}
			var said []string
			for _, n := range notes {
				said = append(said, n.Field+": "+n.Text)
			}
			if !slices.Equal(said, c.notes) {
				t.Errorf("notes %q\nwant  %q", said, c.notes)
			}
		})
	}
}
