package analysis

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/layout/document"
)

// success is the first example of Argo Rollouts' documentation, with a count.
const success = `apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: success-rate, namespace: shop}
spec:
  args:
  - name: service-name
  - {name: least, value: "0.95"}
  measurementRetention: [{metricName: success-rate, limit: 5}]
  metrics:
  - name: success-rate
    interval: 5m
    count: 3
    successCondition: result[0] >= {{args.least}}
    failureLimit: 1
    inconclusiveLimit: 2
    provider:
      prometheus:
        address: http://prometheus.example.com:9090
        query: |
          sum(irate(requests{service=~"{{args.service-name}}",cluster=~"${wave.clusters}"}[5m]))
`

const webmetric = `apiVersion: argoproj.io/v1alpha1
kind: ClusterAnalysisTemplate
metadata: {name: smoke}
spec:
  args: [{name: at}]
  metrics:
  - name: ok
    failureCondition: result != true
    provider:
      web:
        method: POST
        url: https://smoke.example.com/{{ args.at }}
        timeoutSeconds: 20
        headers: [{key: content-type, value: application/json}]
        jsonBody: {at: "{{args.at}}", deep: {x: [1, {y: 2}]}}
        jsonPath: "{$.data.ok}"
  - {name: fast, count: "2", interval: 30s, successCondition: 'result.p99 < 5 and len(result.errors) == 0', provider: {web: {url: "https://x"}}}
`

func docsOf(t *testing.T, texts ...string) (out []document.Document) {
	t.Helper()
	for i, text := range texts {
		docs, err := document.Parse(fmt.Sprintf("fleet/t%d.yaml", i), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, docs...)
	}
	return out
}

type noFiles struct{}

func (noFiles) ReadFile(name string) ([]byte, error) { return nil, fs.ErrNotExist }

// expanded gives the gates and the waves' gates of a policy with one gate.
func expanded(t *testing.T, gate string, files Files, templates ...string) (gates []map[string]any, waves string,
	err error) {
	t.Helper()
	docs := docsOf(t, "metadata: {name: p}\nspec:\n  waves: [{name: a, gates: [first, g], soak: 1m}, {name: b}]\n  "+
		"gates:\n"+
		"  - {name: first, query: q}\n  - "+gate+"\n")
	policy, err := docs[0].Rendering()
	if err != nil {
		t.Fatal(err)
	}
	data, err := Expand(policy.JSON, docsOf(t, templates...), files)
	if err != nil {
		if string(data) != string(policy.JSON) {
			t.Errorf("a policy that cannot be expanded is another one: %s", data)
		}
		return nil, "", err
	}
	var out struct {
		Metadata map[string]any
		Spec     struct {
			Gates []map[string]any
			Waves []map[string]any
		}
	}
	if err := json.Unmarshal(data, &out); err != nil || out.Metadata["name"] != "p" || out.Spec.Waves[0]["soak"] != "1m" {
		t.Fatalf("%s: %v", data, err)
	}
	return out.Spec.Gates[1:], fmt.Sprint(out.Spec.Waves[0]["gates"]), nil
}

