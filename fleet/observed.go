package fleet

import "strconv"

// Unsettled gives the verdict on an object that says nothing of itself yet, whatever its kind: it is being deleted,
// or its controller has not seen its last change.
func Unsettled(obj map[string]any) (Verdict, bool) {
	o := object(obj)
	switch {
	case o.str("metadata", "deletionTimestamp") != "":
		return progressing("it is being deleted"), true
	case o.unobserved():
		return progressing("its controller has not seen the last change yet"), true
	case o.unobservedWorkload():
		return progressing("its controller has not seen the last change of the %s %s yet",
			o.str("spec", "workloadRef", "kind"), o.str("spec", "workloadRef", "name")), true
	}
	return Verdict{}, false
}

// unobserved says whether the status is of another generation than the object.
func (o object) unobserved() bool {
	want, ok := o.num("metadata", "generation")
	if !ok {
		return false
	}
	if seen, ok := o.num("status", "observedGeneration"); ok {
		return seen != want
	}
	// That of Argo Rollouts is text; before 1.0 it was a hash, which may look like a number.
	if text := o.str("status", "observedGeneration"); text != "" {
		seen, err := strconv.ParseInt(text, 10, 64)
		return err == nil && seen < want
	}
	seen, ok := o.stamped()
	return ok && seen < want
}

// stamped is the newest generation that the conditions are of, for kinds that have it nowhere else and whose
// controllers write it with every look. Of others it cannot be told whether a condition is old, or was only not
// touched.
func (o object) stamped() (newest int64, ok bool) {
	conditions := o.items("status", "conditions")
	switch o.group() {
	case "cert-manager.io":
	case "gateway.networking.k8s.io":
		for _, field := range [...]string{"parents", "ancestors"} {
			for _, p := range o.items("status", field) {
				conditions = append(conditions, p.items("conditions")...)
			}
		}
	default:
		return 0, false
	}
	for _, c := range conditions {
		if n, has := c.num("observedGeneration"); has {
			newest, ok = max(newest, n), true
		}
	}
	return newest, ok
}

// unobservedWorkload says whether a Rollout has not seen the last change of the workload that it takes its pods from:
// the controller writes down the generation of both.
func (o object) unobservedWorkload() bool {
	if o.group() != "argoproj.io" || o.str("kind") != "Rollout" || o.get("spec", "workloadRef") == nil {
		return false
	}
	want := o.str("metadata", "annotations", "rollout.argoproj.io/workload-generation")
	seen := o.str("status", "workloadObservedGeneration")
	return want != "" && seen != "" && want != seen
}
