package helm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/race"
)

// TestErrorsNameThePlaceAndTheWayOut: what people see of a chart that does not render.
func TestErrorsNameThePlaceAndTheWayOut(t *testing.T) {
	r := renderer(t)
	for name, c := range map[string]struct {
		files string
		opts  helm.Options
		file  string
		line  int
		want  []string
	}{
		"a missing dependency": {files: "-- Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {name: redis, version: 1.x, repository: https://charts.example.com}\n",
			file: "web/Chart.yaml", want: []string{"redis", "run helm dependency update and commit charts/"}},
		"a library":             {files: "-- Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\ntype: library\n", file: "web/Chart.yaml", want: []string{"a library chart cannot be installed"}},
		"an unknown apiVersion": {files: "-- Chart.yaml --\napiVersion: v9\nname: web\nversion: 1.0.0\n", file: "web/Chart.yaml", want: []string{"v9"}},
		"Chart.yaml":            {files: "-- Chart.yaml --\nname: [\n", file: "web/Chart.yaml", want: []string{"correct the YAML"}},
		"a value that is missing in a helper": {files: "-- templates/_h.tpl --\n{{ define \"h\" }}\n{{ .Values.db.host.name }}{{ end }}\n-- templates/a.yaml --\n\n\nname: {{ include \"h\" . }}\n",
			file: "web/templates/_h.tpl", line: 2, want: []string{"<.Values.db.host.name>", "give the value db", "included from web/templates/a.yaml:3:9"}},
		"a function of another tool": {files: "-- templates/a.yaml --\n\n{{ tpl \"{{ readFile }}\" . }}\n", file: "web/templates/a.yaml", want: []string{"readFile", "not defined"}},
		"a template that is nowhere": {files: "-- templates/a.yaml --\n{{ include \"common.names\" . }}\n", file: "web/templates/a.yaml", line: 1, want: []string{"common.names", "charts/"}},
		"an unclosed block":          {files: "-- templates/a.yaml --\n{{ if .Values.a }}\n", file: "web/templates/a.yaml", line: 2, want: []string{"unexpected EOF"}},
		"text that is no object":     {files: "-- templates/a.yaml --\n- one\n- two\n", file: "web/templates/a.yaml", want: []string{"helm template --debug"}},
		"an object without kind":     {files: "-- templates/a.yaml --\napiVersion: v1\nmetadata: {name: x}\n", file: "web/templates/a.yaml", want: []string{"lacks apiVersion or kind"}},
		"values that are no YAML": {files: "-- templates/a.yaml --\n" + aConfigMap, opts: helm.Options{Values: []helm.Values{{File: "clusters/a/values.yaml", Text: "a: b\nc: [\n"}}},
			file: "clusters/a/values.yaml", line: 2, want: []string{"correct the YAML"}},
		"values that are no mapping":  {files: "-- templates/a.yaml --\n" + aConfigMap, opts: helm.Options{Values: []helm.Values{{File: "v.yaml", Text: "- a\n"}}}, file: "v.yaml", want: []string{"no YAML mapping"}},
		"a parameter that is no path": {files: "-- templates/a.yaml --\n" + aConfigMap, opts: helm.Options{Set: []helm.Parameter{{Name: "a[x]", Value: "hunter2"}}}, want: []string{"a[x]", "as for helm --set"}},
		"a Kubernetes version":        {files: "-- templates/a.yaml --\n" + aConfigMap, opts: helm.Options{KubeVersion: "latest"}, want: []string{"latest", "v1.37.2"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := mustFail(t, r, chartOf(c.files), c.opts)
			if e.File != c.file || c.line > 0 && e.Line != c.line {
				t.Errorf("it is said of %q line %d: %v", e.File, e.Line, e)
			}
			for _, want := range c.want {
				if !strings.Contains(e.Error(), want) {
					t.Errorf("%v, want %q", e, want)
				}
			}
			if strings.Contains(e.Error(), "hunter2") {
				t.Errorf("a value is told: %v", e)
			}
			t.Log(e)
		})
	}
}

