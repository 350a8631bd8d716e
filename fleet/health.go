package fleet

import (
	"fmt"
	"math"

	"github.com/drover-dev/drover/protocol"
)

// Verdict is the health of one object and the cause of it, in one line.
type Verdict struct {
	Health  protocol.Health
	Message string
}

// ObjectHealth judges a live object, given as decoded JSON, by the rules of kstatus
// (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus), which test/ holds it against. It
// differs where kstatus calls something current that a person on call would not: a Job that still runs is
// progressing (as in Flux), and a Pod that ended in failure is degraded (as in Argo CD).
//
// It reads nothing but the object. Hostile shapes give unknown or progressing, never a panic.
func ObjectHealth(obj map[string]any) Verdict {
	o := object(obj)
	if v, done := o.generic(); done {
		return v
	}
	if rule, ok := healthRules[o.group()+"/"+o.str("kind")]; ok {
		return rule(o)
	}
	return o.readyCondition()
}

// HasHealth says whether objects of a kind have a health beyond being there. For those that do not, the
// agent needs no more than their metadata.
func HasHealth(ref protocol.ObjectRef) bool {
	switch ref.Group {
	case "":
		switch ref.Kind {
		case "Pod", "PersistentVolumeClaim", "Service", "ReplicationController", "Namespace":
			return true
		}
		return false
	case "rbac.authorization.k8s.io", "admissionregistration.k8s.io", "scheduling.k8s.io", "storage.k8s.io",
		"node.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io":
		return false
	case "networking.k8s.io":
		return false // Ingress and NetworkPolicy say nothing in kstatus' terms
	case "batch":
		return ref.Kind != "CronJob"
	}
	return true
}

var healthRules = map[string]func(object) Verdict{
	"/Service":                   serviceHealth,
	"/Pod":                       podHealth,
	"/PersistentVolumeClaim":     claimHealth,
	"apps/StatefulSet":           statefulSetHealth,
	"apps/DaemonSet":             daemonSetHealth,
	"apps/Deployment":            deploymentHealth,
	"apps/ReplicaSet":            replicaSetHealth,
	"policy/PodDisruptionBudget": alwaysCurrent,
	"batch/CronJob":              alwaysCurrent,
	"/Secret":                    alwaysCurrent,
	"/ConfigMap":                 alwaysCurrent,
	"batch/Job":                  jobHealth,
	"apiextensions.k8s.io/CustomResourceDefinition": definitionHealth,
}

func current(format string, args ...any) Verdict {
	return Verdict{protocol.HealthCurrent, fmt.Sprintf(format, args...)}
}

func progressing(format string, args ...any) Verdict {
	return Verdict{protocol.HealthProgressing, fmt.Sprintf(format, args...)}
}

func degraded(format string, args ...any) Verdict {
	return Verdict{protocol.HealthDegraded, fmt.Sprintf(format, args...)}
}

func alwaysCurrent(object) Verdict { return current("it is there") }

// generic holds for every kind, and comes first.
func (o object) generic() (Verdict, bool) {
	if o.str("metadata", "deletionTimestamp") != "" {
		return progressing("it is being deleted"), true
	}
	want, ok := o.num("metadata", "generation")
	if seen, ok2 := o.num("status", "observedGeneration"); ok && ok2 && seen != want {
		return progressing("its controller has not seen the last change yet"), true
	}
	for _, c := range o.conditions() {
		if c.kind == "Reconciling" && c.status == "True" {
			return progressing("%s", c.text()), true
		}
		if c.kind == "Stalled" && c.status == "True" {
			return degraded("%s", c.text()), true
		}
	}
	return Verdict{}, false
}

// readyCondition is for kinds without a rule of their own.
func (o object) readyCondition() Verdict {
	c := o.condition("Ready")
	switch c.status {
	case "True":
		return current("it is ready")
	case "False", "Unknown":
		return progressing("%s", c.text())
	}
	return current("it is there")
}

