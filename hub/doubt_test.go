package hub_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/resolve"
)

// doubts are all errors of a resolution that keep the cluster, or one of its apps, from being complete.
func doubts(res resolve.Resolution) string {
	all := append([]string{res.Doubt}, res.Cluster.Problems...)
	for _, a := range res.Apps {
		all = append(all, a.Err)
	}
	return strings.TrimSpace(strings.Join(all, "\n"))
}

// TestADeclarationThatCannotBeReadIsADoubt wherever it stands, so that nothing of the cluster is pruned: what
// it declares may be what seems
// to have left another app. It is never delivered as an ordinary object.
func TestADeclarationThatCannotBeReadIsADoubt(t *testing.T) {
	t.Parallel()
	const native = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec: {path: apps/shop}\n"
	const flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop, namespace: flux-system}\n" +
		"spec: {path: apps/shop, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n"
	argo := applicationObject("shop", "  source: {repoURL: "+argoRepository+", path: apps/shop}\n")
	slip := func(of, from, to string) string { return strings.Replace(of, from, to, 1) }
	in := func(file, text string) string { return "-- " + file + " --\n" + text }
	const folder, parent, many = "clusters/staging/shop.yaml", "parent/shop.yaml", "fleet/shop.yaml"
	for _, c := range []struct{ name, tree, want string }{
		{"a kind one letter off", in(folder, slip(native, "App", "Appp")), "clusters/staging/shop.yaml:2: drover.dev/v1alpha1 Appp is not known"},
		{"in an app", in(parent, slip(native, "App", "Appp")), "parent/shop.yaml: shop in the app parent: Appp of drover.dev/v1alpha1 is not known"},
		{"below fleet", in(many, slip(native, "App", "Appp")), "fleet/shop.yaml:1: Appp of drover.dev/v1alpha1 is not known and looks like App"},
		{"another group", in(folder, slip(native, "drover.dev", "drover.io")), "clusters/staging/shop.yaml:1: App shop: App of drover.io/v1alpha1 is not known and looks like"},
		{"another group in an app", in(parent, slip(native, "drover.dev", "drover.io")), "parent/shop.yaml:1: App shop: App of drover.io"},
		{"another group below fleet", in(many, slip(native, "drover.dev", "drover.io")), "fleet/shop.yaml:1: App of drover.io"},
		{"a group without version", in(folder, slip(native, "/v1alpha1", "")), "clusters/staging/shop.yaml:1: App shop: App of drover.dev is not known"},
		{"a group without version in an app", in(parent, slip(native, "/v1alpha1", "")), "App of drover.dev is not known"},
		{"an unknown version", in(folder, slip(native, "v1alpha1", "v2")), "an App of drover.dev/v2: this release of Drover knows drover.dev/v1alpha1"},
		{"an unknown version in an app", in(parent, slip(native, "v1alpha1", "v2")), "an App of drover.dev/v2: this release of Drover knows drover.dev/v1alpha1"},
		{"an unknown version below fleet", in(many, slip(native, "v1alpha1", "v2")), "an App of drover.dev/v2: this release of Drover knows drover.dev/v1alpha1"},
		{"Flux: a kind one letter off", in(folder, slip(flux, "Kustomization", "Kustomisation")), "shop.yaml:1: Kustomisation flux-system/shop: Kustomisation of kustomize.toolkit"},
		{"Flux: in an app", in(parent, slip(flux, "Kustomization", "Kustomisation")), "parent/shop.yaml:1: Kustomisation flux-system/shop: Kustomisation of kustomize.toolkit"},
		{"Flux: another group", in(parent, slip(flux, "kustomize.", "kustomise.")), "looks like Kustomization"},
		{"Flux: an old version", in(folder, slip(flux, "/v1", "/v1beta2")), "apiVersion: kustomize.toolkit.fluxcd.io/v1beta2 is not a version"},
		{"Flux: an old version in an app", in(parent, slip(flux, "/v1", "/v1beta2")), "apiVersion: kustomize.toolkit.fluxcd.io/v1beta2 is not a version"},
		{"Flux: the first Flux", in(parent, "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: x, namespace: y}\nspec: {}\n"), "looks like HelmRelease"},
		{"Argo CD: a kind one letter off", in(folder, slip(argo, "Application", "Aplication")), "looks like Application"},
		{"Argo CD: in an app", in(parent, slip(argo, "Application", "Aplication")), "looks like Application"},
		{"Argo CD: below fleet", in(many, slip(argo, "Application", "Aplication")), "looks like Application"},
		{"Argo CD: an unknown version", in(folder, slip(argo, "v1alpha1", "v1")), "apiVersion: argoproj.io/v1 is not a version"},
		{"Argo CD: another group", in(folder, slip(argo, "argoproj.io", "argoproj.com")), "looks like Application"},
		{"no YAML", in(folder, "a: [\n"), "shop.yaml:1: "},
		{"no YAML below fleet", in(many, "a: [\n"), "fleet/shop.yaml:1: invalid YAML"},
		{"a selector with an unknown operator", in(many, native+"  # \n"+"") + in("fleet/b.yaml", slip(slip(native, "shop}", "b}"),
			"{path: apps/shop}", "{path: apps/shop, clusterSelector: {matchExpressions: [{key: a, operator: Is}]}}")), "fleet/b.yaml:4: clusterSelector"},
		{"a selector with another field", in(many, slip(native, "{path: apps/shop}", "{path: apps/shop, clusterSelector: {matchLabel: {a: b}}}")), `has no field "matchLabel"`},
		{"an expression that fails", in(many, slip(native, "{path: apps/shop}", "{path: apps/shop, clusterSelector: {expression: 'cluster.labels.none == \"x\"'}}")), "clusterSelector.expression, for the cluster staging"},
		{"an expression that is none", in(many, slip(native, "{path: apps/shop}", "{path: apps/shop, clusterSelector: {expression: 'cluster.('}}")), "clusterSelector.expression"},
		{"an ApplicationSet whose generator fails", applicationSet("", "  - git: {repoURL: 'https://x/y.git', directories: [{path: '*'}]}\n", "a", "apps/shop", "n"), "ApplicationSet argocd/s"},
		{"an ApplicationSet whose template fails", applicationSet(goTemplate, "  - list: {elements: [{a: b}]}\n", "{{.none}}", "apps/shop", "n"), "ApplicationSet argocd/s"},
		{"an ApplicationSet of an unknown version", slip(applicationSet("", "  - list: {elements: [{a: b}]}\n", "a", "apps/shop", "n"), "v1alpha1", "v1"), "apiVersion: argoproj.io/v1 is not a version"},
		{"an ApplicationSet with a variable that only the cluster has", kustomization("sets", "  path: sets\n  postBuild: {substituteFrom: [{kind: Secret, name: only-there}]}\n") +
			strings.Replace(applicationSet("", "  - list: {elements: [{a: '${x}'}]}\n", "a", "apps/shop", "n"), "clusters/staging/set.yaml", "sets/set.yaml", 1), "${x} is used in it"},
		{"a source that is not there", in(folder, slip(flux, "name: flux-system}}", "name: other}}")), "there is no GitRepository flux-system/other"},
		{"an include of a source that is not there", in(folder, slip(flux, "name: flux-system}}", "name: s}}")+"---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n"+
			"metadata: {name: s, namespace: flux-system}\nspec: {url: 'https://git.example.com/acme/fleet.git', interval: 1m, include: [{repository: {name: none}}]}\n"), "there is no GitRepository flux-system/none"},
		{"a path that is not there", in(folder, slip(native, "apps/shop", "apps/none")), `"apps/none" does not exist`},
		{"a file by another name", in("clusters/staging/shop.YAML", native), "clusters/staging/shop.YAML is not read, because its name ends in .YAML, and declares the App shop"},
		{"a file by another name, deeper", in("clusters/staging/x/shop.Yml", flux), "clusters/staging/x/shop.Yml is not read"},
		{"JSON in the folder", in("clusters/staging/shop.json", `{"apiVersion": "drover.dev/v1alpha1", "kind": "App", "metadata": {"name": "shop"}}`+"\n"), "clusters/staging/shop.json is not read"},
		{"a file by another name below fleet", in("fleet/shop.YAML", native), "fleet/shop.YAML is not read"},
		{"JSON below fleet", in("fleet/shop.json", `{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": "shop"}}`+"\n"), "fleet/shop.json is not read"},
		{"a broken file by another name", in("fleet/shop.YAML", native+"a: [\n"), "fleet/shop.YAML is not read"},
		{"cluster.yaml by another name", in("clusters/staging/Cluster.yaml", "labels: {a: b}\n"), "clusters/staging/Cluster.yaml is not read, because of its name"},
		{"fleet is a file", in("fleet", "x\n"), "fleet is a file"},
		{"a folder with the name of a file", in("fleet/shop.yaml/x.yaml", "a: [\n"), "fleet/shop.yaml/x.yaml:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newArgoScene(t, manifest("clusters/staging/cm.yaml", "plain", "{a: b}")+manifest("apps/shop/cm.yaml", "shop", "{a: b}")+manifest("parent/cm.yaml", "parent", "{a: b}")+
				"-- clusters/staging/parent.yaml --\n"+native[:strings.Index(native, "metadata")]+"metadata: {name: parent}\nspec: {path: parent}\n"+c.tree)
			res := b.resolve("staging")
			if got := doubts(res); !strings.Contains(got, c.want) {
				t.Errorf("the doubts are:\n%s\nwant in them: %s", got, c.want)
			}
			for _, a := range res.Apps {
				for _, ref := range a.Refs {
					if ref.Kind != "ConfigMap" {
						t.Errorf("%s is delivered as an object of the app %s", ref, a.App.Name)
					}
				}
			}
		})
	}
}

// TestFilesThatDeclareNothingAreNoDoubt: neither an empty file nor JSON and kinds of others.
func TestFilesThatDeclareNothingAreNoDoubt(t *testing.T) {
	t.Parallel()
	b := newArgoScene(t, manifest("clusters/staging/cm.yaml", "plain", "{a: b}")+"-- clusters/staging/empty.yaml --\n# nothing\n-- clusters/staging/null.yaml --\nnull\n"+
		"-- clusters/staging/dashboard.json --\n{\"apiVersion\": 1, \"panels\": []}\n-- clusters/staging/broken.json --\n{\"apiVersion\n-- fleet/README.md --\nkind: App\n"+
		"-- fleet/empty.yaml --\n# nothing\n-- clusters/staging/other.yaml --\napiVersion: app.k8s.io/v1beta1\nkind: Application\nmetadata: {name: x}\n---\n"+
		"apiVersion: kappctrl.k14s.io/v1alpha1\nkind: App\nmetadata: {name: x}\n")
	res := b.resolve("staging")
	if got := doubts(res); got != "" || len(res.Apps) != 1 || len(res.Apps[0].Refs) != 3 {
		t.Errorf("doubts %q, apps %+v", got, res.Apps)
	}
}
