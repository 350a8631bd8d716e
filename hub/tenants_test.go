package hub_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// declaredApp is the app that an object declares, as "Kustomization team/shop" or "App shop".
func declaredApp(t *testing.T, res resolve.Resolution, by string) resolve.AppResult {
	t.Helper()
	for _, a := range res.Apps {
		if a.App.Declared == by || a.App.Name == strings.TrimPrefix(by, "App ") {
			return a
		}
	}
	t.Fatalf("nothing declares %s", by)
	return resolve.AppResult{}
}

// rendered are the objects of an app, as text.
func (b *scene) rendered(a resolve.AppResult) string {
	b.t.Helper()
	if a.Ref == nil {
		return ""
	}
	var out strings.Builder
	for _, o := range must(b.resolver.Objects(*a.Ref)) {
		fmt.Fprintf(&out, "%s\n", o.JSON)
	}
	return out.String()
}

// secretOf is a Secret with a value under V.
func secretOf(file, namespace, value string) string {
	return "-- " + file + " --\napiVersion: v1\nkind: Secret\nmetadata: {name: vars, namespace: " + namespace + "}\n" +
		"stringData: {V: " + value + "}\n"
}

// appIn is a Kustomization of this repository; more are fields of its spec, two spaces in.
func appIn(file, namespace, name, more string) string {
	return "-- " + file + " --\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: " + namespace + "}\n" +
		"spec:\n  path: " + name + "\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n" + more
}

const (
	fromVars = "  postBuild: {substituteFrom: [{kind: Secret, name: vars}]}\n"
	deployer = "  serviceAccountName: deployer\n"
	usesV    = "-- shop/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, namespace: team}\ndata: {v: \"${V}\"}\n"
)

// projectOf is a Project that permits anything, of the names.
func projectOf(names ...string) string {
	out := ""
	for _, name := range names {
		out += "-- clusters/staging/project-" + name + ".yaml --\napiVersion: drover.dev/v1alpha1\nkind: Project\nmetadata: {name: " + name + "}\n" +
			"spec: {sources: [\"*\"], namespaces: [\"*\"], credentials: []}\n"
	}
	return out
}

// inProject has a Kustomization be in a project.
func inProject(name, app string) string {
	return strings.Replace(app, "metadata: {", "metadata: {annotations: {drover.dev/project: "+name+"}, ", 1)
}

// The hub takes variables and values from what apps with the same rights deliver. What others deliver the agent reads, with
// the rights of the app; where it cannot, the app stops.
func TestValuesComeFromAppsWithTheSameRights(t *testing.T) {
	t.Parallel()
	release := "-- shop/release.yaml --\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: team}\n" +
		"spec:\n  interval: 1m\n  chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}\n" +
		"  valuesFrom: [{kind: Secret, name: vars, valuesKey: V, targetPath: v}]\n" +
		"-- chart/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n-- chart/templates/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {v: \"{{ .Values.v }}\"}\n"
	vars := func(more string) string { // an app that delivers team/vars
		return appIn("clusters/staging/vars.yaml", "team", "vars", more) + secretOf("vars/s.yaml", "team", "theirs")
	}
	shop := func(more string) string {
		return appIn("clusters/staging/shop.yaml", "team", "shop", more)
	}
	whole := strings.Replace(release, ", targetPath: v}", "}", 1) // a document of values
	const other = "  serviceAccountName: other\n"
	const here, left, stopped = "here", "left to the agent", "stopped"
	for _, c := range []struct{ name, tree, app, want string }{
		{"the platform from the platform", shop(fromVars) + usesV + vars(""), "Kustomization team/shop", here},
		{"a tenant from itself", shop(deployer+fromVars) + usesV + vars(deployer), "Kustomization team/shop", here},
		{"a tenant from the app itself", shop(deployer+fromVars) + usesV + secretOf("shop/s.yaml", "team", "theirs"), "Kustomization team/shop", here},
		{"a tenant from the platform", shop(deployer+fromVars) + usesV + vars(""), "Kustomization team/shop", left},
		{"a tenant from another one", shop(deployer+fromVars) + usesV + vars("  serviceAccountName: other\n"), "Kustomization team/shop", left},
		{"the platform from a tenant", shop(fromVars) + usesV + vars(deployer), "Kustomization team/shop", left},
		{"a tenant, of a namespace that is not its own", shop(deployer) + appIn("shop/more.yaml", "kube-system", "more", fromVars) +
			strings.ReplaceAll(usesV, "-- shop/", "-- more/") + secretOf("clusters/staging/s.yaml", "kube-system", "theirs"), "Kustomization kube-system/more", left},
		{"a project from none", projectOf("one") + inProject("one", shop(fromVars)) + usesV + vars(""), "Kustomization team/shop", here},
		{"a project from another", projectOf("one", "two") + inProject("one", shop(fromVars)) + usesV + inProject("two", vars("")), "Kustomization team/shop", left},
		{"none from a project", projectOf("one") + shop(fromVars) + usesV + inProject("one", vars("")), "Kustomization team/shop", left},
		{"values of the platform from the platform", shop("") + release + vars(""), "HelmRelease team/web", here},
		{"values of a tenant from itself", shop(deployer) + release + vars(deployer), "HelmRelease team/web", here},
		{"a value of a tenant from the platform", shop(deployer) + release + vars(""), "HelmRelease team/web", left},
		{"a value of the platform from a tenant", shop("") + release + vars(deployer), "HelmRelease team/web", left},
		{"a value of a tenant from another one", shop(deployer) + release + vars(other), "HelmRelease team/web", left},
		{"values of a tenant from the platform", shop(deployer) + whole + vars(""), "HelmRelease team/web", stopped},
		{"values of the platform from a tenant", shop("") + whole + vars(deployer), "HelmRelease team/web", stopped},
		{"values of a tenant from another one", shop(deployer) + whole + vars(other), "HelmRelease team/web", stopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, bootstrap+c.tree)
			res := b.resolve("staging")
			a := declaredApp(t, res, c.app)
			got := here
			switch {
			case a.Err != "":
				got = stopped
			case a.App.Handling.Substitute != nil, len(a.App.Handling.Opaque) > 0:
				got = left
			}
			text := b.rendered(a)
			if got != c.want || strings.Contains(text, `"v":"theirs"`) != (c.want == here) {
				t.Errorf("it is %s (%s), and renders to\n%s", got, a.Err, text)
			}
			if c.want == stopped && !strings.Contains(a.Err, "the chart's values are to come from the Secret team/vars, which is not among what") {
				t.Errorf("it says %q", a.Err)
			}
			if len(res.Cluster.Problems) > 0 {
				t.Errorf("problems: %q", res.Cluster.Problems)
			}
		})
	}
}

