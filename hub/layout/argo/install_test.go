package argo

import (
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// TestSettingsOfArgoCDAreNamed: those that change what is delivered, or how it is judged, by object and key.
func TestSettingsOfArgoCDAreNamed(t *testing.T) {
	t.Parallel()
	const configured = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, namespace: argocd, labels: " +
		"{app.kubernetes.io/part-of: argocd}}\n"
	for name, c := range map[string]struct{ text, want string }{
		"none": {configured + "data: {url: https://argo.example.com, resource.exclusions: '', timeout.reconciliation: " +
			"60s}\n", ""},
		"others": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {resource.exclusions: x}\n", ""},
		"all": {configured + "data:\n  resource.exclusions: '[]'\n  resource.inclusions: '[]'\n  " +
			"resource.customizations: 'a: b'\n" +
			"  resource.customizations.health.certmanager.k8s.io_Certificate: return {}\n" +
			"  resource.customizations.ignoreDifferences.all: 'x: y'\n  resource.customizations.ignoreResourceUpdates.all: " +
			"'x: y'\n" +
			"  kustomize.buildOptions: --enable-helm\n  kustomize.buildOptions.v4: a\n  globalProjects: '[]'\n",
			"data.globalProjects data.kustomize.buildOptions data.kustomize.buildOptions.v4 data.resource.customizations " +
				"data.resource.customizations.health.certmanager.k8s.io_Certificate " +
				"data.resource.customizations.ignoreDifferences.all data.resource.exclusions data.resource.inclusions"},
		"the operator's": {"apiVersion: argoproj.io/v1beta1\nkind: ArgoCD\nmetadata: {name: argocd}\nspec:\n  " +
			"resourceExclusions: a\n" +
			"  resourceHealthChecks: [{kind: A}]\n  server: {}\n  extraConfig: {resource.compareoptions: 'a: b', url: x}\n",
			"spec.resourceExclusions spec.resourceHealthChecks spec.extraConfig.resource.compareoptions"},
		"no data": {configured, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := yaml.YAMLToJSON([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var h document.Head
			if err := json.Unmarshal(data, &h); err != nil {
				t.Fatal(err)
			}
			var fields []string
			for _, n := range (Dialect{}).Advise(model.Rendered{JSON: data, File: "argocd/cm.yaml"}, h) {
				fields = append(fields, n.Field)
				if n.File != "argocd/cm.yaml" || n.Object == "" || n.Text == "" {
					t.Errorf("note %+v", n)
				}
			}
			if got := strings.Join(fields, " "); got != c.want {
				t.Errorf("named %s\nwant  %s", got, c.want)
			}
		})
	}
}
