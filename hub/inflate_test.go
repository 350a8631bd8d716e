package hub_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/resolve"
)

// helmChartFiles are a chart with what a kustomization may ask of one.
const helmChartFiles = `
-- charts/web/Chart.yaml --
apiVersion: v2
name: web
version: 0.3.0
-- charts/web/values.yaml --
replicas: 1
image: {tag: "1.0", pull: Always}
-- charts/web/templates/web.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
spec:
  replicas: {{ .Values.replicas }}
  template: {metadata: {annotations: {image: {{ .Values.image.tag }}/{{ .Values.image.pull }}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {apis: "{{ .Capabilities.APIVersions.Has "example.com/v1" }} {{ .Capabilities.APIVersions.Has "apps/v1" }}", kube: "{{ .Capabilities.KubeVersion }}"}
-- charts/web/templates/hook.yaml --
{apiVersion: v1, kind: Pod, metadata: {name: hook, annotations: {helm.sh/hook: pre-install}}}
-- charts/web/templates/test.yaml --
{apiVersion: v1, kind: Pod, metadata: {name: test, annotations: {helm.sh/hook: test}}}
-- charts/web/crds/widget.yaml --
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
`

// TestKustomizationsNameCharts: what `kustomize build --enable-helm` gives for helmCharts and for generators.
func TestKustomizationsNameCharts(t *testing.T) {
	t.Parallel()
	deployment := func(name, namespace, spec string) string {
		return `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"` + name + `","namespace":"` + namespace + `"},"spec":` + spec + `}`
	}
	spec := func(replicas, image string) string {
		return `{"replicas":` + replicas + `,"template":{"metadata":{"annotations":{"image":"` + image + `"}}}}`
	}
	config := func(name, apis, kube string) string {
		return `{"apiVersion":"v1","data":{"apis":"` + apis + `","kube":"` + kube + `"},"kind":"ConfigMap","metadata":{"name":"` + name + `"}}`
	}
	const hook = `{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"helm.sh/hook":"pre-install"},"name":"hook"}}`
	const web = "helmGlobals: {chartHome: ../../charts}\nhelmCharts:\n- name: web\n  releaseName: web\n  kubeVersion: v1.33.1\n  skipHooks: true\n"
	plain := config("web", "false true", "v1.33.1")
	for _, c := range []struct {
		name, tree string
		want       []string
	}{
		{"values, namespace and patches over it", web + "  namespace: shop\n  valuesFile: values.yaml\n  valuesInline: {replicas: 3}\n" +
			"namespace: other\nlabels: [{pairs: {a: b}}]\npatches:\n- target: {kind: Deployment}\n  patch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": true}]'\n" +
			"-- apps/web/values.yaml --\nimage: {tag: \"7\"}\nreplicas: 2\n",
			[]string{strings.Replace(deployment("web", "shop", strings.Replace(spec("3", "7/Always"), `{`, `{"paused":true,`, 1)), `"metadata":{`, `"metadata":{"labels":{"a":"b"},`, 1),
				strings.Replace(plain, `"metadata":{`, `"metadata":{"labels":{"a":"b"},`, 1)}},
		{"the file takes precedence", web + "  valuesMerge: merge\n  valuesFile: values.yaml\n  valuesInline: {replicas: 3, image: {tag: inline}}\n-- apps/web/values.yaml --\nreplicas: 2\n",
			[]string{deployment("web", "default", spec("2", "inline/Always")), plain}},
		{"inline values alone, and more files", web + "  valuesMerge: replace\n  valuesFile: values.yaml\n  valuesInline: {image: {tag: inline}}\n  additionalValuesFiles: [more.yaml]\n" +
			"-- apps/web/values.yaml --\nreplicas: 2\n-- apps/web/more.yaml --\nimage: {pull: Never}\n",
			[]string{deployment("web", "default", spec("1", "inline/Never")), plain}},
		{"definitions, hooks, API versions and a template for the name", strings.Replace(web, "  skipHooks: true\n  releaseName: web\n", "", 1) + "  apiVersions: [example.com/v1]\n  includeCRDs: true\n",
			[]string{deployment("web", "default", spec("1", "1.0/Always")), `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.example.com"}}`,
				config("web", "true true", "v1.33.1")}},
		{"a template for the name, and hooks", "helmGlobals: {chartHome: ../../charts}\nhelmCharts:\n- {name: web, nameTemplate: '{{ \"X\" | lower }}-1', kubeVersion: v1.33.1}\n",
			[]string{deployment("x-1", "default", spec("1", "1.0/Always")), config("x-1", "false true", "v1.33.1"), hook}},
		{"the versions of the Application", "helmGlobals: {chartHome: ../../charts}\nhelmCharts:\n- {name: web, releaseName: web, kubeVersion: v1.33.1, skipHooks: true}\n" + `
-- clusters/staging/web.yaml --
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd}
spec:
  project: default
  source: {repoURL: ` + argoRepository + `, path: apps/web, kustomize: {kubeVersion: v1.31.0, apiVersions: [example.com/v1]}}
  destination: {server: https://kubernetes.default.svc, namespace: default}
  syncPolicy: {automated: {prune: true}}
`, []string{deployment("web", "default", spec("1", "1.0/Always")), config("web", "true true", "v1.31.0")}},
		{"two of one chart", web + "- {name: web, releaseName: second, kubeVersion: v1.33.1, skipHooks: true, valuesInline: {replicas: 2}}\n",
			[]string{deployment("second", "default", spec("2", "1.0/Always")), deployment("web", "default", spec("1", "1.0/Always")), config("second", "false true", "v1.33.1"), plain}},
		{"in a base", "resources: [../base]\nnamePrefix: x-\n-- apps/base/kustomization.yaml --\n" + web,
			[]string{deployment("x-web", "default", spec("1", "1.0/Always")), config("x-web", "false true", "v1.33.1")}},
		{"a generator", "generators: [chart.yaml]\n-- apps/web/chart.yaml --\napiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: web}\nname: web\nreleaseName: web\nchartHome: ../../charts\n" +
			"kubeVersion: v1.33.1\nskipHooks: true\n", []string{deployment("web", "default", spec("1", "1.0/Always")), plain}},
		{"the older field", "helmChartInflationGenerator:\n- {chartName: web, chartHome: ../../charts, releaseName: old, valuesLocal: {replicas: 4}}\n",
			[]string{deployment("old", "default", spec("4", "1.0/Always")), "", hook}},
		{"no chart", "helmCharts:\n- {name: nope}\n", []string{"ERR apps/web/kustomization.yaml:2: helmCharts[0]: there is no chart in apps/web/charts/nope, and no repo is given"}},
		{"a chart outside", "helmGlobals: {chartHome: ../../../charts}\nhelmCharts:\n- {name: nope}\n", []string{"leads outside the repository"}},
		{"an error of the chart", web + "-- charts/web/templates/hook.yaml --\n{{ fail \"no luck\" }}\n", []string{"charts/web/templates/hook.yaml:1: ", "no luck"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newScene(t, helmChartFiles+"\n-- clusters/staging/web.yaml --\n"+app("web", "apps/web", "")+"\n-- apps/web/kustomization.yaml --\n"+c.tree)
			b.with(func(cfg *resolve.Config) { cfg.Repository = append(cfg.Repository, argoRepository) })
			all := b.summary(b.resolve("staging"))
			lines := slices.DeleteFunc(strings.Split(all, "\n"), func(line string) bool { return !strings.HasPrefix(line, "  {") })
			if strings.Contains(c.want[0], `{"`) && len(lines) != len(c.want) {
				t.Errorf("%d objects, want %d", len(lines), len(c.want))
			}
			for _, want := range c.want {
				if !strings.Contains(all, want) {
					t.Errorf("got:\n%s\nwant:\n%s", all, want)
				}
			}
		})
	}
}

