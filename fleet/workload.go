package fleet

import (
	"math"
	"strings"
)

func statefulSetHealth(o object) Verdict {
	want := o.numOr(1, "spec", "replicas")
	have, ready, updated := o.numOr(0, "status", "replicas"), o.numOr(0, "status", "readyReplicas"), o.numOr(0, "status", "updatedReplicas")
	switch {
	case want > have:
		return progressing("%d of %d pods exist", have, want)
	case want > ready:
		return progressing("%d of %d pods are ready", ready, want)
	case have > want:
		return progressing("%d pods have yet to end", have-want)
	case o.str("spec", "updateStrategy", "type") == "OnDelete":
		return current("%d of %d pods are ready; they are updated by hand (OnDelete)", ready, want)
	}
	if partition, ok := o.num("spec", "updateStrategy", "rollingUpdate", "partition"); ok {
		if updated < want-partition {
			return progressing("%d of %d pods are updated", updated, want-partition)
		}
		return current("%d pods are updated up to the partition", updated)
	}
	if n := o.numOr(0, "status", "currentReplicas"); want > n {
		return progressing("%d of %d pods are current", n, want)
	}
	if o.str("status", "currentRevision") != o.str("status", "updateRevision") {
		return progressing("the update is not complete yet")
	}
	return current("%d of %d pods are ready", ready, want)
}

func deploymentHealth(o object) Verdict {
	p := o.condition("Progressing")
	if p.reason == "ProgressDeadlineExceeded" {
		return degraded("its progress deadline passed: %s", p.text())
	}
	if c := o.condition("ReplicaFailure"); c.status == "True" {
		return notCreated(c.text())
	}
	deadline := o.numOr(math.MaxInt32, "spec", "progressDeadlineSeconds") // this many is how the API writes none
	settled := deadline == math.MaxInt32 || p.status == "True" && p.reason == "NewReplicaSetAvailable"
	isPaused := o.get("spec", "paused") == true
	want := o.numOr(1, "spec", "replicas")
	have, updated := o.numOr(0, "status", "replicas"), o.numOr(0, "status", "updatedReplicas")
	ready, available := o.numOr(0, "status", "readyReplicas"), o.numOr(0, "status", "availableReplicas")
	switch {
	case want > have:
		return progressing("%d of %d pods exist", have, want)
	case isPaused && want > updated && want <= min(ready, available):
		return paused("its update is paused (spec.paused) with %d of %d pods updated: it waits for a person to remove that", updated, want)
	case isPaused && want <= min(ready, available):
		return current("%d of %d pods are ready; it is paused, with all of them updated", ready, want)
	case want > updated && !isPaused:
		return progressing("%d of %d pods are updated", updated, want)
	case have > want && !isPaused:
		return progressing("%d old pods have yet to end", have-want)
	case updated > available:
		return progressing("%d of %d pods are available", available, updated)
	case want > ready:
		return progressing("%d of %d pods are ready", ready, want)
	case !settled && !isPaused:
		return progressing("its new ReplicaSet is not available yet")
	case o.condition("Available").status != "True":
		return progressing("it is not available yet")
	}
	return current("%d of %d pods are ready", ready, want)
}

func replicaSetHealth(o object) Verdict {
	if c := o.condition("ReplicaFailure"); c.status == "True" {
		return notCreated(c.text())
	}
	want := o.numOr(1, "spec", "replicas")
	have, labelled := o.numOr(0, "status", "replicas"), o.numOr(0, "status", "fullyLabeledReplicas")
	ready, available := o.numOr(0, "status", "readyReplicas"), o.numOr(0, "status", "availableReplicas")
	switch {
	case want > labelled:
		return progressing("%d of %d pods are labelled", labelled, want)
	case want > available:
		return progressing("%d of %d pods are available", available, want)
	case want > ready:
		return progressing("%d of %d pods are ready", ready, want)
	case have > want:
		return progressing("%d pods have yet to end", have-want)
	}
	return current("%d of %d pods are ready", ready, want)
}

func daemonSetHealth(o object) Verdict {
	_, generated := o.num("metadata", "generation")
	_, observed := o.num("status", "observedGeneration")
	want, counted := o.num("status", "desiredNumberScheduled")
	if !generated || !observed || !counted {
		return progressing("its controller has not seen it yet")
	}
	byHand := o.str("spec", "updateStrategy", "type") == "OnDelete"
	for _, f := range [...]struct{ field, what string }{
		{"currentNumberScheduled", "scheduled"}, {"updatedNumberScheduled", "updated"},
		{"numberAvailable", "available"}, {"numberReady", "ready"},
	} {
		if n := o.numOr(0, "status", f.field); want > n && !(byHand && f.what == "updated") {
			return progressing("%d of %d pods are %s", n, want, f.what)
		}
	}
	if byHand {
		return current("%d of %d pods are ready; they are updated by hand (OnDelete)", want, want)
	}
	return current("%d of %d pods are ready", want, want)
}

// notCreated is why a controller cannot create pods, in the API server's words. A policy refuses until a user
// changes something; a quota may become free.
func notCreated(words string) Verdict {
	for _, before := range [...]string{" failed error: ", "Error creating: ", " is forbidden: "} { // what controllers put before them
		if _, rest, ok := strings.Cut(words, before); ok {
			words = rest
		}
	}
	words = oneLine(words)
	switch {
	case strings.Contains(words, "violates PodSecurity"):
		return degraded("its pods are refused by the namespace's Pod Security level: %s; meet the level in the pod template, or change the namespace's label", words)
	case strings.Contains(words, "denied the request"):
		return degraded("its pods are refused by an admission policy: %s; change the pod template or the policy", words)
	case strings.Contains(words, "exceeded quota"):
		return progressing("its pods exceed a quota of the namespace: %s; raise the ResourceQuota or ask for less", words)
	case strings.Contains(words, "failed quota"):
		return progressing("its pods lack what a quota of the namespace asks for: %s; set requests and limits in the pod template", words)
	case strings.Contains(words, "serviceaccount") && strings.Contains(words, "not found"):
		return progressing("its pods cannot be created, for their ServiceAccount is not there: %s; add it to Git", words)
	}
	return progressing("its pods cannot be created: %s", words)
}
