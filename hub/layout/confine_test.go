package layout

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/shown"
)

// planned is the cluster staging, planned from a repository of a known address.
func planned(t *testing.T, text string) model.Cluster {
	t.Helper()
	l := &Layout{Renderer: renderer}
	files := tree(text)
	f, err := l.Read(t.Context(), files, model.Site{Name: "staging", Folder: "clusters/staging"})
	if err != nil {
		t.Fatal(err)
	}
	central, problems, err := l.Fleet(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	selected, more := l.Select(central, f.Cluster)
	in := model.Declarations{
		Cluster:    f.Cluster,
		Repository: []string{"https://git.example.com/fleet.git"},
		Branch:     "main",
	}
	in.Cluster.Problems = slices.Concat(in.Cluster.Problems, problems, more)
	for _, o := range selected {
		in.Declared = append(in.Declared, model.Declaration{Rendered: o})
	}
	for _, o := range f.Declared {
		in.Declared = append(in.Declared, model.Declaration{Rendered: o, App: model.RootApp})
	}
	c, err := l.Plan(t.Context(), files, in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// projectFile is a Project.
func projectFile(file, name, spec string) string {
	return "-- " + file + " --\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: " + name + "}\nspec:\n" + spec
}

const team = "  sources: [./apps/**, 'https://git.example.com/team/*']\n  namespaces: [team-a, team-a-*]\n"

// application is one of Argo CD in the cluster's folder.
func application(name, project, rest string) string {
	return "-- clusters/staging/" + name + ".yaml --\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: " + name + ", namespace: argocd}\nspec:\n" +
		"  project: " + project + "\n  syncPolicy: {automated: {}}\n" + rest
}

const toTeam = "  destination: {name: in-cluster, namespace: team-a}\n  source: {repoURL: https://git.example.com/fleet, path: apps/payment}\n"

// appProject is one of Argo CD in the cluster's folder.
func appProject(name, spec string) string {
	return "-- clusters/staging/project-" + name + ".yaml --\napiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: " + name + ", namespace: argocd}\nspec:\n" + spec
}

const anything = "  sourceRepos: ['*']\n  destinations: [{server: '*', namespace: '*'}]\n"

// TestAppsKeepToTheirProject: what a project does not permit stops the app, and says which project, where it is, and
// what.
func TestAppsKeepToTheirProject(t *testing.T) {
	t.Parallel()
	const project = "  path: apps/payment\n  project: a\n"
	for _, c := range []struct {
		name, tree, app string
		want            string // in the app's error; "" for none
	}{
		{"no project is declared", app("a.yaml", "x", "  path: apps/payment\n"), "x", ""},
		{"a project that is not declared", app("a.yaml", "x", project), "x", "the app x is in the project a, and nothing that counts declares it"},
		{"what is permitted", projectFile("fleet/a.yaml", "a", team) + app("a.yaml", "x", project+"  namespace: team-a-1\n"), "x", ""},
		{"declared in the cluster's folder", projectFile("clusters/staging/p.yaml", "a", team) + app("a.yaml", "x", project+"  namespace: team-a\n"), "x", ""},
		{"another namespace", projectFile("fleet/a.yaml", "a", team) + app("a.yaml", "x", project+"  namespace: kube-system\n"), "x",
			"the project a (fleet/a.yaml:3) does not permit the app x the namespace kube-system of the cluster staging"},
		{"another folder", projectFile("fleet/a.yaml", "a", "  sources: [./teams/**]\n  namespaces: ['*']\n") + app("a.yaml", "x", project), "x",
			"does not permit the app x the folder apps/payment"},
		{"another source", projectFile("fleet/a.yaml", "a", team) + app("a.yaml", "x", "  source: {git: {url: 'https://git.example.com/platform/x'}}\n  path: .\n  project: a\n  namespace: team-a\n"), "x",
			"the source https://git.example.com/platform/x"},
		{"its source", projectFile("fleet/a.yaml", "a", team) + app("a.yaml", "x", "  source: {git: {url: 'https://git.example.com/team/x.git'}}\n  path: .\n  project: a\n  namespace: team-a\n"), "x", ""},
		{"another cluster", projectFile("fleet/a.yaml", "a", team+"  clusters: [production]\n") + app("a.yaml", "x", project), "x", "the cluster staging"},
		{"its account", projectFile("fleet/a.yaml", "a", team+"  serviceAccount: team-a/deployer\n") + app("a.yaml", "x", project+"  namespace: team-a\n"), "x", ""},
		{"another account", projectFile("fleet/a.yaml", "a", team+"  serviceAccount: team-a/deployer\n") + app("a.yaml", "x", project+"  namespace: team-a\n  serviceAccount: kube-system/admin\n"), "x",
			"the app x names the service account kube-system/admin, and those of its project a (fleet/a.yaml:3) have team-a/deployer"},
		{"a project that cannot be read", projectFile("fleet/a.yaml", "a", "  sources: x\n") + app("a.yaml", "x", project), "x", "the project a, which cannot be read: fleet/a.yaml:5"},
		{"one declared twice", projectFile("fleet/a.yaml", "a", team) + projectFile("clusters/staging/p.yaml", "a", "  sources: ['*']\n  namespaces: ['*']\n") + app("a.yaml", "x", project), "x",
			"the project a is declared in clusters/staging/p.yaml:3 as well, and otherwise"},
		{"a default that is restricted", projectFile("fleet/a.yaml", "default", team) + app("a.yaml", "x", "  path: apps/payment\n  namespace: kube-system\n"), "x", "the project default"},

		{"an AppProject", appProject("a", anything) + application("x", "a", toTeam), "x", ""},
		{"without one of the name", appProject("b", anything) + application("x", "a", toTeam), "x", "the app argocd/x is in the project a, and nothing that counts declares it"},
		{"without any", application("x", "a", toTeam), "x", ""},
		{"the repository in another spelling", appProject("a", "  sourceRepos: [https://git.example.com/fleet.git]\n  destinations: [{server: https://kubernetes.default.svc, namespace: team-a}]\n") + application("x", "a", toTeam), "x", ""},
		{"the repository refused", appProject("a", "  sourceRepos: ['*', '!https://git.example.com/fleet']\n  destinations: [{server: '*', namespace: '*'}]\n") + application("x", "a", toTeam), "x", "the folder apps/payment"},
		{"another refused", appProject("a", "  sourceRepos: ['!https://git.example.com/x']\n  destinations: [{server: '*', namespace: '*'}]\n") + application("x", "a", toTeam), "x", ""},
		{"the cluster by its address", appProject("a", "  sourceRepos: ['*']\n  destinations: [{server: 'https://staging/', namespace: '*'}]\n") + application("x", "a", toTeam), "x", ""},
		{"another cluster by its address", appProject("a", "  sourceRepos: ['*']\n  destinations: [{server: 'https://production', namespace: '*'}]\n") + application("x", "a", toTeam), "x", "the namespace team-a of the cluster staging"},
		{"signatures", appProject("a", anything+"  signatureKeys: [{keyID: ABCDEF}]\n") + application("x", "a", toTeam), "x", "spec.signatureKeys: signatures of commits are not verified"},
		{"its account by destination", appProject("a", anything+"  destinationServiceAccounts: [{server: '*', namespace: team-*, defaultServiceAccount: deployer}]\n") + application("x", "a", toTeam), "x",
			"spec.destinationServiceAccounts[0]: "},
		{"a field that is none", appProject("a", anything+"  sourcesRepos: []\n") + application("x", "a", toTeam), "x", ""},
		{"the default that is restricted", appProject("default", "  sourceRepos: []\n") + application("x", "default", toTeam), "x", "the project default"},
		{"an Application elsewhere", appProject("a", anything) + strings.Replace(application("x", "a", toTeam), "namespace: argocd", "namespace: team-a", 1), "team-a-x", "to be declared in the namespace team-a"},
		{"an Application where it may be", appProject("a", anything+"  sourceNamespaces: [team-*]\n") + strings.Replace(application("x", "a", toTeam), "namespace: argocd", "namespace: team-a", 1), "team-a-x", ""},
		{"a Kustomization", projectFile("fleet/a.yaml", "a", "  sources: [./teams/**]\n  namespaces: ['*']\n") + "-- clusters/staging/k.yaml --\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" +
			"metadata: {name: x, namespace: flux-system, annotations: {drover.dev/project: a}}\nspec: {path: ./apps/payment, prune: true, interval: 1m, targetNamespace: kube-system, sourceRef: {kind: GitRepository, name: flux-system}}\n", "x", "the folder apps/payment"},
	} {
		got := planned(t, payment+"-- clusters/staging/cluster.yaml --\nlabels: {}\n"+c.tree)
		at := slices.IndexFunc(got.Apps, func(a model.App) bool { return a.Name == c.app || slices.Contains(a.Formerly, c.app) })
		if at < 0 {
			t.Errorf("%s: there is no app %s among %v: %v", c.name, c.app, got.Apps, got.Problems)
			continue
		}
		names := shown.New()
		names.Learn(got.Apps[at].Declared)
		if err := names.Text(got.Apps[at].Err); c.want == "" && err != "" || !strings.Contains(err, c.want) {
			t.Errorf("%s: the error is %q, want %q", c.name, err, c.want)
		}
	}
}