// tenants are a platform with an app, and two tenants with one each.
const tenants = bootstrap + `
-- clusters/staging/platform.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: platform, namespace: flux-system}
spec: {path: platform, prune: true, sourceRef: {kind: GitRepository, name: charts}}
-- clusters/staging/own.yaml --
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: own}
spec: {path: own}
-- own/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: own, namespace: flux-system}
-- platform/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: platform, namespace: flux-system}
-- clusters/staging/source.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: charts, namespace: flux-system}
spec: {url: "ssh://git@github.com/org/fleet", ref: {branch: main}}
-- clusters/staging/a.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: teama, namespace: a}
spec: {path: teama, prune: true, serviceAccountName: deployer, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}
-- clusters/staging/b.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: teamb, namespace: b}
spec: {path: teamb, prune: true, serviceAccountName: deployer, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}
-- teama/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: a}
-- teamb/app.yaml --
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: shop}
spec: {path: shop}
-- teamb/more.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: more, namespace: b}
spec: {path: shop, targetNamespace: b, prune: true, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}
-- shop/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: shop, namespace: shop}
`

// others tells of all apps that a service account does not have: what declares them, what they are rendered to, wait for,
// and are.
func (b *scene) others(res resolve.Resolution, account string) string {
	by := map[string]string{}
	for _, a := range res.Apps {
		by[a.App.Name] = cmp.Or(a.App.Declared, "App "+a.App.Name)
	}
	var lines []string
	for _, a := range res.Apps {
		if a.App.Handling.ServiceAccount == account {
			continue
		}
		var after []string
		for _, on := range a.App.DependsOn {
			after = append(after, cmp.Or(by[on], on))
		}
		lines = append(lines, fmt.Sprintf("%s of %s after %q prune %v suspended %v error %q %s %s", by[a.App.Name], by[a.App.Parent], after, a.App.Prune, a.App.Suspend, a.Err, a.Reason, b.rendered(a)))
	}
	slices.Sort(lines)
	return fmt.Sprintf("problems %q\n%s\n", res.Cluster.Problems, strings.Join(lines, "\n"))
}

