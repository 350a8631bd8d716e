package hub_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/helm/worker"
	"github.com/drover-dev/drover/hub/keys"
	"github.com/drover-dev/drover/hub/kustomize"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// These make this test program one that renders charts, or builds folders.
const (
	asWorker  = "helm-worker"
	asBuilder = "kustomize-worker"
	asKeys    = "keys-worker"
)

func TestMain(m *testing.M) {
	if servesPlugins() {
		return
	}
	if len(os.Args) == 2 && os.Args[1] == asWorker {
		if err := worker.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == asBuilder {
		if err := kustomize.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == asKeys {
		if err := keys.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// Whatever processors there are: most tests wait most of the time.
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		must(0, flag.Set("test.parallel", "8"))
	}
	os.Exit(m.Run())
}

// builds runs builds in processes of this very program, which all tests share.
var builds = sync.OnceValue(func() model.Renderer { return kustomize.NewWorkers(must(os.Executable()), asBuilder) })

// charts renders charts in processes of this very program.
func charts(t testing.TB) *helm.Renderer {
	r := helm.New(must(os.Executable()), asWorker)
	r.Kustomize = kustomize.New()
	t.Cleanup(r.Close)
	return r
}

// webChart is a chart with a script of its own, a definition, and hooks.
const webChart = `
-- charts/web/Chart.yaml --
apiVersion: v2
name: web
version: 1.2.3
-- charts/web/values.yaml --
replicas: 1
region: none
-- charts/web/crds/widget.yaml --
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
-- charts/web/templates/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  replicas: {{ add .Values.replicas 1 | quote }}
  region: {{ .Values.region | upper }}
  script: echo ${HOME} in {{ .Release.Namespace }}
  kubernetes: {{ .Capabilities.KubeVersion.Version }}
-- charts/web/templates/hooks.yaml --
apiVersion: v1
kind: Pod
metadata: {name: migrate, annotations: {helm.sh/hook: "pre-install, pre-upgrade"}}
---
apiVersion: v1
kind: Pod
metadata: {name: cleanup, annotations: {helm.sh/hook: pre-delete}}
---
apiVersion: v1
kind: Pod
metadata: {name: restore, annotations: {helm.sh/hook: pre-rollback}}
`

func chartApp(name, spec string) string {
	return "-- clusters/staging/" + name + ".yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata:\n  name: " + name + "\nspec:\n" + spec
}

// parts are lines of a summary that contain any of the words.
func parts(summary string, words ...string) string {
	var out strings.Builder
	for line := range strings.Lines(summary) {
		for _, w := range words {
			if strings.Contains(line, w) {
				out.WriteString(line)
				break
			}
		}
	}
	return out.String()
}

func TestCharts(t *testing.T) {
	t.Parallel()
	const widget = `  {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"annotations":{"drover.dev/prune":"disabled"},"name":"widgets.example.com"}}
`
	const migrate = `  {"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"helm.sh/hook":"pre-install, pre-upgrade"},"name":"migrate"}}
  {"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"helm.sh/hook":"pre-delete"},"name":"cleanup"}}
  {"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"helm.sh/hook":"pre-rollback"},"name":"restore"}}
`
	config := func(name, namespace, replicas, region string) string {
		return `  {"apiVersion":"v1","data":{"kubernetes":"v1.33.1","region":"` + region + `","replicas":"` + replicas + `","script":"echo ${HOME} in ` + namespace +
			`"},"kind":"ConfigMap","metadata":{"name":"` + name + "\"}}\n"
	}
	for _, c := range []struct{ name, tree, want string }{
		{"a chart with its own values", webChart + chartApp("web", "  helm: {path: ./charts/web}\n"),
			"app web\n" + widget + config("web", "default", "2", "NONE") + migrate},
		{"values of files, of the App, and variables of the cluster", webChart + chartApp("web", `  namespace: shop
  substitute: true
  helm:
    path: charts/web
    releaseName: shop-web
    skipCRDs: true
    valuesFiles: [values/common.yaml, values/staging.yaml]
    values: {region: "${region}"}
`) + `
-- values/common.yaml --
replicas: 5
region: us
-- values/staging.yaml --
# ${nobody} is only a comment
replicas: ${replicas}
-- clusters/staging/cluster.yaml --
vars: {region: eu, replicas: "7"}
`, "app web\n" + config("shop-web", "shop", "8", "EU") + migrate},
		{"a chart for many clusters, made out for each", webChart + `
-- clusters/staging/cluster.yaml --
labels: {region: eu}
-- fleet/web.yaml --
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: web}
spec:
  helm: {path: charts/web, skipCRDs: true, values: {region: "${cluster.labels.region}"}}
`, "app web\n" + config("web", "default", "2", "EU") + migrate},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, c.tree)
			b.facts.Kubernetes = "v1.33.1"
			if got := b.summary(b.resolve("staging")); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestWhatIsWrongWithAChartIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, tree, want string }{
		{"a template", webChart + "-- charts/web/templates/bad.yaml --\na: {{ required \"say b\" .Values.b }}\n" + chartApp("web", "  helm: {path: charts/web}\n"),
			"charts/web/templates/bad.yaml:1: chart charts/web: say b"},
		{"a variable without a value", webChart + chartApp("web", "  substitute: true\n  helm: {path: charts/web, values: {region: \"${region}\"}}\n"),
			"clusters/staging/web.yaml: Values/web: no value for ${region}"},
		{"values that are no YAML", webChart + "-- values.yaml --\na: [\n" + chartApp("web", "  helm: {path: charts/web, valuesFiles: [values.yaml]}\n"), "values.yaml"},
		{"a chart that is not there", chartApp("web", "  helm: {path: charts/web}\n"), `clusters/staging/web.yaml:6: spec.helm.path "charts/web" does not exist`},
		{"values that are not there", webChart + chartApp("web", "  helm: {path: charts/web, valuesFiles: [no.yaml]}\n"),
			`clusters/staging/web.yaml:6: spec.helm.valuesFiles "no.yaml" does not exist`},
		{"a folder as well", webChart + chartApp("web", "  path: charts\n  helm: {path: charts/web}\n"), "clusters/staging/web.yaml:6: an App renders a folder or a chart"},
		{"patches over it", webChart + chartApp("web", "  namePrefix: a-\n  helm: {path: charts/web}\n"), "clusters/staging/web.yaml:6: spec.namePrefix is for folders"},
		{"no chart", "-- charts/web/README.md --\nx\n" + chartApp("web", "  helm: {path: charts/web}\n"), "Chart.yaml"},
		{"a dependency that is nowhere", webChart + "-- charts/web/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.2.3\ndependencies: [{name: db, version: 1.x, repository: \"https://example.com\"}]\n" +
			chartApp("web", "  helm: {path: charts/web}\n"), "db"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newScene(t, c.tree)
			got := parts(b.summary(b.resolve("staging")), "ERR", "problem")
			if !strings.Contains(got, c.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("got:\n%s\nwant one line with %q", got, c.want)
			}
		})
	}
}

