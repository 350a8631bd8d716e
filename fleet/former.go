package fleet

import "strings"

// Tool is a program that may have applied an object before Drover did, and may go on doing so.
type Tool uint8

// The tools.
const (
	ToolNone    Tool = iota
	ToolPerson       // kubectl and Helm: they run when a person runs them
	ToolFlux         // a Kustomization of Flux
	ToolRelease      // a HelmRelease of Flux
	ToolArgo         // an Application of Argo CD
)

// FormerManager says which tool a field manager is, if its fields are to be taken over: what it applied and Git does
// not have, goes then. first is for the first time that Drover applies an object. Later on, what people set with
// kubectl edit, patch, label and the like is theirs: it is on purpose.
//
// The managers are those that Flux takes over (kustomize-controller, internal/controller/kustomization_controller.go:
// everything that begins with kubectl, and before-first-apply, which is what was there before an object's fields were
// managed), Helm, Flux and Argo CD themselves. kubectl rollout is left out: taking its annotation away would restart
// the pods.
func FormerManager(manager, operation, subresource string, first bool) Tool {
	switch {
	case subresource != "" || manager == "kubectl-rollout":
		return ToolNone
	case manager == "kubectl-client-side-apply", manager == "before-first-apply", manager == "kubectl-last-applied", manager == "helm",
		manager == "kubectl" && operation == "Apply":
		return ToolPerson
	case strings.HasPrefix(manager, "kubectl") && first:
		return ToolPerson
	case manager == "kustomize-controller":
		return ToolFlux
	case manager == "helm-controller":
		return ToolRelease
	case manager == "argocd-controller", manager == "argocd-application-controller":
		return ToolArgo
	}
	return ToolNone
}

// TrackingLabels and TrackingAnnotations are by what tools know their own again. They stay when the rest is taken over:
// they harm nothing, and help on the way back.
var (
	TrackingLabels = []string{"kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace",
		"helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace"}
	TrackingAnnotations = []string{"argocd.argoproj.io/tracking-id", "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"}
)

// OwnerOf names the object by which a tool delivers an object with these labels and annotations. Its namespace is "" if
// that is not told, and its name is "" if nothing is.
func OwnerOf(tool Tool, labels, annotations map[string]string) (namespace, name string) {
	switch tool {
	case ToolFlux:
		return labels["kustomize.toolkit.fluxcd.io/namespace"], labels["kustomize.toolkit.fluxcd.io/name"]
	case ToolRelease:
		return labels["helm.toolkit.fluxcd.io/namespace"], labels["helm.toolkit.fluxcd.io/name"]
	case ToolArgo:
		// https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/: by annotation or, older, by label. Before
		// an underscore stands the namespace of an Application that is not in Argo CD's own.
		app, _, _ := strings.Cut(annotations["argocd.argoproj.io/tracking-id"], ":")
		if app == "" {
			app = labels["app.kubernetes.io/instance"]
		}
		if ns, rest, ok := strings.Cut(app, "_"); ok {
			return ns, rest
		}
		return "", app
	}
	return "", ""
}