// Whatever a tenant adds to its folder, everybody else's apps stay as they are, and nothing else waits for pruning. The
// tenant's app says what is wrong.
func TestATenantsFilesChangeNothingOfOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, files, says string }{
		{"an app of the platform", appIn("teama/x.yaml", "flux-system", "platform", ""), "declares the same with the rights of the cluster's folder, which takes precedence"},
		{"the same, word by word", strings.Replace(files(tenants)["clusters/staging/platform.yaml"], "apiVersion", "-- teama/x.yaml --\napiVersion", 1), "which takes precedence"},
		{"an app of the platform, suspended", appIn("teama/x.yaml", "flux-system", "platform", "  suspend: true\n"), "which takes precedence"},
		{"a source of the platform", "-- teama/x.yaml --\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: charts, namespace: flux-system}\nspec: {url: \"https://evil.example.com/x\"}\n", "which takes precedence"},
		{"the repository itself", strings.Replace(appIn("teama/x.yaml", "a", "self", "  suspend: true\n"), "path: self", "path: clusters/staging", 1) + "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {url: \"https://evil.example.com/x\"}\n", "which takes precedence"},
		{"an App of the platform", "-- teama/x.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: own}\nspec: {path: shop}\n", "the app own: clusters/staging/own.yaml"},
		{"the root app", "-- teama/x.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: root}\nspec: {path: shop}\n", "root"},
		{"an App of another tenant", "-- teama/x.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec: {path: own}\n", "the app shop: teamb/app.yaml"},
		{"an app of another tenant", appIn("teama/x.yaml", "b", "more", ""), "which takes precedence"},
		{"a file that is none", "-- teama/x.yaml --\nkind: [\n", ""},
		{"a kind that is none", "-- teama/x.yaml --\napiVersion: drover.dev/v1alpha1\nkind: Appp\nmetadata: {name: x}\n", "Appp"},
		{"a declaration without a name", "-- teama/x.yaml --\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x, namespace: a}\nspec: [a]\n", "cannot be read"},
		{"an ApplicationSet that fails", "-- teama/x.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: x, namespace: a}\nspec: {generators: [{none: {}}]}\n", "keeping the Applications"},
		{"an App that cannot be read", "-- teama/x.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {}\nspec: {path: shop}\n", "teama/x.yaml"},
		{"a condition on what the platform declares", appIn("teama/x.yaml", "a", "x", "  dependsOn: [{name: platform, namespace: flux-system, readyExpr: dep.spec.prune}]\n"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, tenants)
			first := b.resolve("staging")
			before := b.others(first, "a/deployer")
			if strings.Contains(before, "error \"c") || strings.Contains(before, "error \"t") {
				t.Fatalf("before:\n%s", before)
			}
			b.commit(c.files)
			for name, last := range map[string][]protocol.App{"with": told(first), "without": nil} {
				res := b.resolveAfter("staging", last)
				if got := b.others(res, "a/deployer"); got != before && (last != nil || c.name != "an App of another tenant") {
					t.Errorf("%s what was told before:\n%s\nwant:\n%s", name, got, before)
				}
				if a := declaredApp(t, res, "Kustomization a/teama"); last != nil && (!strings.Contains(a.Err, c.says) || a.Err == "" && c.says != "") {
					t.Errorf("%s: the tenant's app says %q, want %q", name, a.Err, c.says)
				}
			}
		})
	}
}

// What the platform declares takes precedence over what a tenant declared before.
func TestThePlatformTakesPrecedenceOverATenantThatCameFirst(t *testing.T) {
	t.Parallel()
	b := newScene(t, tenants+appIn("teama/x.yaml", "a", "late", "")+manifest("late/cm.yaml", "late", "{a: b}"))
	first := b.resolve("staging")
	if a := declaredApp(t, first, "Kustomization a/late"); a.App.Handling.ServiceAccount != "a/deployer" {
		t.Fatalf("it is applied by %q", a.App.Handling.ServiceAccount)
	}
	b.commit(appIn("platform/late.yaml", "a", "late", ""))
	res := b.resolveAfter("staging", told(first))
	if a := declaredApp(t, res, "Kustomization a/late"); a.App.Handling.ServiceAccount != "" || !strings.Contains(b.rendered(a), `"name":"late"`) {
		t.Errorf("it is applied by %q: %s", a.App.Handling.ServiceAccount, a.Err)
	}
	if a := declaredApp(t, res, "Kustomization a/teama"); !strings.Contains(a.Err, "platform/late.yaml declares the same with the rights of the cluster's folder") {
		t.Errorf("the tenant's app says %q", a.Err)
	}
}