// TestAChartIsRenderedForWhatTheClusterReports: and again when that changes, also after the hub was away.
func TestAChartIsRenderedForWhatTheClusterReports(t *testing.T) {
	t.Parallel()
	tree := files(webChart + chartApp("web", "  helm: {path: charts/web}\n"))
	r := newRig(t, tree)
	r.join("staging")
	rendered := func(version string) func(protocol.Bundle) bool {
		return func(b protocol.Bundle) bool {
			return strings.Contains(r.lines("staging", b, "web"), `"kubernetes":"`+version+`"`)
		}
	}
	first := r.await("staging", "published", func(b protocol.Bundle) bool { return len(b.Apps) == 1 && b.Apps[0].Blob != nil })
	if got := r.lines("staging", first, "web"); !strings.Contains(got, `"kubernetes":"v1.`) {
		t.Fatalf("before a report: %s", got)
	}
	r.report("staging", func(rep *protocol.Report) { rep.Agent.Kubernetes = "v1.29.4" })
	b := r.await("staging", "rendered for what was reported", rendered("v1.29.4"))
	r.restart(func() {})
	r.push("the template is broken", map[string]string{"charts/web/templates/bad.yaml": "{{ nonsense }}\n"})
	bad := r.await("staging", "an error", func(b protocol.Bundle) bool { return b.Apps[0].Error != "" })
	if bad.Generation != b.Generation+1 || bad.Apps[0].Blob.Digest != b.Apps[0].Blob.Digest || !strings.Contains(bad.Apps[0].Error, "charts/web/templates/bad.yaml:1: ") {
		t.Errorf("with a broken template the bundle is %+v, after %+v", bad, b)
	}
}
