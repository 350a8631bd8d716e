package fleet

import (
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func podHealth(o object) Verdict {
	switch phase := o.str("status", "phase"); phase {
	case "Succeeded":
		return current("it ended well")
	case "Failed":
		return degraded("it ended in failure: %s", orUnknown(oneLine(o.str("status", "message"))))
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
			return progressing("it cannot be scheduled: %s", c.text())
		}
		return progressing("it is pending")
	default:
		return progressing("its phase is %s", orUnknown(phase))
	}
}

// crashLooping names the first container that waits in CrashLoopBackOff.
func (o object) crashLooping() string {
	for _, c := range o.items("status", "containerStatuses") {
		if c.str("state", "waiting", "reason") == "CrashLoopBackOff" {
			return orUnknown(c.str("name"))
		}
	}
	return ""
}

// PodCause is why a Pod, given as decoded JSON, does not run as it should, as far as its status says. A Pod that does
// has none; nor has one that is being deleted in order.
//
// It is degraded where the node says what will not heal by itself: an image that the registry does not have or whose
// name cannot be, a container that ended three times in a row and is held back, one that may not run as the user it
// asks for.
func PodCause(pod map[string]any, now time.Time) Cause {
	o := object(pod)
	c := o.podCause(now)
	if c.Health == "" {
		return Cause{}
	}
	c.Pod, c.Node = o.str("metadata", "name"), o.str("spec", "nodeName")
	c.Created, _ = o.time("metadata", "creationTimestamp")
	c.Revision = o.revision()
	c.Words = oneLine(c.Words)
	return c
}

// revision is that of the template which the Pod was made of.
func (o object) revision() string {
	labels, _ := o.get("metadata", "labels").(map[string]any)
	for _, key := range [...]string{"pod-template-hash", "pod-template-generation", "controller-revision-hash"} {
		if s, _ := labels[key].(string); s != "" {
			return s
		}
	}
	return ""
}

func (o object) podCause(now time.Time) Cause {
	if o.str("metadata", "deletionTimestamp") != "" {
		if o.nodeLost() {
			return Cause{Health: protocol.HealthProgressing, What: "a pod is to be deleted, and its node is not heard of",
				Next: "bring the node back or, if it is gone for good, delete the Node object"}
		}
		return Cause{}
	}
	switch phase := o.str("status", "phase"); {
	case phase == "Succeeded":
		return Cause{}
	case phase == "Failed":
		return o.failedPod()
	case phase == "Running" && o.nodeLost():
		return Cause{Health: protocol.HealthProgressing, What: "the pod's node is not heard of",
			Next: "bring the node back; pods that can run elsewhere move when its toleration ends, after 5 minutes as a rule"}
	}
	if c := o.condition("PodScheduled"); c.status == "False" {
		return unscheduled(c)
	}
	worst := o.worstContainer(now)
	ready := o.condition("Ready")
	switch {
	case worst.weight() > 1:
		return worst
	case ready.reason == "ReadinessGatesNotReady":
		return Cause{Health: protocol.HealthProgressing, What: "the pod's containers run, and a readiness gate of it is closed", Words: ready.message,
			Next: "see the controller that opens the gate"}
	case worst.Health != "":
		return worst
	case o.str("status", "phase") == "Pending":
		return Cause{Health: protocol.HealthProgressing, What: "the pod is being started", Doubt: DoubtStart}
	}
	return Cause{}
}

// worstContainer is what explains most, init containers first.
func (o object) worstContainer(now time.Time) Cause {
	var worst Cause
	for _, list := range [...]struct{ statuses, specs, word string }{
		{"initContainerStatuses", "initContainers", "init container"},
		{"containerStatuses", "containers", "container"},
	} {
		specs := o.items("spec", list.specs)
		for _, status := range o.items("status", list.statuses) {
			c := container{status: status, word: list.word, now: now, pod: o}
			for _, spec := range specs {
				if spec.str("name") == status.str("name") {
					c.spec = spec
				}
			}
			if found := c.cause(); found.weight() > worst.weight() {
				worst = found
			}
		}
	}
	return worst
}

// nodeLost says whether the node controller has given the Pod's node up: it turns the condition Ready, and leaves the
// reason as it was when the Pod was ready, which is none. A kubelet always gives a reason.
func (o object) nodeLost() bool {
	c := o.condition("Ready")
	return c.status != "" && c.status != "True" && (c.reason == "" || c.reason == "NodeLost" || c.reason == "NodeNotReady")
}

// failedPod is for a Pod that is over, and not well.
func (o object) failedPod() Cause {
	reason, message := o.str("status", "reason"), o.str("status", "message")
	switch {
	case reason == "Evicted":
		return Cause{Health: protocol.HealthProgressing, What: "the pod was evicted by its node", Words: message,
			Next: "give it the requests that it needs, or use a node with more resources"}
	case reason == "DeadlineExceeded":
		return Cause{Health: protocol.HealthProgressing, What: "the pod did not end within its activeDeadlineSeconds", Words: message}
	case reason != "" || message != "":
		return Cause{Health: protocol.HealthProgressing, What: "the pod was ended by its node" + inBrackets(reason),
			Words: message}
	}
	for _, list := range [...]struct{ statuses, word string }{{"initContainerStatuses", "init container"}, {"containerStatuses", "container"}} {
		for _, status := range o.items("status", list.statuses) {
			c := container{status: status, word: list.word, pod: o}
			if t := c.state("state", "terminated"); t != nil && t.numOr(0, "exitCode") != 0 {
				return c.ended(t, "failed", false)
			}
		}
	}
	return Cause{Health: protocol.HealthProgressing, What: "the pod ended in failure"}
}

// inBrackets is a word as it follows others; "" for none.
func inBrackets(word string) string {
	if word == "" {
		return ""
	}
	return " (" + word + ")"
}

// unscheduled is for a Pod without a node, in the scheduler's words.
func unscheduled(c condition) Cause {
	words, _, _ := strings.Cut(c.message, " preemption: ")
	out := Cause{Health: protocol.HealthProgressing, What: "no node takes the pod", Words: strings.TrimSuffix(strings.TrimSpace(words), ".")}
	switch {
	case c.reason == "SchedulingGated":
		out.What, out.Next = "the pod is held back by its scheduling gates", "see the controller that takes them away"
	case strings.Contains(words, "Insufficient") || strings.Contains(words, "Too many pods"):
		out.Next = "add nodes, or have it ask for less"
	case strings.Contains(words, "PersistentVolumeClaim") || strings.Contains(words, "persistentvolumeclaim"):
		out.Next = "see the claims that it mounts"
	case strings.Contains(words, "untolerated taint"):
		out.Next = "take the taint from a node, or give the pod a toleration"
	default:
		out.Next = "add a node that fits, or correct nodeSelector and affinity in Git"
	}
	return out
}
