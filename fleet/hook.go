package fleet

import (
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// HookPhase is when the hooks of an app are done, in the words of Argo CD
// (https://argo-cd.readthedocs.io/en/stable/user-guide/resource_hooks/).
type HookPhase string

// The phases of hooks.
const (
	PreSync                   HookPhase = "PreSync"                     // before anything of a revision is applied
	Sync                      HookPhase = "Sync"                        // with the objects of its wave
	PostSync                  HookPhase = "PostSync"                    // when everything is applied and healthy
	SyncFail                  HookPhase = "SyncFail"                    // when something of the revision failed
	PreDelete                 HookPhase = "PreDelete"                   // before anything of an app is deleted that left Git
	PostDelete                HookPhase = "PostDelete"                  // when everything of it is gone
	PreRollback, PostRollback HookPhase = "PreRollback", "PostRollback" // instead of PreSync, PostSync when it goes back
)

// DeletePolicy says when a hook's object is deleted.
type DeletePolicy string

// The policies, as Argo CD spells them.
const (
	HookSucceeded      DeletePolicy = "HookSucceeded"      // when its phase is over and it succeeded
	HookFailed         DeletePolicy = "HookFailed"         // when its phase is over and it failed
	BeforeHookCreation DeletePolicy = "BeforeHookCreation" // before it is made the next time
)

const (
	// AnnotationHookRun is put on the object of a hook; its value says for which run of the app's hooks it was made.
	AnnotationHookRun = "drover.dev/hook-run"
	// FinalizerHook keeps a hook's object until it is known how it ended.
	FinalizerHook = "drover.dev/hook"
)

// The annotations that make an object a hook. Of several, Drover's own takes precedence over Argo CD's, and that over Helm's.
var (
	hookKeys   = [...]string{"drover.dev/hook", "argocd.argoproj.io/hook"}
	policyKeys = [...]string{"drover.dev/hook-delete-policy", "argocd.argoproj.io/hook-delete-policy"}
)

const (
	helmHook       = "helm.sh/hook"
	helmHookWeight = "helm.sh/hook-weight"
	helmHookPolicy = "helm.sh/hook-delete-policy"
)

// Hook is an object that is made at a moment in the delivery of its app, and waited for, instead of being kept as Git has it.
type Hook struct {
	Install []HookPhase // its phases in the first delivery of an app
	Upgrade []HookPhase // in every later one
	// Delete are its policies; Implied says that nobody wrote any, so that it is BeforeHookCreation.
	Delete  []DeletePolicy
	Implied bool
}

// In says whether the hook belongs to a phase.
func (h Hook) In(phase HookPhase, install bool) bool {
	if install {
		return slices.Contains(h.Install, phase)
	}
	return slices.Contains(h.Upgrade, phase)
}

var phases = []HookPhase{PreSync, Sync, PostSync, SyncFail, PreDelete, PostDelete, PreRollback, PostRollback}

// helmPhases maps Helm's events as Argo CD does, and keeps the difference between installs and upgrades, which Argo CD does not know. Tests are left out.
var helmPhases = map[string]struct {
	phase            HookPhase
	install, upgrade bool
}{
	"pre-install": {PreSync, true, false}, "post-install": {PostSync, true, false},
	"pre-upgrade": {PreSync, false, true}, "post-upgrade": {PostSync, false, true},
	"pre-delete": {PreDelete, true, true}, "post-delete": {PostDelete, true, true},
	"pre-rollback": {PreRollback, false, true}, "post-rollback": {PostRollback, false, true},
}

var helmPolicies = map[string]DeletePolicy{"hook-succeeded": HookSucceeded, "hook-failed": HookFailed, "before-hook-creation": BeforeHookCreation}

// IsHook says whether the annotations are those of a hook, for whichever tool.
func IsHook(annotations map[string]string) bool {
	return annotations[hookKeys[0]] != "" || annotations[hookKeys[1]] != "" || annotations[helmHook] != ""
}

// NeverDone says whether an object with these annotations is a hook of Helm's for tests alone.
func NeverDone(annotations map[string]any) bool {
	hook, skip, unknown := readHook(annotations)
	return hook != nil && skip && unknown == ""
}

// readHook reads what the annotations say of hooks. skip says that the object is not to be applied at all; unknown is a phase that does
// not exist.
func readHook(annotations map[string]any) (hook *Hook, skip bool, unknown string) {
	h := &Hook{}
	for _, key := range hookKeys {
		for _, word := range words(annotations, key) {
			switch {
			case word == "Skip":
				return nil, true, ""
			case slices.Contains(phases, HookPhase(word)):
				h.Install = append(h.Install, HookPhase(word))
			default:
				return nil, true, word
			}
		}
		if len(h.Install) > 0 {
			h.Upgrade = h.Install
			h.readPolicies(annotations)
			return h, false, ""
		}
	}
	events := words(annotations, helmHook)
	if len(events) == 0 || slices.Contains(events, "crd-install") { // a definition, which Helm 2 could not order otherwise: as in Argo CD no hook
		return nil, false, ""
	}
	for _, e := range events {
		p, ok := helmPhases[e]
		if ok && p.install {
			h.Install = append(h.Install, p.phase)
		}
		if ok && p.upgrade {
			h.Upgrade = append(h.Upgrade, p.phase)
		}
	}
	h.readPolicies(annotations)
	return h, len(h.Install)+len(h.Upgrade) == 0, ""
}

// readPolicies reads when the hook is deleted. What is not known is left out, as in Argo CD and Helm.
func (h *Hook) readPolicies(annotations map[string]any) {
	for _, key := range policyKeys {
		for _, word := range words(annotations, key) {
			if p := DeletePolicy(word); p == HookSucceeded || p == HookFailed || p == BeforeHookCreation {
				h.Delete = append(h.Delete, p)
			}
		}
		if len(h.Delete) > 0 {
			return
		}
	}
	for _, word := range words(annotations, helmHookPolicy) {
		if p, ok := helmPolicies[word]; ok {
			h.Delete = append(h.Delete, p)
		}
	}
	if len(h.Delete) == 0 {
		h.Delete, h.Implied = []DeletePolicy{BeforeHookCreation}, true
	}
}

// words are the comma-separated words of an annotation.
func words(annotations map[string]any, key string) (out []string) {
	text, _ := annotations[key].(string)
	for w := range strings.SplitSeq(text, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// HookHealth judges the object of a hook: current when it ended well, degraded when it ended in failure. It differs from ObjectHealth in that
// a Job or a Pod is on its way, or paused, until it has really ended, and in that an object that is being deleted still tells how it ended.
func HookHealth(obj map[string]any) Verdict {
	o := object(obj)
	if meta, ok := obj["metadata"].(map[string]any); ok && meta["deletionTimestamp"] != nil {
		meta = maps.Clone(meta)
		delete(meta, "deletionTimestamp")
		o = maps.Clone(o)
		o["metadata"] = meta
	}
	v := ObjectHealth(o)
	ended := true
	switch o.group() + "/" + o.str("kind") {
	case "batch/Job":
		ended = o.condition("Complete").status == "True" || o.condition("Failed").status == "True"
	case "/Pod":
		phase := o.str("status", "phase")
		ended = phase == "Succeeded" || phase == "Failed" ||
			v.Health == protocol.HealthCurrent && (o.str("spec", "restartPolicy") == "Always" || o.str("spec", "restartPolicy") == "")
	}
	if !ended && v.Health != protocol.HealthPaused {
		v.Health = protocol.HealthProgressing
	}
	return v
}