// Of two tenants that declare the same, the one by whose account it was delivered keeps it, whatever the other adds.
func TestATenantKeepsWhatItDeclaredFirst(t *testing.T) {
	t.Parallel()
	b := newScene(t, tenants+appIn("teamb/thing.yaml", "c", "thing", "")+manifest("thing/cm.yaml", "thing", "{a: b}"))
	first := b.resolve("staging")
	before := b.rendered(declaredApp(t, first, "Kustomization c/thing"))
	b.commit(appIn("teama/thing.yaml", "c", "thing", "  suspend: true\n"))
	res := b.resolveAfter("staging", told(first))
	a := declaredApp(t, res, "Kustomization c/thing")
	if a.App.Handling.ServiceAccount != "b/deployer" || a.App.Suspend || b.rendered(a) != before || before == "" {
		t.Errorf("it is applied by %q, suspended: %t, %s\n%s", a.App.Handling.ServiceAccount, a.App.Suspend, a.Err,
			b.rendered(a))
	}
	if a := declaredApp(t, res, "Kustomization a/teama"); !strings.Contains(a.Err, "which takes precedence") {
		t.Errorf("the other tenant's app says %q", a.Err)
	}
}

// Ciphertext is delivered to where something decrypts it, and nowhere else: the app stops for that reason, with the place.
func TestCiphertextStopsItsApp(t *testing.T) {
	t.Parallel()
	const enc = "ENC[AES256_GCM,data:Tv6J,iv:UqLp,tag:+5HR,type:str]"
	const explained = "ENC[AES256_GCM,data:...,iv:...,tag:...,type:str]" // as documentation has it
	decrypts := "  decryption: {provider: sops, secretRef: {name: age}}\n"
	object := func(kind, data string) string {
		return "-- shop/o.yaml --\napiVersion: v1\nkind: " + kind + "\nmetadata: {name: shop, namespace: team}\n" + data + "\n"
	}
	shop := func(more string) string { return appIn("clusters/staging/shop.yaml", "team", "shop", more) }
	for _, c := range []struct{ name, tree, want string }{
		{"in a ConfigMap", shop("") + object("ConfigMap", "data: {v: \""+enc+"\"}"), "shop/o.yaml: ConfigMap team/shop holds a value that is encrypted with SOPS"},
		{"in a ConfigMap of an app that decrypts", shop(decrypts) + object("ConfigMap", "data: {v: \""+enc+"\"}"), "shop/o.yaml: ConfigMap team/shop holds a value"},
		{"in the text of a Secret", shop(decrypts) + object("Secret", "stringData: {v: \""+enc+"\"}"), "shop/o.yaml: Secret team/shop holds a value"},
		{"in what a generator makes", shop(decrypts) + "-- shop/kustomization.yaml --\nconfigMapGenerator: [{name: shop, namespace: team, files: [v.yaml]}]\n-- shop/v.yaml --\nv: " + enc + "\nsops: {mac: x}\n", "holds a value that is encrypted with SOPS"},
		{"as a variable", shop("  postBuild: {substitute: {V: \""+enc+"\"}}\n") + usesV, "the value of the variable V is encrypted with SOPS"},
		{"as a variable of an object", shop(fromVars) + usesV + strings.Replace(appIn("clusters/staging/vars.yaml", "team", "vars", decrypts), "path: vars", "path: vars", 1) +
			secretOf("vars/s.yaml", "team", "\""+enc+"\"") + "sops: {mac: x}\n", ""},
		{"as an object that is encrypted", shop(decrypts) + object("Secret", "stringData: {v: \""+enc+"\"}\nsops: {mac: x}"), ""},
		{"explained", shop("") + object("ConfigMap", "data: {v: \""+explained+"\"}"), ""},
		{"as an object that nobody decrypts", shop("") + object("Secret", "stringData: {v: \""+enc+"\"}\nsops: {mac: x}"), "is encrypted with SOPS, and the app does not say that it is to be decrypted"},
		{"among the vars of the cluster", "-- clusters/staging/cluster.yaml --\nvars: {V: \"" + enc + "\"}\n-- clusters/staging/shop.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec: {path: shop, substitute: true}\n" + usesV,
			"the value of the variable V is encrypted with SOPS"},
		{"in the cluster's folder", "-- clusters/staging/o.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, namespace: team}\ndata: {v: \"" + enc + "\"}\n", "clusters/staging/o.yaml: ConfigMap team/shop holds a value"},
		{"in what a chart makes", "-- clusters/staging/shop.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec: {helm: {path: shop}}\n-- shop/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n" +
			"-- shop/templates/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {v: \"" + enc + "\"}\n", "holds a value that is encrypted with SOPS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, bootstrap+c.tree)
			var said, text string
			for _, a := range b.resolve("staging").Apps {
				if said += a.Err; a.Err != "" && a.Reason != protocol.ReasonCiphertext {
					t.Errorf("the app %s stops for the reason %q", a.App.Name, a.Reason)
				}
				if a.App.Handling.Decrypt == nil {
					text += b.rendered(a)
				}
			}
			if c.want == "" && said != "" || !strings.Contains(said, c.want) {
				t.Errorf("it says %q, want %q", said, c.want)
			}
			if strings.Contains(text, enc) {
				t.Errorf("delivered is\n%s", text)
			}
		})
	}
}

