package fleet

import (
	"fmt"
	"strings"
)

// Mode says how an object is applied.
type Mode uint8

// The modes.
const (
	ModeOverride     Mode = iota // server-side apply with force; what tools applied before Drover came is taken over
	ModeMerge                    // the same, and what others applied stays theirs
	ModeIfNotPresent             // created if it is not there, and otherwise left as it is
	ModeIgnore                   // left to others
)

// Annotations by which an object says how it is to be applied.
const (
	AnnotationApply    = "drover.dev/apply"    // override, merge, if-not-present, ignore
	ApplyIfNotPresent  = "if-not-present"      // of AnnotationApply: it is created, and otherwise left as it is
	AnnotationRecreate = "drover.dev/recreate" // "enabled" or "true": deleted and recreated where an immutable field changed

	fluxSSA       = "kustomize.toolkit.fluxcd.io/ssa"
	fluxForce     = "kustomize.toolkit.fluxcd.io/force"
	fluxReconcile = "kustomize.toolkit.fluxcd.io/reconcile"
	argoSync      = "argocd.argoproj.io/sync-options"
)

// modes are Drover's own words. Flux's are those of kustomize-controller, which has them as annotations and as labels
// (https://fluxcd.io/flux/components/kustomize/kustomizations/#controlling-the-apply-behavior-of-resources). Its Merge
// differs from Override in nothing but that what others manage is not cleaned up (fluxcd/pkg/ssa,
// ApplyCleanupOptions.Exclusions). Flux compares without case (fluxcd/pkg/ssa/utils, AnyInMetadata); keys here are in
// lower case.
var (
	modes     = map[string]Mode{"override": ModeOverride, "merge": ModeMerge, ApplyIfNotPresent: ModeIfNotPresent, "ignore": ModeIgnore}
	fluxModes = map[string]Mode{"override": ModeOverride, "merge": ModeMerge, "ifnotpresent": ModeIfNotPresent, "ignore": ModeIgnore}
)

// Treatment is how an object asks to be dealt with.
type Treatment struct {
	Mode     Mode
	Recreate bool // deleted and recreated where an immutable field changed
	Keep     bool // never pruned, see KeptBy
}

// TreatmentOf reads an object's annotations and labels. Drover's own take precedence over those of Flux, and these over
// those of Argo CD.
func TreatmentOf[V any](annotations, labels map[string]V) Treatment {
	t := Treatment{Mode: modeOf(annotations, labels), Keep: NeverPruned(annotations, labels)}
	options := syncOptions(annotations)
	switch {
	case word(annotations, AnnotationRecreate) != "":
		t.Recreate = says(annotations, AnnotationRecreate, "true") || says(annotations, AnnotationRecreate, "enabled")
	case says(annotations, fluxForce, "enabled") || says(labels, fluxForce, "enabled"):
		t.Recreate = true
	default:
		t.Recreate = options["Force"] == "true"
	}
	return t
}

func modeOf[V any](annotations, labels map[string]V) Mode {
	if m, ok := modes[strings.ToLower(word(annotations, AnnotationApply))]; ok {
		return m
	}
	if Paused(annotations, labels) {
		return ModeIgnore
	}
	if m, ok := fluxModes[strings.ToLower(word(annotations, fluxSSA))]; ok {
		return m
	}
	return fluxModes[strings.ToLower(word(labels, fluxSSA))]
}

// Paused says whether an object is to be left alone that carries these annotations and labels in the cluster: the user
// who puts them there wants to work on it undisturbed (as in Flux, where reconcile: disabled and ssa: Ignore count on
// the object itself, too).
func Paused[V any](annotations, labels map[string]V) bool {
	if own := word(annotations, AnnotationApply); own != "" {
		return modes[strings.ToLower(own)] == ModeIgnore
	}
	return says(annotations, fluxReconcile, "disabled") || says(labels, fluxReconcile, "disabled") ||
		says(annotations, fluxSSA, "ignore") || says(labels, fluxSSA, "ignore")
}

// word is a value that is a string.
func word[V any](m map[string]V, key string) string {
	s, _ := any(m[key]).(string)
	return s
}

// syncOptions are the options of Argo CD on an object
// (https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/).
func syncOptions[V any](annotations map[string]V) map[string]string {
	text := word(annotations, argoSync)
	if text == "" {
		return nil
	}
	out := map[string]string{}
	for option := range strings.SplitSeq(text, ",") {
		if name, value, ok := strings.Cut(strings.TrimSpace(option), "="); ok {
			out[name] = value
		}
	}
	return out
}

// unmetOptions are options of Argo CD that are not done as Argo CD does them. Of those that are not here Drover does
// what they ask, or has no need to be asked: it applies server-side, sends only what changed, and waits for a kind's
// definition.
var unmetOptions = map[string]string{
	"Replace=true":   "not done: the object is applied server-side, which has no limit that replacing would get around, and what others added to it stays",
	"Validate=false": "not done: the API server checks whatever is applied server-side",
	"Prune=confirm":  "taken as Prune=false, because nobody is asked: delete the object by hand",
	"Delete=confirm": "taken as Delete=false, because nobody is asked: delete the object by hand",
	"Delete=false":   "it keeps the object from being deleted when it leaves Git, too",
}

// Unmet is something that an annotation asks for and Drover does not do, or does otherwise.
type Unmet struct{ Annotation, Text string }

// UnmetBy lists what the annotations of an object ask for without effect, in the order in which they ask.
func UnmetBy[V any](annotations map[string]V) (out []Unmet) {
	if own := word(annotations, AnnotationApply); own != "" {
		if _, ok := modes[strings.ToLower(own)]; !ok {
			out = append(out, Unmet{AnnotationApply, fmt.Sprintf("not done: there is no %q; it is override, merge, if-not-present or ignore", own)})
		}
	}
	for option := range strings.SplitSeq(word(annotations, argoSync), ",") {
		if says := unmetOptions[strings.TrimSpace(option)]; says != "" {
			out = append(out, Unmet{argoSync, strings.TrimSpace(option) + ": " + says})
		}
	}
	return out
}