func TestATemplateIsAGate(t *testing.T) {
	t.Parallel()
	gates, waves, err := expanded(t,
		`{name: g, template: {name: success-rate, credential: prom, args: [{name: service-name, value: web}]}}`,
		noFiles{}, webmetric, success)
	want := `[map[count:3 failureLimit:1 interval:5m name:g prometheus:map[address:http://prometheus.example.com:9090 ` +
		`credential:prom] query:sum(irate(requests{service=~"web",cluster=~"${wave.clusters}"}[5m]))` + "\n" +
		` successCondition:result[0] >= 0.95]]`
	if got := fmt.Sprint(gates); err != nil || got != want || waves != "[first g]" {
		t.Errorf("%v %s\n got %s\nwant %s", err, waves, got, want)
	}
	gates, waves, err = expanded(t, `{name: g, template: {name: smoke, cluster: true, args: [{name: at, value: 'a"b'}]}}`,
		noFiles{}, webmetric)
	want = `[map[count:1 name:g/ok successCondition:!(result != true) web:map[body:{"at":"a\"b","deep":{"x":[1,{"y":2}]}} ` +
		`jsonPath:{$.data.ok} method:POST timeoutSeconds:20 url:https://smoke.example.com/a"b]] ` +
		`map[count:2 interval:30s name:g/fast successCondition:(result.p99 < 5 ? size(result.errors) == 0 : false) web:map[url:https://x]]]`
	if got := fmt.Sprint(gates); err != nil || got != want || waves != "[first g/ok g/fast]" {
		t.Errorf("%v %s\n got %s\nwant %s", err, waves, got, want)
	}
	// What stands beside it takes precedence, and a file anywhere in the repository may have it.
	files := fstest.MapFS{"apps/shop/a.yaml": {Data: []byte("kind: ConfigMap\n---\n" + success)}}
	gates, _, err = expanded(t, `{name: g, count: 7, interval: 1m, failureLimit: 0, successCondition: 'result[0] > 0.5',
    template: {name: success-rate, namespace: shop, path: apps/shop/a.yaml, args: [{name: service-name, value: web}]}}`, files)
	if err != nil || fmt.Sprintln(gates[0]["count"], gates[0]["interval"], gates[0]["failureLimit"],
		gates[0]["successCondition"]) != "7 1m 0 result[0] > 0.5\n" {
		t.Errorf("%v %v", err, gates)
	}
	plain := `{"spec":{"gates":[{"name":"template"}]}}`
	if data, err := Expand([]byte(plain), nil, noFiles{}); err != nil || string(data) != plain {
		t.Errorf("a policy without templates: %s, %v", data, err)
	}
}

