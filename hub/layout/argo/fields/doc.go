// Package fields names what Drover reads of Argo CD: the kinds, and of each of their fields what becomes of it.
//
// It may import planning.
package fields

// What Drover reads of Argo CD, of the API group argoproj.io.
const (
	Group = "argoproj.io"
	Home  = "argocd" // where Argo CD and its objects live

	Application    = "Application"
	ApplicationSet = "ApplicationSet"
	AppProject     = "AppProject"
)

// Finalizer on an Application has Argo CD delete its objects when it is deleted itself.
const Finalizer = "resources-finalizer.argocd.argoproj.io"
