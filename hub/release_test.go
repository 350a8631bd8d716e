package hub_test

import (
	"strings"
	"testing"
)

// helmRelease is a HelmRelease of Flux in the cluster's folder, over the chart of webChart.
func helmRelease(name, namespace, spec string) string {
	return "-- clusters/staging/" + name + ".yaml --\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: " + name +
		"\n  namespace: " + namespace + "\nspec:\n  interval: 10m\n" + spec
}

const ofRepository = "  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}\n"

func TestHelmReleases(t *testing.T) {
	t.Parallel()
	config := func(name, namespace, replicas, region string) string {
		return `{"apiVersion":"v1","data":{"kubernetes":"v1.33.1","region":"` + region + `","replicas":"` + replicas + `","script":"echo ${HOME} in ` + namespace +
			`"},"kind":"ConfigMap","metadata":{"name":"` + name + `"}}`
	}
	for _, c := range []struct {
		name, tree string
		want       []string
	}{
		{"in Flux' namespace, under its own name", helmRelease("web", "flux-system", ofRepository), []string{"app web of root\n", config("web", "flux-system", "2", "NONE"), "widgets.example.com"}},
		{"for another namespace, with a prefixed name", helmRelease("web", "flux-system", ofRepository+"  targetNamespace: shop\n  suspend: true\n  timeout: 5m\n"),
			[]string{"app web of root suspended timeout 5m0s\n", config("shop-web", "shop", "2", "NONE")}},
		{"a name that is too long", helmRelease("a-name-with-more-letters-than-helm-takes-for-a-release", "team", ofRepository),
			[]string{config("a-name-with-more-letters-than-helm-takes-87145287a4d3", "team", "2", "NONE"), "app team-a-name-with-more-letters-than-helm-takes-for-a-release of root\n"}},
		{"after another", helmRelease("web", "team", ofRepository+"  dependsOn: [{name: db}]\n") + helmRelease("db", "team", ofRepository+"  releaseName: other\n  targetNamespace: db\n  install: {crds: Skip}\n"),
			[]string{"app team-web of root after team-db\n", config("other", "db", "2", "NONE")}},
		{"values of files, of objects of the cluster, and of its own", `
-- charts/web/staging.yaml --
replicas: 3
region: file
-- clusters/staging/values.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: values, namespace: team}
data: {values.yaml: "{replicas: 4, region: object}", more: "replicas: 5"}
` + helmRelease("web", "team", strings.Replace(ofRepository, "./charts/web,", "./charts/web, valuesFiles: [charts/web/values.yaml, charts/web/staging.yaml],", 1)+
			"  valuesFrom: [{kind: ConfigMap, name: values}, {kind: ConfigMap, name: values, valuesKey: more}, {kind: Secret, name: nowhere, optional: true}]\n  values: {region: own}\n"),
			[]string{config("web", "team", "6", "OWN")}},
		{"variables of the Kustomization that declares it", kustomization("apps", "  path: apps\n  postBuild: {substitute: {region: eu}}\n") + strings.ReplaceAll(
			helmRelease("web", "team", ofRepository+"  values: {region: \"${region}\"}\n"), "clusters/staging/", "apps/"), []string{"app team-web of apps\n", config("web", "team", "2", "EU")}},
		{"metadata for every object", helmRelease("web", "team", ofRepository+"  commonMetadata: {labels: {a: b}}\n"), []string{`"metadata":{"labels":{"a":"b"},"name":"web"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, bootstrap+webChart+c.tree)
			b.facts.Kubernetes = "v1.33.1"
			got := b.summary(b.resolve("staging"))
			for _, want := range c.want {
				if !strings.Contains(got, want) || strings.Contains(got, "ERR") || strings.Contains(got, "problem") {
					t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
				}
			}
		})
	}
}

// TestWhatAHelmReleaseAsksForInVainIsNamed: per file and field.
func TestWhatAHelmReleaseAsksForInVainIsNamed(t *testing.T) {
	t.Parallel()
	const repository = "  chart: {spec: {chart: redis, version: 1.x, sourceRef: {kind: HelmRepository, name: bitnami}}}\n"
	for _, c := range []struct{ name, tree, want string }{
		{"a chart of a repository", helmRelease("web", "team", repository),
			"ERR clusters/staging/web.yaml:8: HelmRelease team/web: spec.chart.spec.sourceRef: there is no HelmRepository team/bitnami in what"},
		{"a chart by reference", helmRelease("web", "team", "  chartRef: {kind: OCIRepository, name: x}\n"), "ERR clusters/staging/web.yaml:8: HelmRelease team/web: spec.chartRef: there is no OCIRepository team/x in what"},
		{"a chart of a bucket", helmRelease("web", "team", strings.ReplaceAll(repository, "HelmRepository", "Bucket")), `a source of kind "Bucket" is not supported`},
		{"a chart that is not there", helmRelease("web", "team", strings.Replace(ofRepository, "charts/web", "charts/wbe", 1)), `spec.chart.spec.chart: "./charts/wbe" does not exist`},
		{"values files that are not there", helmRelease("web", "team", strings.Replace(ofRepository, "charts/web,", "charts/web, valuesFiles: [x.yaml],", 1)),
			`spec.chart.spec.valuesFiles[0]: "x.yaml" cannot be read at this revision`},
		{"values that only the cluster has", helmRelease("web", "team", ofRepository+"  valuesFrom: [{kind: Secret, name: nowhere}]\n"),
			"ERR clusters/staging/web.yaml: the chart's values are to come from the Secret team/nowhere, which is not among what this cluster's folder renders to"},
		{"values under a key that is not there", manifest("clusters/staging/cm.yaml", "cm, namespace: team", "{a: b}") + helmRelease("web", "team", ofRepository+"  valuesFrom: [{kind: ConfigMap, name: cm}]\n"),
			`valuesFrom names the ConfigMap team/cm, which has no "values.yaml" in its data`},
		{"another cluster", helmRelease("web", "team", ofRepository+"  kubeConfig: {secretRef: {name: x}}\n"), "spec.kubeConfig: it is for the cluster whose kubeconfig is in the Secret team/x"},
		{"tests", helmRelease("web", "team", ofRepository+"  test: {enable: true}\n"), "note clusters/staging/web.yaml:9: HelmRelease team/web: spec.test.enable: not done"},
		{"a field that nobody knows", helmRelease("web", "team", ofRepository+"  instal: {crds: Skip}\n"), "note clusters/staging/web.yaml:9: HelmRelease team/web: spec.instal: no field that Drover knows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, bootstrap+webChart+c.tree)
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}
