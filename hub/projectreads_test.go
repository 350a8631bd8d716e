package hub_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// link replaces a file by a symbolic link.
func (b *scene) link(file, to string) {
	b.t.Helper()
	must(0, os.Remove(filepath.Join(b.dir, file)))
	must(0, os.Symlink(to, filepath.Join(b.dir, file)))
	b.commit("")
}

// What an app of a project would read, and its project does not permit, stops it: folders of the repository, by whichever
// way they are named, and objects of other namespaces.
func TestAProjectBoundsWhatItsAppsRead(t *testing.T) {
	t.Parallel()
	const bounds = "-- clusters/staging/project.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: team}\n" +
		"spec: {sources: [./team/**, \"https://charts.example.com/**\"], namespaces: [team, flux-system], clusterKinds: {allow: [{group: \"*\", kind: \"*\"}]}}\n" +
		"-- platform/secret.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs, namespace: team}\ndata: {v: theirs}\n" +
		"-- platform/kustomization.yaml --\nresources: [secret.yaml]\n-- platform/values.yaml --\nv: theirs\n-- team/base/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: own, namespace: team}\n" +
		"-- team/base/kustomization.yaml --\nresources: [cm.yaml]\n"
	app := func(spec string) string {
		return "-- clusters/staging/web.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: {project: team, namespace: team, " + spec + "}\n"
	}
	chart := "-- team/chart/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n-- team/chart/templates/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {v: \"{{ .Values.v }}\"}\n"
	flux := func(namespace, more string) string {
		return inProject("team", strings.Replace(appIn("clusters/staging/web.yaml", namespace, "web", more), "path: web", "path: team/base", 1))
	}
	for _, c := range []struct{ name, tree, want string }{
		{"its own base", app("path: team/web") + "-- team/web/kustomization.yaml --\nresources: [../base]\n", ""},
		{"a base of others", app("path: team/web") + "-- team/web/kustomization.yaml --\nresources: [../../platform]\n", "does not permit to read platform"},
		{"a file of others", app("path: team/web") + "-- team/web/kustomization.yaml --\nconfigMapGenerator: [{name: x, files: [../../platform/secret.yaml]}]\n", "does not permit to read platform/secret.yaml"},
		{"a component of others", app("path: team/web") + "-- team/web/kustomization.yaml --\ncomponents: [../../platform]\n", "does not permit to read platform"},
		{"a folder of others", app("path: platform"), "does not permit the app web the folder platform"},
		{"values of its own", app("helm: {path: team/chart, valuesFiles: [team/v.yaml]}") + chart + "-- team/v.yaml --\nv: own\n", ""},
		{"values of others", app("helm: {path: team/chart, valuesFiles: [platform/values.yaml]}") + chart, "does not permit the app web the folder platform"},
		{"variables of its own namespace", flux("team", fromVars), ""},
		{"variables of another namespace", flux("other", fromVars), "to take values from the Secret other/vars (its namespace)"},
		{"keys of another namespace", app("path: team/base, decryption: {provider: sops, secret: other/keys}"), "to take values from the Secret other/keys (its namespace)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, bootstrap+bounds+c.tree)
			by := "App web"
			if strings.Contains(c.tree, "namespace: team}\nspec:\n  path: team/base") {
				by = "Kustomization team/web"
			} else if strings.Contains(c.tree, "kind: Kustomization\n") {
				by = "Kustomization other/web"
			}
			a := declaredApp(t, b.resolve("staging"), by)
			if c.want == "" && a.Err != "" || !strings.Contains(a.Err, c.want) || c.want != "" && a.Reason != protocol.ReasonProjectForbids {
				t.Errorf("it says %q, for the reason %q, want %q", a.Err, a.Reason, c.want)
			}
			if strings.Contains(b.rendered(a), "theirs") {
				t.Errorf("it renders to %s", b.rendered(a))
			}
		})
	}
	// A link is no way out.
	b := newScene(t, bootstrap+bounds+app("path: team/web")+"-- team/web/kustomization.yaml --\nresources: [cm.yaml]\n-- team/web/cm.yaml --\na: b\n")
	b.link("team/web/cm.yaml", "../../platform/secret.yaml")
	if a := declaredApp(t, b.resolve("staging"), "App web"); !strings.Contains(a.Err, "does not permit to read platform/secret.yaml") {
		t.Errorf("by a link it says %q: %s", a.Err, b.rendered(a))
	}
}