func statefulSetHealth(o object) Verdict {
	if o.str("spec", "updateStrategy", "type") == "OnDelete" {
		return current("updated by hand (OnDelete)")
	}
	want := o.numOr(1, "spec", "replicas")
	have, ready, updated := o.numOr(0, "status", "replicas"), o.numOr(0, "status", "readyReplicas"), o.numOr(0, "status", "updatedReplicas")
	switch {
	case want > have:
		return progressing("%d of %d pods exist", have, want)
	case want > ready:
		return progressing("%d of %d pods are ready", ready, want)
	case have > want:
		return progressing("%d pods have yet to end", have-want)
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
		return degraded("its progress deadline passed: %s", p.message)
	}
	deadline := o.numOr(math.MaxInt32, "spec", "progressDeadlineSeconds") // this many is how the API writes none
	settled := deadline == math.MaxInt32 || p.status == "True" && p.reason == "NewReplicaSetAvailable"
	want := o.numOr(1, "spec", "replicas")
	have, updated := o.numOr(0, "status", "replicas"), o.numOr(0, "status", "updatedReplicas")
	ready, available := o.numOr(0, "status", "readyReplicas"), o.numOr(0, "status", "availableReplicas")
	switch {
	case want > have:
		return progressing("%d of %d pods exist", have, want)
	case want > updated:
		return progressing("%d of %d pods are updated", updated, want)
	case have > want:
		return progressing("%d old pods have yet to end", have-want)
	case updated > available:
		return progressing("%d of %d pods are available", available, updated)
	case want > ready:
		return progressing("%d of %d pods are ready", ready, want)
	case !settled:
		return progressing("its new ReplicaSet is not available yet")
	case o.condition("Available").status != "True":
		return progressing("it is not available yet")
	}
	return current("%d of %d pods are ready", ready, want)
}

func replicaSetHealth(o object) Verdict {
	if c := o.condition("ReplicaFailure"); c.status == "True" {
		return progressing("%s", c.text())
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
	for _, f := range [...]struct{ field, what string }{
		{"currentNumberScheduled", "scheduled"}, {"updatedNumberScheduled", "updated"},
		{"numberAvailable", "available"}, {"numberReady", "ready"},
	} {
		if n := o.numOr(0, "status", f.field); want > n {
			return progressing("%d of %d pods are %s", n, want, f.what)
		}
	}
	return current("%d of %d pods are ready", want, want)
}

func claimHealth(o object) Verdict {
	if phase := o.str("status", "phase"); phase != "Bound" {
		return progressing("the claim is not bound (%s)", orUnknown(phase))
	}
	return current("the claim is bound")
}

func podHealth(o object) Verdict {
	switch phase := o.str("status", "phase"); phase {
	case "Succeeded":
		return current("it ended well")
	case "Failed":
		return degraded("it ended in failure: %s", orUnknown(o.str("status", "message")))
	case "Running":
		if o.condition("Ready").status == "True" {
			return current("it is ready")
		}
		if name := o.crashLooping(); name != "" {
			return degraded("container %s crashes again and again", name)
		}
		return progressing("it runs but is not ready")
	case "Pending":
		if c := o.condition("PodScheduled"); c.status == "False" && c.reason == "Unschedulable" {
			return progressing("it cannot be scheduled: %s", c.message)
		}
		return progressing("it is pending")
	default:
		return progressing("its phase is %s", orUnknown(phase))
	}
}

// crashLooping names the first container that waits in CrashLoopBackOff.
func (o object) crashLooping() string {
	list, _ := o.get("status", "containerStatuses").([]any)
	for _, item := range list {
		m, _ := item.(map[string]any)
		if object(m).str("state", "waiting", "reason") == "CrashLoopBackOff" {
			return orUnknown(object(m).str("name"))
		}
	}
	return ""
}

func jobHealth(o object) Verdict {
	if c := o.condition("Complete"); c.status == "True" {
		return current("it completed")
	}
	if c := o.condition("Failed"); c.status == "True" {
		return degraded("it failed: %s", c.text())
	}
	if o.str("status", "startTime") == "" {
		return progressing("it has not started")
	}
	return progressing("it runs (%d active, %d failed)", o.numOr(0, "status", "active"), o.numOr(0, "status", "failed"))
}

func serviceHealth(o object) Verdict {
	if o.str("spec", "type") == "LoadBalancer" && o.str("spec", "clusterIP") == "" {
		return progressing("it has no address yet")
	}
	return current("it is there")
}

func definitionHealth(o object) Verdict {
	if c := o.condition("NamesAccepted"); c.status == "False" {
		return degraded("its names are not accepted: %s", c.text())
	}
	switch c := o.condition("Established"); {
	case c.status == "True":
		return current("it is established")
	case c.status == "False" && c.reason != "Installing":
		return degraded("it is not established: %s", c.text())
	}
	return progressing("it is being installed")
}
