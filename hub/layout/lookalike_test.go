package layout

import (
	"strings"
	"testing"
)

// TestWhatLooksLikeADeclaration and what is something of others.
func TestWhatLooksLikeADeclaration(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		"drover.dev/v1alpha1 App":      "",
		"drover.dev/v1alpha1 Appp":     "App of drover.dev/v1alpha1",
		"drover.io/v1alpha1 App":       "App of drover.dev/v1alpha1",
		"drover.dve/v1alpha1 app":      "App of drover.dev/v1alpha1",
		"apps.drover.dev/v1alpha1 App": "App of drover.dev/v1alpha1",
		"drover.dev App":               "App of drover.dev/v1alpha1",
		"v1alpha1 App":                 "App of drover.dev/v1alpha1",
		"v1 App":                       "App of drover.dev/v1alpha1",
		" App":                         "App of drover.dev/v1alpha1",
		"kustomize.toolkit.fluxcd.io/v1 Kustomization":    "",
		"kustomize.toolkit.fluxcd.io/v1 Kustomisation":    "Kustomization of kustomize.toolkit.fluxcd.io/v1",
		"kustomize.toolkit.fluxcd.io/v1 Overlay":          "Kustomization of kustomize.toolkit.fluxcd.io/v1",
		"kustomise.toolkit.fluxcd.io/v1 Kustomization":    "Kustomization of kustomize.toolkit.fluxcd.io/v1",
		"kustomize.toolkit.flux.io/v1 Kustomization":      "Kustomization of kustomize.toolkit.fluxcd.io/v1",
		"kustomize.toolkit.fluxcd.io Kustomization":       "Kustomization of kustomize.toolkit.fluxcd.io/v1",
		"helm.fluxcd.io/v1 HelmRelease":                   "HelmRelease of helm.toolkit.fluxcd.io/v2",
		"kustomize.toolkit.fluxcd.io/v1 HelmRelease":      "Kustomization of kustomize.toolkit.fluxcd.io/v1",
		"helm.toolkit.fluxcd.io/v2 Helmrelease":           "HelmRelease of helm.toolkit.fluxcd.io/v2",
		"argoproj.io/v1alpha1 Aplication":                 "Application of argoproj.io/v1alpha1",
		"argoproj.io/v1alpha1 ApplicationSets":            "ApplicationSet of argoproj.io/v1alpha1",
		"argocd.argoproj.io/v1alpha1 Application":         "Application of argoproj.io/v1alpha1",
		"argoproj.com/v1alpha1 Application":               "Application of argoproj.io/v1alpha1",
		"argoproj.io/v1alpha1 Rollout":                    "",
		"argoproj.io/v1alpha1 Workflow":                   "",
		"argoproj.io/v1beta1 ArgoCD":                      "",
		"argoproj.io/v1alpha1 AnalysisTemplate":           "",
		"app.k8s.io/v1beta1 Application":                  "",
		"core.oam.dev/v1beta1 Application":                "",
		"kappctrl.k14s.io/v1alpha1 App":                   "",
		"apps.example.com/v1 App":                         "",
		"kustomize.config.k8s.io/v1beta1 Kustomization":   "",
		"helm.cattle.io/v1 HelmChart":                     "",
		"cluster.x-k8s.io/v1beta1 Cluster":                "",
		"fluxcd.controlplane.io/v1 ResourceSet":           "",
		"notification.toolkit.fluxcd.io/v1beta3 Provider": "",
		"image.toolkit.fluxcd.io/v1 ImagePolicy":          "",
		"source.toolkit.fluxcd.io/v1 HelmChart":           "",
		"v1 ConfigMap":                                    "",
		"v1 Pod":                                          "",
		"apps/v1 Deployment":                              "",
		"batch/v1 Job":                                    "",
	} {
		apiVersion, kind, _ := strings.Cut(object, " ")
		got := (&Layout{}).lookalike(apiVersion, kind)
		if want == "" && got != "" || want != "" && !strings.Contains(got, "looks like "+want+":") {
			t.Errorf("%s: %q, want %q", object, got, want)
		}
	}
}