// The hub logs in for an app of a project with what the project names, and nothing else, wherever the source is named.
func TestAProjectBoundsWithWhatTheHubLogsIn(t *testing.T) {
	t.Parallel()
	tree := bootstrap + "-- clusters/staging/project.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: team}\n" +
		"spec: {sources: [\"https://git.example.com/**\"], namespaces: [\"*\"], credentials: [team]}\n" +
		"-- clusters/staging/web.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\n" +
		"spec: {project: team, namespace: team, path: ., source: {git: {url: \"https://git.example.com/team/private\", branch: main}}}\n" +
		"-- clusters/staging/free.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: free}\n" +
		"spec: {namespace: team, path: ., source: {git: {url: \"https://git.example.com/team/private\", branch: main}}}\n"
	b := newScene(t, tree)
	res := b.resolve("staging")
	of := func(app string) *model.Source {
		sources := declaredApp(t, res, "App "+app).App.Sources()
		if len(sources) != 1 {
			t.Fatalf("%s has the sources %v: %s", app, sources, declaredApp(t, res, "App "+app).Err)
		}
		return sources[0]
	}
	if l := of("web").Logins; l == nil || strings.Join(l.Names, " ") != "team" {
		t.Errorf("for the project's app the hub logs in with %+v", l)
	}
	if l := of("free").Logins; l != nil {
		t.Errorf("for an app without a project it logs in with %+v alone", l)
	}
	if of("web").Key() == of("free").Key() {
		t.Error("what was fetched for one is given to the other")
	}
}

// As Flux with its controllers locked down: without an account an app has the default one, of its own
// namespace; and a source
// of another namespace is not named. What a controller of Flux does itself has all rights still.
func TestTheLockdownOfFlux(t *testing.T) {
	t.Parallel()
	const own = "-- clusters/staging/source.yaml --\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: own, namespace: team}\nspec: {url: \"ssh://git@github.com/org/fleet\"}\n"
	admin := strings.Replace(appIn("clusters/staging/admin.yaml", "flux-system", "admin", "  serviceAccountName: kustomize-controller\n"), ", namespace: flux-system}\n  serv", "}\n  serv", 1)
	tenant := strings.Replace(appIn("clusters/staging/tenant.yaml", "team", "tenant", ""), "{kind: GitRepository, name: flux-system, namespace: flux-system}", "{kind: GitRepository, name: own}", 1)
	below := strings.Replace(appIn("tenant/below.yaml", "other", "below", ""), "{kind: GitRepository, name: flux-system, namespace: flux-system}", "{kind: GitRepository, name: own}", 1)
	across := appIn("clusters/staging/across.yaml", "team", "across", deployer)
	tree := strings.Replace(bootstrap, "  path: ./clusters/staging\n", "  path: ./clusters/staging\n  serviceAccountName: kustomize-controller\n", 1) + own + admin + tenant + across + manifest("admin/cm.yaml", "a", "{a: b}") + manifest("tenant/cm.yaml", "t", "{a: b}") + manifest("across/cm.yaml", "c", "{a: b}") +
		below + strings.ReplaceAll(strings.Replace(own, "clusters/staging/source", "tenant/source", 1), "namespace: team", "namespace: other") + manifest("below/cm.yaml", "d", "{a: b}")
	want := map[string]string{"Kustomization flux-system/admin": "", "Kustomization team/tenant": "team/default", "Kustomization other/below": "team/default",
		"Kustomization team/across": "team/deployer spec.sourceRef: the GitRepository flux-system/flux-system is in another namespace"}
	lockdown := model.FluxLockdown{DefaultServiceAccount: "default", NoCrossNamespaceRefs: true}
	for name, make := range map[string]func() *scene{
		"for the fleet": func() *scene {
			b := newScene(t, tree)
			b.config.Flux = lockdown
			return b
		},
		"for one cluster": func() *scene {
			return newScene(t, tree+"-- clusters/staging/cluster.yaml --\nflux: {defaultServiceAccount: default, noCrossNamespaceRefs: true}\n")
		},
	} {
		b := make()
		b.with(func(*resolve.Config) {})
		res := b.resolve("staging")
		for by, says := range want {
			a := declaredApp(t, res, by)
			account, err, _ := strings.Cut(says, " ")
			if a.App.Handling.ServiceAccount != account || !strings.Contains(a.Err, err) || err == "" && a.Err != "" {
				t.Errorf("%s: %s has the account %q: %s", name, by, a.App.Handling.ServiceAccount, a.Err)
			}
		}
	}
}

// As if all apps were in a project, without writing it into Git.
func TestAnAppAsInAProject(t *testing.T) {
	t.Parallel()
	b := newScene(t, bootstrap+projectOf("all")+"-- clusters/staging/project.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: team}\nspec: {sources: [./team/**], namespaces: [team]}\n"+
		"-- clusters/staging/web.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: {path: team}\n-- team/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: other}\n")
	for project, want := range map[string]string{"": "", "all": "", "team": "does not permit ConfigMap/other/web (its namespace)", "none": "is in the project none, and nothing that counts declares it"} {
		b.with(func(c *resolve.Config) { c.AsProject = project })
		res := b.resolve("staging")
		if a := declaredApp(t, res, "App web"); want == "" && a.Err != "" || !strings.Contains(a.Err, want) {
			t.Errorf("as in %q it says %q, want %q", project, a.Err, want)
		}
		if a := declaredApp(t, res, "App root"); a.Err != "" {
			t.Errorf("as in %q the folder's own objects stop: %s", project, a.Err)
		}
	}
}