// TestCallsThatDoNotLastAreWarnedOf: a call is warned of, a mention is not.
func TestCallsThatDoNotLastAreWarnedOf(t *testing.T) {
	got := mustRender(t, renderer(t), chartOf(`-- templates/_h.tpl --
{{ define "password" }}
{{- randAlphaNum 8 }}{{ end }}
{{ define "unused" }}{{ uuidv4 }}{{ end }}
-- templates/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  p: {{ include "password" . }}
  {{- if lookup "v1" "Secret" "x" "y" }}
  {{ fail "lookup found something" }}
  {{- end }}
  t: {{ tpl "{{ now | date \"2006\" | quote }}" . }}
  h: {{ getHostByName "localhost" | quote }}
  k: {{ keys (dict "b" 1 "a" 2 "c" 3) | join "," }}
  v: {{ values (dict "b" 1 "a" 2 "c" 3) | join "," | quote }}
`), helm.Options{})
	var places []string
	for _, w := range got.Warnings {
		places = append(places, fmt.Sprintf("%s:%d %s", w.File, w.Line, w.Function))
		if !strings.Contains(w.Text, w.Function) || !strings.Contains(w.Text, ";") {
			t.Errorf("%s", w)
		}
	}
	want := []string{":0 now", "web/templates/_h.tpl:2 randAlphaNum", "web/templates/a.yaml:10 getHostByName", "web/templates/a.yaml:6 lookup"}
	slices.Sort(want)
	slices.Sort(places)
	if !slices.Equal(places, want) {
		t.Errorf("warnings at %q, want %q", places, want)
	}
	if text := string(got.Objects[0].JSON); !strings.Contains(text, `"k":"a,b,c"`) || !strings.Contains(text, `"v":"2,1,3"`) {
		t.Errorf("keys and values have no order of their own: %s", text)
	}
}

// TestWhatHelmLeavesOutIsTold: it says so in its log alone.
func TestWhatHelmLeavesOutIsTold(t *testing.T) {
	r := renderer(t)
	got := mustRender(t, r, chartOf(`-- values.yaml --
table: {a: hunter2}
-- templates/a.yaml --
`+aConfigMap+`---
{apiVersion: v1, kind: ConfigMap, metadata: {name: b, annotations: {helm.sh/hook: crd-install}}}
-- Chart.yaml --
{apiVersion: v2, name: web, version: 1.0.0, deprecated: true}
`), helm.Options{Values: []helm.Values{{Text: "table: {a: {x: 1}}"}}})
	var all string
	for _, w := range got.Warnings {
		all += w.String() + "\n"
	}
	for _, want := range []string{"crd-install", "web.table.a", "deprecated"} {
		if !strings.Contains(all, want) {
			t.Errorf("no word of %q in:\n%s", want, all)
		}
	}
	if strings.Contains(all, "hunter2") {
		t.Errorf("a value is told: %s", all)
	}
	if got = mustRender(t, r, chartOf("-- templates/a.yaml --\n"+aConfigMap), helm.Options{}); len(got.Warnings) > 0 {
		t.Errorf("warnings of the chart before: %v", got.Warnings)
	}
}

// TestParametersAreSetAsHelmDoes over values, in order.
func TestParametersAreSetAsHelmDoes(t *testing.T) {
	got := mustRender(t, renderer(t), chartOf("-- values.yaml --\na: {b: 1, c: 2}\n-- templates/a.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {all: {{ toJson .Values | quote }}}}\n"),
		helm.Options{Values: []helm.Values{{Text: "a: {b: 2}\nl: [x]"}, {Text: "a: {c: 5}"}}, Set: []helm.Parameter{
			{Name: "a.b", Value: "3"}, {Name: "s", Value: "4", String: true}, {Name: "l[1]", Value: "y"}, {Name: "t", Value: "true"}, {Name: "n", Value: `p\,q`},
		}})
	if want := `{\"a\":{\"b\":3,\"c\":5},\"l\":[\"x\",\"y\"],\"n\":\"p,q\",\"s\":\"4\",\"t\":true}`; !strings.Contains(string(got.Objects[0].JSON), want) {
		t.Errorf("%s", got.Objects[0].JSON)
	}
}