// TestChartsOfKustomizationsAreFetched: from the repository that the kustomization names, with what they depend on.
func TestChartsOfKustomizationsAreFetched(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	e.publish("web", "1.0.0", webChartFiles("one"))
	e.publish("web", "1.1.0", webChartFiles("two"))
	b := foreignScene(t, e, "-- clusters/staging/web.yaml --\n"+app("web", "apps/web", "")+`
-- apps/web/kustomization.yaml --
resources: [../base, ../umbrella]
helmCharts:
- {name: web, repo: '`+e.URL+`', version: 1.0.0, releaseName: web, valuesInline: {replicas: 3}}
-- apps/base/kustomization.yaml --
helmCharts:
- {name: web, repo: '`+e.URL+`', version: 1.x, releaseName: base}
-- apps/umbrella/kustomization.yaml --
helmCharts:
- {name: umbrella, releaseName: umbrella}
-- apps/umbrella/charts/umbrella/Chart.yaml --
apiVersion: v2
name: umbrella
version: 0.0.0
dependencies:
- {name: web, version: 1.x, repository: '`+e.URL+`'}
`)
	b.with(func(cfg *resolve.Config) { cfg.Renderer = &helm.Inflater{Builder: builds(), Charts: charts(t)} }) // in processes, as the hub builds
	got := b.summary(b.resolve("staging"))
	for _, want := range []string{webConfig("web", "3", "none", "one"), webConfig("base", "1", "none", "two"), webConfig("umbrella", "1", "none", "two")} {
		if !strings.Contains(got, want) {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	}
}
