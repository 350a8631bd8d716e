package appproject

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/protocol"
)

const at = argotest.File + ":4: AppProject argocd/team: "

// TestAProjectIsReadFieldByField: what is bounded by it (argo-cd, docs/user-guide/projects.md), what is not done, and
// what cannot be kept, for which nothing of its Applications is delivered.
func TestAProjectIsReadFieldByField(t *testing.T) {
	t.Parallel()
	closed := []string{"!*"}
	for _, c := range []struct {
		name, spec  string
		want        project.Project
		note, wrong string
	}{
		{name: "nothing is permitted but what is said", spec: "description: a", want: project.Project{AppNamespaces: closed}},
		{name: "sourceRepos", spec: "sourceRepos: ['https://a/*', b]",
			want: project.Project{Sources: []string{"https://a/*", "b"}, AppNamespaces: closed}},
		{name: "one that is refused permits the others", spec: "sourceRepos: ['!https://a/*']",
			want: project.Project{Sources: []string{"*", "!https://a/*"}, AppNamespaces: closed}},
		{name: "destinations", spec: "destinations: [{server: 'HTTPS://A:443/', namespace: b}, {name: '!c', server: " +
			"'!https://D/', namespace: '*'}]",
			want: project.Project{Destinations: []project.Destination{{Server: "https://a", Namespace: "b"},
				{Name: "!c", Server: "!https://d", Namespace: "*"}}, AppNamespaces: closed}},
		{name: "kinds of the cluster", spec: "clusterResourceWhitelist: [{group: a, kind: B, name: c}]\n  " +
			"clusterResourceBlacklist: [{group: '*', kind: D}]",
			want: project.Project{ClusterScoped: project.Kinds{Allow: []project.Kind{{Group: "a", Kind: "B", Name: "c"}},
				Deny: []project.Kind{{Group: "*", Kind: "D"}}}, AppNamespaces: closed}},
		{name: "kinds in namespaces", spec: "namespaceResourceWhitelist: [{group: '', kind: B}]\n  " +
			"namespaceResourceBlacklist: [{kind: D}]",
			want: project.Project{Namespaced: project.Kinds{Allow: []project.Kind{{Kind: "B"}},
				Deny: []project.Kind{{Kind: "D"}}},
				AppNamespaces: closed}},
		{name: "an empty list permits none", spec: "namespaceResourceWhitelist: []\n  clusterResourceWhitelist: []",
			want: project.Project{Namespaced: project.Kinds{Allow: []project.Kind{}},
				ClusterScoped: project.Kinds{Allow: []project.Kind{}}, AppNamespaces: closed}},
		{name: "sourceNamespaces", spec: "sourceNamespaces: [team-*]",
			want: project.Project{AppNamespaces: []string{"team-*"}}},
		{name: "accounts", spec: "destinationServiceAccounts: [{server: 'https://A/', namespace: b, " +
			"defaultServiceAccount: c}, {server: '*', namespace: d, defaultServiceAccount: 'e:f'}]",
			want: project.Project{AppNamespaces: closed, Accounts: []project.Account{
				{Destination: project.Destination{Server: "https://a", Namespace: "b"}, Name: "b/c"},
				{Destination: project.Destination{Server: "*", Namespace: "d"}, Name: "e/f"}}}},
		{name: "an account that is none", spec: "destinationServiceAccounts: [{server: a, namespace: '*', " +
			"defaultServiceAccount: b}]",
			want: project.Project{AppNamespaces: closed,
				Accounts: []project.Account{{Destination: project.Destination{Server: "a", Namespace: "*"}}},
				Unkept:   []string{at + `spec.destinationServiceAccounts[0]: "*/b" is no service account: write it as NAMESPACE:NAME`}}},
		{name: "signatureKeys", spec: "signatureKeys: [{keyID: A}]", want: project.Project{AppNamespaces: closed,
			Unkept: []string{
				at + "spec.signatureKeys: signatures of commits are not verified: take it out, or let the Git server refuse " +
					"what is not signed"}}},
		{name: "permitOnlyProjectScopedClusters", spec: "permitOnlyProjectScopedClusters: true",
			want: project.Project{AppNamespaces: closed, Unkept: []string{at + "spec.permitOnlyProjectScopedClusters: " +
				"clusters belong to no project here: take it out, and list the clusters under destinations"}}},
		{name: "roles", spec: "roles: [{name: a}]", want: project.Project{AppNamespaces: closed},
			note: at + "spec.roles: not done: who may change what is decided in Git"},
		{name: "syncWindows", spec: "syncWindows: [{kind: deny}]", want: project.Project{AppNamespaces: closed},
			note: at + "spec.syncWindows: not done but for AppProjects below fleet/: a commit is delivered when it comes; " +
				"windows there, and those of a RolloutPolicy, hold it back (docs/rollouts.md)"},
		{name: "orphanedResources", spec: "orphanedResources: {warn: true}", want: project.Project{AppNamespaces: closed},
			note: at + "spec.orphanedResources: not done: objects that no app has are not looked for"},
		{name: "another letter case permits nothing", spec: "sourcerepos: ['*']",
			want: project.Project{AppNamespaces: closed},
			note: at + `spec.sourcerepos: no field that Drover knows of this kind (did you mean "sourceRepos"?): nothing is ` +
				`done with it`},
		{name: "another type", spec: "sourceRepos: a", want: project.Project{AppNamespaces: closed},
			wrong: at + "spec.sourceRepos: it is a string, and has to be a list"},
		{name: "a pattern that is none", spec: "sourceRepos: ['a[']", want: project.Project{Sources: []string{"a["},
			AppNamespaces: closed},
			wrong: argotest.File + `:3: AppProject argocd/team: spec: sources: the pattern "a[" has a [ without a ]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := argotest.Plan(t, "kind: AppProject\nmetadata: {name: team}\nspec:\n  "+c.spec+"\n", nil)
			Read(p, p.Objects()[0])
			c.want.Name, c.want.Where = "team", argotest.File+":1"
			want := []planning.Boundary{{Project: c.want, App: model.RootApp, Wrong: c.wrong,
				Object: protocol.ObjectRef{Group: "argoproj.io", Kind: "AppProject", Namespace: "argocd", Name: "team"}}}
			if !reflect.DeepEqual(p.Boundaries, want) {
				t.Errorf("got  %+v\nwant %+v", p.Boundaries, want)
			}
			if notes := argotest.Notes(p.Cluster.Notes); c.note == "" && len(notes) > 0 ||
				c.note != "" && !slices.Equal(notes, []string{c.note}) {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
		})
	}
}

// TestWhatIsWrongWithTheObjectIsWrongWithTheProject, such as that it is encrypted.
func TestWhatIsWrongWithTheObjectIsWrongWithTheProject(t *testing.T) {
	t.Parallel()
	p := argotest.Plan(t, "kind: AppProject\nmetadata: {name: team}\nspec: {sourceRepos: ['*']}\n", nil)
	o := p.Objects()[0]
	o.Err, o.File = "it is encrypted", ""
	Read(p, o)
	if b := p.Boundaries[0]; b.Wrong != "it is encrypted" || b.Where != "the app root" {
		t.Errorf("%q at %q", b.Wrong, b.Where)
	}
}

// TestSyncWindowsAreWrittenAsWindowsOfAPolicy: nothing is held back by them, so that what would is said.
func TestSyncWindowsAreWrittenAsWindowsOfAPolicy(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		`{kind: deny, schedule: "0 22 * * *", duration: 1h, timeZone: Europe/Berlin, applications: ["*"]}`: "as one of " +
			`spec.windows in a RolloutPolicy: {kind: deny, schedule: "0 22 * * *", duration: 1h, timeZone: Europe/Berlin}`,
		`{kind: allow, schedule: "0 9 * * 1-5", duration: 8h, applications: [web-*, api], clusters: [prod], namespaces: ` +
			`[shop], manualSync: true}`: `{kind: allow, schedule: "0 9 * * 1-5", duration: 8h}; its applications ` +
			"web-*, api are spec.apps, by keys such as NAME--*; its clusters prod are spec.clusterSelector, by labels; its namespaces " +
			"shop are " +
			"nothing: name the apps that deliver there in spec.apps; what is synchronized by hand in spite of it is " +
			"released by " +
			"`drover rollout expedite`",
		`{kind: deny, schedule: "@daily", duration: 1h}`:    "a RolloutPolicy does not take its schedule: ",
		`{kind: deny, schedule: "0 22 * * *", duration: 1}`: "",
		`{schedule: "0 22 * * *", duration: 1h}`:            "",
		`{kind: deny, applications: all}`:                   "",
		`[x]`:                                               "",
	} {
		p := argotest.Plan(t, "kind: AppProject\nmetadata: {name: team}\nspec:\n  syncWindows: ["+spec+"]\n", nil)
		Read(p, p.Objects()[0])
		notes := argotest.Notes(p.Cluster.Notes)
		has := slices.ContainsFunc(notes, func(n string) bool {
			return strings.Contains(n, "spec.syncWindows[0]: ") && strings.Contains(n, want)
		})
		if has != (want != "") || len(p.Boundaries) != 1 || p.Boundaries[0].Wrong != "" {
			t.Errorf("%s: %q, want %q", spec, notes, want)
		}
	}
}