// TestFilesAreNamedAsInTheRepository, wherever the chart lies in it.
func TestFilesAreNamedAsInTheRepository(t *testing.T) {
	files := tree(`-- apps/shop/chart/Chart.yaml --
{apiVersion: v2, name: shop, version: 1.0.0, dependencies: [{name: lib, version: ">=0", repository: "file://../../lib"}, {name: db, version: ">=0", alias: main}]}
-- apps/shop/chart/templates/a.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: "{{ include "lib.name" . }}"}}
-- apps/shop/chart/charts/db/Chart.yaml --
{apiVersion: v2, name: db, version: 1.0.0}
-- apps/shop/chart/charts/db/templates/b.yaml --
{apiVersion: v1, kind: Secret, metadata: {name: b}}
-- apps/lib/Chart.yaml --
{apiVersion: v2, name: lib, version: 1.0.0}
-- apps/lib/templates/_l.tpl --
{{ define "lib.name" }}{{ .Values.lib.name }}{{ end }}
-- apps/lib/templates/c.yaml --
{apiVersion: v1, kind: Service, metadata: {name: "{{ .Values.name }}"}}
-- apps/lib/values.yaml --
name: from-lib
`)
	chart := helm.Chart{Tree: files, Path: "apps/shop/chart"}
	got, err := renderer(t).Render(context.Background(), chart, helm.Options{Release: "rel"})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, o := range got.Objects {
		lines = append(lines, o.File+" "+string(o.JSON))
	}
	want := []string{
		`shop/charts/main/templates/b.yaml {"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"}}`,
		`apps/shop/chart/templates/a.yaml {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"from-lib"}}`,
		`apps/lib/templates/c.yaml {"apiVersion":"v1","kind":"Service","metadata":{"name":"from-lib"}}`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("%s", strings.Join(lines, "\n"))
	}
	if missing, err := helm.Missing(chart); err != nil || len(missing) > 0 {
		t.Errorf("missing: %v, %v", missing, err)
	}
	files["apps/lib/templates/c.yaml"].Data = []byte("\n{{ fail \"no\" }}")
	_, err = renderer(t).Render(context.Background(), chart, helm.Options{Release: "rel"})
	if err == nil || !strings.HasPrefix(err.Error(), "chart apps/shop/chart: apps/lib/templates/c.yaml:2: no") {
		t.Errorf("%v", err)
	}
}

// TestOnlyTheChartIsADependency: a render is remembered by what it read of the tree.
func TestOnlyTheChartIsADependency(t *testing.T) {
	files := chartOf("-- templates/a.yaml --\n" + aConfigMap + "-- .helmignore --\nlarge/\n-- large/data --\nx\n")
	files["other/file"] = files["web/large/data"]
	seen := &watched{Tree: files, read: map[string]bool{}}
	mustRender(t, renderer(t), seen, helm.Options{})
	want := []string{"web/.helmignore", "web/Chart.yaml", "web/templates/a.yaml"}
	var got []string
	for name := range seen.read {
		if _, ok := files[name]; ok {
			got = append(got, name)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("it read %q, want %q", got, want)
	}
}

// watched is a tree that knows what was read.
type watched struct {
	model.Tree
	read map[string]bool
}

func (w *watched) ReadFile(name string) ([]byte, error) {
	w.read[name] = true
	return w.Tree.ReadFile(name)
}

// TestArchivesRenderAsFolders do, with a dependency that is packed, and from a .tgz in the tree.
func TestArchivesRenderAsFolders(t *testing.T) {
	r := renderer(t)
	parent := entry{name: "web/Chart.yaml", data: "{apiVersion: v2, name: web, version: 1.0.0, dependencies: [{name: sub, version: 1.x, alias: other}]}"}
	sub := pack(t, manifestOf("sub", "1.0.0"), entry{name: "sub/templates/b.yaml", data: "{apiVersion: v1, kind: Secret, metadata: {name: \"{{ .Chart.Name }}\"}}"})
	a := entry{name: "web/templates/a.yaml", data: aConfigMap}
	files := tree("-- web/Chart.yaml --\n" + parent.data + "\n-- web/templates/a.yaml --\n" + aConfigMap)
	whole := pack(t, parent, a, entry{name: "web/charts/sub-1.0.0.tgz", data: string(sub)})
	for name, data := range map[string][]byte{"packed/web-1.0.0.tgz": whole, "web/charts/sub-1.0.0.tgz": sub} {
		files[name] = tree("-- x --\n")["x"]
		files[name].Data = data
	}
	want := []string{`web/charts/other/templates/b.yaml {"apiVersion":"v1","kind":"Secret","metadata":{"name":"other"}}`, `web/templates/a.yaml {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`}
	for name, chart := range map[string]helm.Chart{
		"fetched": {Archive: whole, Name: "web"},
		"folder":  {Tree: files, Path: "web"},
		"packed":  {Tree: files, Path: "packed/web-1.0.0.tgz"},
	} {
		got, err := r.Render(context.Background(), chart, helm.Options{Release: "rel"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var lines []string
		for _, o := range got.Objects {
			lines = append(lines, o.File+" "+string(o.JSON))
		}
		if !slices.Equal(lines, want) {
			t.Errorf("%s: %q", name, lines)
		}
	}
}

// TestPostRender: with hooks as in Helm 4, and without.
func TestPostRender(t *testing.T) {
	r := renderer(t)
	files := chartOf("-- templates/a.yaml --\n" + aConfigMap + "-- templates/hook.yaml --\n{apiVersion: batch/v1, kind: Job, metadata: {name: job, annotations: {helm.sh/hook: pre-install}}}\n")
	change := func(_ context.Context, stream []byte) ([]byte, error) {
		return append(bytes.ReplaceAll(stream, []byte("{name: "), []byte("{namespace: here, name: ")), "\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: new}\n"...), nil
	}
	for _, hooks := range []bool{true, false} {
		got := mustRender(t, r, files, helm.Options{PostRender: change, PostRenderHooks: hooks})
		var text string
		for _, o := range got.Objects {
			text += o.File + " " + string(o.JSON) + "\n"
		}
		job := `{"annotations":{"helm.sh/hook":"pre-install"},"name":"job"}`
		if hooks {
			job = `{"annotations":{"helm.sh/hook":"pre-install"},"name":"job","namespace":"here"}`
		}
		if len(got.Objects) != 3 || !strings.Contains(text, job) || !strings.Contains(text, `web/templates/a.yaml {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"here"}}`) || strings.Contains(text, "postrender-filename") {
			t.Errorf("hooks %t:\n%s", hooks, text)
		}
	}
	_, err := r.Render(context.Background(), helm.Chart{Tree: files, Path: "web"}, helm.Options{Release: "rel", PostRender: func(context.Context, []byte) ([]byte, error) { return nil, os.ErrDeadlineExceeded }})
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "web: post-render") {
		t.Errorf("%v", err)
	}
	e := mustFail(t, r, files, helm.Options{PostRender: func(context.Context, []byte) ([]byte, error) { return []byte("{"), nil }})
	if !strings.Contains(e.Error(), "correct the post-renderer") {
		t.Error(e)
	}
}

// TestRendersAtOnce: many at a time give each its own.
func TestRendersAtOnce(t *testing.T) {
	r := renderer(t)
	files := chartOf("-- templates/a.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: \"{{ .Values.id }}\"}}\n")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			n := strconv.Itoa(i)
			got, err := r.Render(context.Background(), helm.Chart{Tree: files, Path: "web"}, helm.Options{Release: "rel", Values: []helm.Values{{Text: "id: x" + n}}})
			if err != nil || !strings.Contains(string(got.Objects[0].JSON), `"x`+n+`"`) {
				t.Errorf("%d: %v %v", i, got, err)
			}
		})
	}
	wg.Wait()
}

