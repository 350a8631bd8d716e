package helm_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/drover-dev/drover/hub/helm"
)

// medium is a chart of n objects as charts are usually written: helpers, toYaml, conditions, and a subchart.
func medium(n int) fstest.MapFS {
	files := chartOf(`-- values.yaml --
image: {repository: example/web, tag: "1"}
resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
labels: {team: blue}
-- templates/_helpers.tpl --
{{- define "web.name" -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "web.labels" -}}
app.kubernetes.io/name: {{ include "web.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
-- charts/sub/Chart.yaml --
{apiVersion: v2, name: sub, version: 1.0.0}
`)
	deployment := `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "web.name" . }}-%d
  labels: {{- include "web.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas | default 1 }}
  selector:
    matchLabels: {{- include "web.labels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "web.labels" . | nindent 8 }}
    spec:
      containers:
        - name: web
          image: "{{ (.Values.image).repository }}:{{ (.Values.image).tag }}"
          {{- with .Values.resources }}
          resources: {{- toYaml . | nindent 12 }}
          {{- end }}
`
	service := `{{- if ne .Values.service "off" }}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "web.name" . }}-%d
  labels: {{- include "web.labels" . | nindent 4 }}
spec:
  ports: [{port: 80}]
{{- end }}
`
	for i := range n {
		dir, text := "web/templates/", deployment
		if i%2 == 1 {
			text = service
		}
		if i%5 == 4 {
			dir = "web/charts/sub/templates/"
		}
		files[fmt.Sprintf("%so%d.yaml", dir, i)] = &fstest.MapFile{Data: fmt.Appendf(nil, text, i)}
	}
	return files
}

// BenchmarkRender is a render in a worker that runs already, and with the start of one.
func BenchmarkRender(b *testing.B) {
	for _, n := range []int{1, 20, 100} {
		files := medium(n)
		render := func(b *testing.B, r *helm.Renderer) {
			if got := mustRender(b, r, files, helm.Options{}); len(got.Objects) != n {
				b.Fatalf("%d objects", len(got.Objects))
			}
		}
		b.Run(fmt.Sprintf("objects=%d", n), func(b *testing.B) {
			r := renderer(b)
			render(b, r)
			for b.Loop() {
				render(b, r)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n)/1000, "ms/object")
		})
	}
	b.Run("start", func(b *testing.B) {
		files := medium(1)
		for b.Loop() {
			r := renderer(b)
			mustRender(b, r, files, helm.Options{})
			r.Close()
		}
	})
}

// BenchmarkOracle is the same charts by Helm's own action, from disk.
func BenchmarkOracle(b *testing.B) {
	for _, n := range []int{1, 20, 100} {
		files := medium(n)
		b.Run(fmt.Sprintf("objects=%d", n), func(b *testing.B) {
			for b.Loop() {
				got, err := oracle(b, files, helm.Options{Release: "rel"})
				if err != nil || len(got) != n {
					b.Fatalf("%d objects, %v", len(got), err)
				}
			}
		})
	}
}
