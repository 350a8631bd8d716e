package hub_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// An app that renders for ever delays no other cluster, and a commit that mends it does not wait for it either.
func TestAnEndlessChartDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	tree := twoClusters()
	for _, name := range []string{"c0", "c1", "c2", "c3", "chart"} {
		tree["charts/"+name+"/Chart.yaml"] = "apiVersion: v2\nname: web\nversion: 1.2.3\n"
		tree["charts/"+name+"/templates/config.yaml"] = configMap("{{ .Release.Name }}", "{{ .Values.region }}")
		cluster := "a"
		if name == "chart" {
			cluster = "b"
		}
		tree["clusters/"+cluster+"/"+name+".yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: " + name +
			"}\nspec: {helm: {path: charts/" + name + ", values: {region: ONE}}}\n"
	}
	r := newRigWith(t, nil, tree, func(r *rig) { r.hasty = true })
	r.join("a", "b")
	before := r.await("a", "its charts", func(b protocol.Bundle) bool {
		return len(b.Apps) == 6 && strings.Contains(r.lines("a", b, "c3"), "ONE")
	})
	r.await("b", "its chart", func(b protocol.Bundle) bool { return strings.Contains(r.lines("b", b, "chart"), "ONE") })

	endless := map[string]string{"apps/web/overlays/a/kustomization.yaml": "resources: [../../base]\nnamePrefix: a2-\n"}
	for i := range 4 {
		endless[fmt.Sprintf("charts/c%d/templates/endless.yaml", i)] = "{{ range 1000000000000 }}{{ end }}\n"
	}
	r.push("endless", endless)
	rendering := func() (n int) {
		c, _ := r.hub.State().Get("a")
		for _, a := range c.Desired.Apps {
			if strings.HasPrefix(a.Name, "c") && strings.Contains(a.Error, "is being rendered") {
				n++
			}
		}
		return n
	}
	for i := range 3 {
		region := fmt.Sprint("region-", i)
		r.push(region, map[string]string{
			"clusters/b/chart.yaml":    strings.ReplaceAll(tree["clusters/b/chart.yaml"], "ONE", region),
			"clusters/b/settings.yaml": configMap("settings", region),
		})
		r.await("b", region, func(b protocol.Bundle) bool {
			return strings.Contains(r.lines("b", b, "chart"), region) && strings.Contains(r.lines("b", b, "root"), region)
		})
	}
	if n := rendering(); n != 4 {
		t.Errorf("%d charts of a are being rendered, want 4: the test has waited for them", n)
	}
	a := r.await("a", "its other app", func(b protocol.Bundle) bool { return strings.Contains(r.lines("a", b, "web"), "a2-web") })
	if now := appOf(a, "c0"); now.Blob == nil || now.Blob.Digest != appOf(before, "c0").Blob.Digest || !strings.Contains(now.Error, "is being rendered") {
		t.Errorf("c0 = %+v", now)
	}
	for name := range endless {
		endless[name] = ""
	}
	endless["apps/web/overlays/a/kustomization.yaml"] = "resources: [../../base]\nnamePrefix: a3-\n"
	r.push("mended", endless)
	r.await("a", "the mended charts", func(b protocol.Bundle) bool {
		return strings.Contains(r.lines("a", b, "web"), "a3-web") && appOf(b, "c0").Error == "" && appOf(b, "c3").Error == ""
	})
	if n := rendering(); n != 0 {
		t.Errorf("%d charts are being rendered still", n)
	}
}

// The same of an ApplicationSet, whose templates are programs as well.
func TestAnEndlessApplicationSetDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	tree := twoClusters()
	set := `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: set, namespace: argocd}
spec:
  goTemplate: true
  generators: [{list: {elements: [{name: one}]}}]
  template:
    metadata: {name: "app-{{.name}}"}
    spec:
      project: default
      destination: {server: https://kubernetes.default.svc, namespace: web}
      source: {repoURL: REPO, path: apps/extra, targetRevision: HEAD}
`
	r := newRigWith(t, nil, tree, func(r *rig) { r.hasty = true })
	set = strings.ReplaceAll(set, "REPO", r.repo)
	r.push("set", map[string]string{"clusters/a/set.yaml": strings.ReplaceAll(set, "app-{{.name}}", "{{ range 1000000000000 }}{{ end }}")})
	r.join("a", "b")
	for i := range 3 {
		value := fmt.Sprint("settings-", i)
		r.push(value, map[string]string{"clusters/b/settings.yaml": configMap("settings", value)})
		r.await("b", value, func(b protocol.Bundle) bool { return strings.Contains(r.lines("b", b, "root"), value) })
	}
	r.until("a says that its templates are being executed", func() bool {
		return strings.Contains(strings.Join(must2(r.hub.State().Get("a")).Problems, "; "), "are being executed")
	})
	r.push("mended", map[string]string{"clusters/a/set.yaml": set})
	r.until("a is planned", func() bool {
		c := must2(r.hub.State().Get("a"))
		planned := slices.ContainsFunc(c.Desired.Apps, func(a query.DesiredApp) bool { return slices.Contains(a.Formerly, "app-one") })
		return planned && !strings.Contains(strings.Join(c.Problems, "; "), "being executed")
	})
}

func must2[T any](v T, ok bool) T {
	if !ok {
		panic("not there")
	}
	return v
}
