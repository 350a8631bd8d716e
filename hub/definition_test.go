package hub_test

import (
	"strings"
	"testing"
)

// TestOneAppDeliversADefinitionThatSeveralChartsBring, and it is the one that had it.
func TestOneAppDeliversADefinitionThatSeveralChartsBring(t *testing.T) {
	t.Parallel()
	const definition = `"kind":"CustomResourceDefinition"`
	of := func(got, app string) string {
		_, rest, _ := strings.Cut(got, "app "+app)
		text, _, _ := strings.Cut(rest, "\napp ")
		return text
	}
	const chart = `
-- charts/web/Chart.yaml --
{apiVersion: v2, name: web, version: 1.0.0}
-- charts/web/crds/widgets.yaml --
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
-- charts/web/templates/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
`
	b := newScene(t, bootstrap+chart+helmRelease("b", "team", ofRepository)+helmRelease("c", "team", ofRepository))
	first := b.resolve("staging")
	got := b.summary(first)
	if strings.Contains(got, "ERR") || strings.Count(got, definition) != 1 || !strings.Contains(of(got, "team-b"), definition) {
		t.Fatalf("the first by name is to deliver it, alone:\n%s", got)
	}
	last := told(first)
	b.commit(helmRelease("a", "team", ofRepository))
	if got = b.summary(b.resolveAfter("staging", last)); strings.Contains(got, "ERR") || strings.Count(got, definition) != 1 || !strings.Contains(of(got, "team-b"), definition) {
		t.Errorf("the one that had it is to keep it:\n%s", got)
	}
	b.commit("-- clusters/staging/b.yaml --\n")
	if got = b.summary(b.resolveAfter("staging", last)); strings.Contains(got, "ERR") || strings.Count(got, definition) != 1 || !strings.Contains(of(got, "team-a"), definition) {
		t.Errorf("another is to take it over:\n%s", got)
	}
	plain := "-- clusters/staging/crd.yaml --\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n"
	b.commit(plain)
	if got = b.summary(b.resolve("staging")); strings.Contains(got, "ERR") || strings.Count(got, definition) != 1 || !strings.Contains(of(got, "root"), definition) {
		t.Errorf("one that stands in a folder is preferred to those of charts:\n%s", got)
	}
	other := strings.Replace(strings.Replace(plain, "clusters/staging/", "crds/", 1), ".com}", ".com, labels: {a: b}}", 1)
	b.commit(kustomization("crds", "  path: crds\n") + other)
	if got = b.summary(b.resolve("staging")); strings.Contains(got, "ERR") || strings.Count(got, definition) != 1 ||
		!strings.Contains(of(got, "crds"), definition) ||
		!strings.Contains(of(got, "root"),
			"the app root goes on without it, since the app crds (crds) has it and declares it otherwise") {
		t.Errorf("of two folders that define it differently the first is to have it, and the other to say so:\n%s", got)
	}
}