func TestWhatCannotBeKeptOfATemplateIsNamed(t *testing.T) {
	t.Parallel()
	const gate = `{name: g, template: {name: x}}`
	template := func(spec string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: x}\nspec: " + spec + "\n"
	}
	one := func(metric string) string { return template("{metrics: [{name: m, " + metric + "}]}") }
	const asks = "provider: {prometheus: {address: a, query: q}}"
	for _, c := range []struct{ name, gate, template, want string }{
		{"a provider", gate, one("successCondition: 'true', provider: {datadog: {query: q}}"),
			"spec.metrics[0].provider.datadog"},
		{"a job", gate, one("provider: {job: {spec: {}}}"), "fleet/t0.yaml:1: it has what a gate cannot do: " +
			"spec.metrics[0].provider.job"},
		{"both providers", gate, one("successCondition: 'true', provider: {prometheus: {}, web: {}}"),
			"either prometheus or web"},
		{"no provider", gate, one("successCondition: 'true'"), "either prometheus or web"},
		{"a delay", gate, one("initialDelay: 5m, " + asks), "spec.metrics[0].initialDelay (measurements begin when"},
		{"errors", gate, one("consecutiveErrorLimit: 1, " + asks), "consecutiveErrorLimit (what gives no answer holds"},
		{"a dry run", gate, template("{dryRun: [{metricName: m}], metrics: []}"), "spec.dryRun (write a template"},
		{"templates of templates", gate, template("{templates: [{templateName: y}]}"), "spec.templates (name each"},
		{"a Secret", gate, template("{args: [{name: a, valueFrom: {secretKeyRef: {}}}], metrics: []}"),
			"spec.args[0].valueFrom (a gate reads no Secret"},
		{"headers", gate, one("successCondition: result, provider: {web: {url: u, headers: [{key: Authorization, value: " +
			"s3cret}]}}"),
			`"Authorization" is not sent: give the hub a credential with headers`},
		{"no verification", gate, one("successCondition: result, provider: {web: {url: u, insecure: true}}"),
			"web.insecure is not done"},
		{"no verification, either", gate, one("successCondition: result, provider: {prometheus: {address: u, insecure: " +
			"true}}"),
			"prometheus.insecure is not done"},
		{"a login", gate, one("provider: {prometheus: {address: a, query: q, authentication: {}}}"),
			"authentication (name a credential of the hub"},
		{"a long answer", gate, one("provider: {prometheus: {address: a, query: q, timeout: 31}}"), "may take 30 seconds"},
		{"a range", gate, one("provider: {prometheus: {address: a, query: q, rangeQuery: {}}}"),
			"rangeQuery (ask an instant query"},
		{"for ever", gate, one("interval: 1m, successCondition: 'result[0] > 1', " + asks), "interval and no count"},
		{"no condition", gate, one(asks), "no successCondition"},
		{"NaN", gate, one("successCondition: 'isNaN(result[0]) || result[0] < 1', " + asks),
			"isNaN in it, which is not translated (NaN is never a result here, but holds the wave: leave that part out)"},
		{"all", gate, one("successCondition: 'all(result, {# < 1})', " + asks), "(write result.all(x, x < 1))"},
		{"a scalar", gate, one("successCondition: 'result < 1', " + asks), "result is a list, also of a scalar: result[0]"},
		{"a value that is missing", gate, template("{args: [{name: a}], metrics: [{name: m, successCondition: " +
			"'result[0] < 1', " +
			"provider: {prometheus: {address: a, query: 'q{{args.a}}'}}}]}"), "{{args.a}} has no value"},
		{"another placeholder", gate, one("successCondition: 'result[0] < 1', provider: {prometheus: {address: a, " +
			"query: '{{inputs.a}}'}}"),
			"{{inputs.a}} has no value"},
		{"an argument of none", `{name: g, template: {name: x, args: [{name: b, value: c}]}}`, one(asks),
			`takes no argument "b"`},
		{"a count", gate, one("count: many, successCondition: 'result[0] < 1', " + asks), `count is "many"`},
		{"failures without end", gate, one("failureLimit: -1, successCondition: 'result[0] < 1', " + asks),
			`failureLimit is "-1"`},
		{"a type", gate, template("{metrics: {name: x}}"), "spec.metrics is a object"},
		{"no metrics", gate, template("{}"), "it has 0 metrics"},
		{"no spec", gate, template("null"), "it has 0 metrics"},
		{"another one", `{name: g, template: {name: y}}`, one(asks), "there is no AnalysisTemplate y below fleet/: put " +
			"it there"},
		{"another scope", `{name: g, template: {name: x, cluster: true}}`, one(asks),
			"there is no ClusterAnalysisTemplate x"},
		{"another namespace", `{name: g, template: {name: x, namespace: y}}`, one(asks), "there is no AnalysisTemplate y/x"},
		{"two of the name", gate, one(asks) + "---\n" + one(asks), "there are 2 AnalysisTemplate x"},
		{"two conditions", `{name: g, successCondition: "true", template: {name: x}}`,
			template("{metrics: [{name: a}, {name: b}]}"),
			"it has 2 metrics, and one condition"},
		{"no name", `{name: g, template: {}}`, one(asks), "write it as {name: …"},
		{"a template that is none", `{name: g, template: x}`, one(asks), "write it as {name: …"},
		{"another field", `{name: g, template: {name: x, clusterScope: true}}`, one(asks), `it has no field "clusterScope"`},
		{"a query beside it", `{name: g, query: q, template: {name: x}}`, one(asks), `"query" stands beside it`},
		{"a file that is not there", `{name: g, template: {name: x, path: a.yaml}}`, one(asks), "path: "},
		{"a file outside", `{name: g, template: {name: x, path: ../a.yaml}}`, one(asks), "from the root of the repository"},
	} {
		gates, _, err := expanded(t, c.gate, noFiles{}, c.template)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") ||
			strings.Contains(err.Error(), "s3cret") || !strings.HasPrefix(err.Error(),
			"RolloutPolicy p: spec.gates[1].template: ") {
			t.Errorf("%s: %v, %v\nwant in it %s", c.name, gates, err, c.want)
		}
	}
}
