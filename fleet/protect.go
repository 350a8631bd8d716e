package fleet

import "strings"

// AnnotationPrune with the value PruneDisabled on an object keeps it from ever being pruned. Of Flux' word for it, as
// an annotation or a label, the same is true (https://fluxcd.io/flux/components/kustomize/kustomizations/#prune), and
// of Helm's annotation (https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource). On
// an object that declares an app, it protects what the app delivers when the declaration is removed.
const (
	AnnotationPrune = "drover.dev/prune"
	PruneDisabled   = "disabled"
	// AnnotationAllowEmpty with the value "true", on an object that declares an app, says that the app may render to
	// nothing.
	AnnotationAllowEmpty = "drover.dev/allow-empty"
	// AnnotationDeletions with the value DeletionsAllowed, on an object or on one that declares an app, says that a
	// deletion of the object, or of what the app delivers, is meant and waits for no person.
	AnnotationDeletions = "drover.dev/deletions"
	DeletionsAllowed    = "allowed"
	fluxPrune           = "kustomize.toolkit.fluxcd.io/prune"
	helmPolicy          = "helm.sh/resource-policy"
)

// KeptBy names the annotation or the label that keeps an object from being pruned, with the value as it is written
// there, such as "annotation kustomize.toolkit.fluxcd.io/prune: Disabled"; "" if there is none. Hub and agent both
// decide by it. Letter case does not count: neither Flux nor Helm looks at it, and what is meant as a protection must
// not fail for a spelling.
func KeptBy[V any](annotations, labels map[string]V) string {
	found := func(what string, in map[string]V, key string) string {
		return what + " " + key + ": " + strings.TrimSpace(word(in, key))
	}
	switch {
	case says(annotations, AnnotationPrune, PruneDisabled):
		return found("annotation", annotations, AnnotationPrune)
	case says(annotations, fluxPrune, "disabled"):
		return found("annotation", annotations, fluxPrune)
	case says(labels, fluxPrune, "disabled"):
		return found("label", labels, fluxPrune)
	case says(annotations, helmPolicy, "keep"):
		return found("annotation", annotations, helmPolicy)
	case says(annotations, fluxReconcile, "disabled"):
		return found("annotation", annotations, fluxReconcile)
	case says(labels, fluxReconcile, "disabled"):
		return found("label", labels, fluxReconcile)
	case modes[strings.ToLower(word(annotations, AnnotationApply))] == ModeIgnore:
		return found("annotation", annotations, AnnotationApply)
	case argoKept(annotations):
		return found("annotation", annotations, argoSync)
	}
	return ""
}

// AllowsEmpty says whether annotations let an app render to nothing.
func AllowsEmpty[V any](annotations map[string]V) bool {
	return says(annotations, AnnotationAllowEmpty, "true")
}

// AllowsDeletions says whether annotations let what they are on be deleted, however much that is.
func AllowsDeletions[V any](annotations map[string]V) bool {
	return says(annotations, AnnotationDeletions, DeletionsAllowed)
}

// NeverPruned says whether the annotations or the labels of an object keep it from being pruned.
func NeverPruned[V any](annotations, labels map[string]V) bool {
	return KeptBy(annotations, labels) != ""
}

// says tells whether a key has a value, whatever the case of its letters.
func says[V any](m map[string]V, key, value string) bool {
	return strings.EqualFold(strings.TrimSpace(word(m, key)), value)
}

// argoKept says whether Argo CD would not delete an object, or not before a user confirmed it.
func argoKept[V any](annotations map[string]V) bool {
	for option := range strings.SplitSeq(word(annotations, argoSync), ",") {
		switch strings.ToLower(strings.Join(strings.Fields(option), "")) {
		case "prune=false", "prune=confirm", "delete=false", "delete=confirm":
			return true
		}
	}
	return false
}
