package hub_test

import (
	"fmt"
	"strings"
	"testing"
)

// accounts tells of each app with whose rights it is applied, or why it is not.
func (b *scene) accounts() string {
	var out strings.Builder
	res := b.resolve("staging")
	for _, p := range res.Cluster.Problems {
		fmt.Fprintf(&out, "problem %s\n", p)
	}
	for _, a := range res.Apps {
		fmt.Fprintf(&out, "%s %s %v", a.App.Name, a.App.Handling.ServiceAccount, a.App.Suspend)
		if a.Err != "" {
			fmt.Fprintf(&out, " ERR %s", a.Err)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// tenantApp is a Kustomization in the namespace of a tenant, in the folder of another app.
func tenantApp(file, name, spec string) string {
	return "-- " + file + " --\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: tenant}\n" +
		"spec:\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n  prune: true\n" + spec
}

// A tenant's app is held to its account, and so is all that it declares. Nobody asks the cluster who may declare an app.
func TestATenantIsHeldToItsAccount(t *testing.T) {
	t.Parallel()
	team := bootstrap + manifest("clusters/staging/cm.yaml", "x", "{a: b}") + tenantApp("clusters/staging/team.yaml", "team", "  path: team\n  serviceAccountName: deployer\n") + manifest("team/cm.yaml", "team", "{a: b}")
	const others = "root  false\ntenant-team tenant/deployer false\n"
	for _, c := range []struct{ name, tree, want string }{
		{"what it is given", "", others},
		{"an app without an account", tenantApp("team/more.yaml", "more", "  path: more\n"),
			"root  false\ntenant-more tenant/deployer false\ntenant-team tenant/deployer false\n"},
		{"an app of Drover's own", "-- team/more.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: more}\nspec: {path: more}\n",
			"more tenant/deployer false\n" + others},
		{"an app in an app", tenantApp("team/more.yaml", "more", "  path: more\n") + tenantApp("more/deep.yaml", "deep", "  path: deep\n") + manifest("deep/cm.yaml", "deep", "{a: b}"),
			"root  false\ntenant-deep tenant/deployer false\ntenant-more tenant/deployer false\ntenant-team tenant/deployer false\n"},
		{"another account", tenantApp("team/more.yaml", "more", "  path: more\n  serviceAccountName: admin\n"),
			"root  false\ntenant-more tenant/deployer false ERR team/more.yaml: the app tenant-more names the service account tenant/admin, and the app that declares it " +
				"is held to tenant/deployer, as is all that it declares: name that, or declare the app where no service account is named\ntenant-team tenant/deployer false\n"},
		{"the account of Flux' own controller, which has all rights, and what that declares with accounts of tenants", // as in fluxcd/flux2-multi-tenancy
			strings.ReplaceAll(tenantApp("clusters/staging/tenants.yaml", "tenants", "  path: tenants\n  serviceAccountName: kustomize-controller\n"), "namespace: tenant", "namespace: flux-system") +
				tenantApp("tenants/one.yaml", "one", "  path: more\n  serviceAccountName: one\n"),
			"root  false\ntenant-one tenant/one false\ntenant-team tenant/deployer false\ntenants  false\n"},
		{"a release", "-- team/more.yaml --\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: more, namespace: tenant}\n" +
			"spec: {chart: {spec: {chart: chart, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}}\n" +
			"-- chart/Chart.yaml --\napiVersion: v2\nname: more\nversion: 1.0.0\n-- chart/templates/cm.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\n",
			"root  false\ntenant-more tenant/deployer false\ntenant-team tenant/deployer false\n"},
		{"the cluster's own folder", tenantApp("team/more.yaml", "more", "  path: clusters/staging\n  suspend: true\n"),
			"root  false\ntenant-more tenant/deployer true ERR team/more.yaml:7: Kustomization tenant/more: spec.path: it delivers the cluster's own folder, " +
				"and only what stands in that folder may say how: the app tenant-team may not\ntenant-team tenant/deployer false\n"},
		{"an account that is none", tenantApp("clusters/staging/bad.yaml", "bad", "  path: more\n  serviceAccountName: \"a:b\"\n"),
			"root  false\ntenant-bad tenant/a:b false ERR clusters/staging/bad.yaml: the app tenant-bad: \"tenant/a:b\" is no service account: write it as namespace/name\ntenant-team tenant/deployer false\n"},
		{"an App with an account", "-- clusters/staging/own.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: own}\nspec: {path: more, serviceAccount: shop/robot.one}\n",
			"own shop/robot.one false\n" + others},
		{"an App with half an account", "-- clusters/staging/own.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: own}\nspec: {path: more, serviceAccount: robot}\n",
			"own robot false ERR clusters/staging/own.yaml:4: serviceAccount \"robot\" is no service account: write it as namespace/name\n" + others},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, team+manifest("more/cm.yaml", "more", "{a: b}")+c.tree)
			if got := b.accounts(); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}
