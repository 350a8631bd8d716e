package fleet

import (
	"fmt"

	"github.com/drover-dev/drover/protocol"
)

// Verdict is the health of one object and the cause of it, in one line.
type Verdict struct {
	Health  protocol.Health
	Message string
}

// ObjectHealth judges a live object, given as decoded JSON, by the rules of kstatus
// (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus), which test/kstatus holds it against. It
// differs, as listed there, where kstatus calls something current that a person on call would not (a Job that still
// runs, a Pod that ended in failure, a CronJob whose last run failed, an autoscaler without metrics), and where it waits
// for what nobody is going to do (the update of pods that are updated by hand). What waits for a person or a time is
// paused: an update that is paused, a Job that is suspended.
//
// Degraded is only what will not heal by itself. What may heal is progressing, with its cause, and the app's timeout
// decides. An Ingress is current when it is there: many controllers never write an address, and to wait for one, as
// Argo CD does, waits for ever.
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
	"policy/PodDisruptionBudget": budgetHealth,
	"batch/CronJob":              cronJobHealth,
	"/Secret":                    alwaysCurrent,
	"/ConfigMap":                 alwaysCurrent,
	"batch/Job":                  jobHealth,
	"apiextensions.k8s.io/CustomResourceDefinition": definitionHealth,
	"apiregistration.k8s.io/APIService":             apiServiceHealth,
	"autoscaling/HorizontalPodAutoscaler":           autoscalerHealth,
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

func paused(format string, args ...any) Verdict {
	return Verdict{protocol.HealthPaused, fmt.Sprintf(format, args...)}
}

func alwaysCurrent(object) Verdict { return current("it is there") }

// generic holds for every kind, and comes first.
func (o object) generic() (Verdict, bool) {
	if v, ok := Unsettled(o); ok {
		return v, true
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

func claimHealth(o object) Verdict {
	switch phase := o.str("status", "phase"); phase {
	case "Bound":
		return current("the claim is bound")
	case "Lost":
		return degraded("its volume %s is gone, and what was on it: restore the volume, or delete the claim: a new one is created, empty", o.str("spec", "volumeName"))
	default:
		return progressing("the claim is not bound (%s)", orUnknown(phase))
	}
}

// budgetHealth: that a budget allows no disruption now is what it is for.
func budgetHealth(o object) Verdict {
	if c := o.condition("DisruptionAllowed"); c.status == "False" && c.reason == "SyncFailed" {
		return progressing("the pods that it protects cannot be determined, so none is evicted: %s", c.text())
	}
	return current("it is there")
}

// apiServiceHealth: kubectl and the garbage collector stumble over an API that nobody serves.
func apiServiceHealth(o object) Verdict {
	if c := o.condition("Available"); c.status != "True" {
		return progressing("its API is not served: %s", orUnknown(c.text()))
	}
	return current("its API is served")
}

func autoscalerHealth(o object) Verdict {
	able, active := o.condition("AbleToScale"), o.condition("ScalingActive")
	switch {
	case able.status == "False":
		return progressing("it cannot scale its target: %s", able.text())
	case active.status == "False" && active.reason == "ScalingDisabled":
		return current("scaling is switched off, because its target has 0 replicas")
	case active.status == "False" && (active.reason == "InvalidMetricSourceType" || active.reason == "InvalidSelector" || active.reason == "AmbiguousSelector"):
		return degraded("it does not scale: %s; correct it in Git", active.text())
	case active.status == "False":
		return progressing("it does not scale, for it has no metrics: %s; see that metrics-server, or the adapter of the metric, runs, and that the pods have resource requests", active.text())
	case able.status == "":
		return progressing("its controller has not looked at it yet")
	}
	return current("it scales (%d replicas)", o.numOr(0, "status", "currentReplicas"))
}