// Tenants as flux2-multi-tenancy and ControlPlane's d1-fleet have them: what the platform's Kustomization renders names a
// service account of the tenant's own namespace, and variables from an object there that something in the cluster makes.
func TestTenantsOfFlux(t *testing.T) {
	t.Parallel()
	tree := bootstrap + strings.Replace(appIn("clusters/staging/tenants.yaml", "flux-system", "tenants", "  serviceAccountName: kustomize-controller\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: flux-runtime-info}]}\n"),
		", namespace: flux-system}\n  serv", "}\n  serv", 1) + `
-- clusters/staging/runtime-info.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: flux-runtime-info, namespace: flux-system}
data: {ENVIRONMENT: staging, GIT_BRANCH: main}
-- tenants/kustomization.yaml --
namespace: backend
resources: [namespace.yaml, rbac.yaml, sync.yaml]
-- tenants/namespace.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: backend}
-- tenants/rbac.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: flux}
-- tenants/sync.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: apps}
spec: {url: "ssh://git@github.com/org/fleet", ref: {branch: "${GIT_BRANCH}"}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: backend}
spec:
  serviceAccountName: flux
  path: "./backend/${ENVIRONMENT}"
  prune: true
  sourceRef: {kind: GitRepository, name: apps}
  postBuild: {substituteFrom: [{kind: ConfigMap, name: flux-runtime-info}]}
-- backend/staging/release.yaml --
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: backend}
spec:
  interval: 1m
  serviceAccountName: flux
  chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: apps}}}
  valuesFrom: [{kind: ConfigMap, name: values}]
-- backend/staging/values.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: values, namespace: backend}
data: {values.yaml: "v: own"}
-- backend/staging/env.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: env, namespace: backend}
data: {v: "${ENVIRONMENT}"}
-- chart/Chart.yaml --
apiVersion: v2
name: web
version: 1.0.0
-- chart/templates/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {v: "{{ .Values.v }}"}
`
	b := newScene(t, tree)
	res := b.resolve("staging")
	for by, want := range map[string]struct{ account, object string }{
		"Kustomization flux-system/tenants": {"", `"name":"backend"`},
		"Kustomization backend/backend":     {"backend/flux", `"v":"${ENVIRONMENT}"`},
		"HelmRelease backend/web":           {"backend/flux", `"v":"own"`},
	} {
		a := declaredApp(t, res, by)
		if a.Err != "" || a.App.Handling.ServiceAccount != want.account || !strings.Contains(b.rendered(a), want.object) {
			t.Errorf("%s has the account %q: %s\n%s", by, a.App.Handling.ServiceAccount, a.Err, b.rendered(a))
		}
	}
	if s := declaredApp(t, res, "Kustomization backend/backend").App.Handling.Substitute; s == nil || len(s.From) != 1 || s.From[0].Namespace != "backend" {
		t.Errorf("its variables are left to the agent as %+v", s)
	}
}

// Who depends on an app of others learns whether it is ready, and nothing of what it says.
func TestATenantAsksNothingOfWhatOthersDeclare(t *testing.T) {
	t.Parallel()
	for on, want := range map[string]string{
		"{name: platform, namespace: flux-system, readyExpr: dep.spec.prune}": "spec.dependsOn[0].readyExpr: it asks what Kustomization flux-system/platform says",
		"{name: platform, namespace: flux-system}":                            "",
		"{name: y, namespace: a, readyExpr: dep.spec.prune}":                  "",
	} {
		b := newScene(t, tenants+appIn("teama/x.yaml", "a", "x", "  dependsOn: ["+on+"]\n")+appIn("teama/y.yaml", "a", "y", "")+manifest("x/cm.yaml", "x", "{a: b}")+manifest("y/cm.yaml", "y", "{a: b}"))
		if a := declaredApp(t, b.resolve("staging"), "Kustomization a/x"); want == "" && a.Err != "" || !strings.Contains(a.Err, want) {
			t.Errorf("%s: %q, want %q", on, a.Err, want)
		}
	}
}