// TestWorkers: what happens to the processes.
func TestWorkers(t *testing.T) {
	chart := helm.Chart{Tree: chartOf("-- templates/a.yaml --\n" + aConfigMap), Path: "web"}
	render := func(r *helm.Renderer) error {
		_, err := r.Render(context.Background(), chart, helm.Options{Release: "rel"})
		return err
	}
	for _, command := range [][]string{{"/bin/true"}, {"/bin/echo", strings.Repeat("hello ", 10)}, {"/no/such/program"}} {
		if err := render(helm.New(command...)); err == nil || !strings.Contains(err.Error(), "cannot be started") {
			t.Errorf("%v", err)
		}
	}
	before := workers(t)
	r := renderer(t)
	if err := render(r); err != nil {
		t.Fatal(err)
	}
	mine := workers(t)[len(before):]
	if len(mine) != 1 {
		t.Fatalf("workers %v", mine)
	}
	process, err := os.FindProcess(mine[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := render(r); err != nil {
		t.Errorf("a worker that was killed while idle is not replaced: %v", err)
	}
	r.Close()
	eventually(t, func() bool { return len(workers(t)) == len(before) })
	if err := render(r); err != nil {
		t.Errorf("%v", err)
	}
	eventually(t, func() bool { return len(workers(t)) == len(before) })
}

// workers gives the ids of our child processes, in the order of their start.
func workers(t *testing.T) []int {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		t.Skip("this system does not list children")
	}
	var out []int
	for _, name := range lists {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that ended
		}
		for id := range strings.FieldsSeq(string(data)) {
			n, err := strconv.Atoi(id)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	deadline := time.After(race.Patience(90 * time.Second))
	for !what() {
		select {
		case <-deadline:
			t.Fatal("it did not come to be")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
