package fleet

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Event is what a Kubernetes Event says of the object that it is about.
type Event struct {
	Reason, Message string
	Warning         bool
	At              time.Time // last seen
}

// ReadEvent reads an Event of v1, given as decoded JSON.
func ReadEvent(event map[string]any) Event {
	o := object(event)
	e := Event{Reason: o.str("reason"), Message: o.str("message"), Warning: o.str("type") == "Warning"}
	for _, path := range [...][]string{{"series", "lastObservedTime"}, {"lastTimestamp"}, {"eventTime"}, {"metadata", "creationTimestamp"}} {
		if at, ok := o.time(path...); ok {
			e.At = at
			break
		}
	}
	return e
}

// Topic tells events apart that have one reason: the probes of a Pod.
func (e Event) Topic() string {
	if e.Reason == "Unhealthy" {
		probe, _, _ := strings.Cut(e.Message, " ")
		return e.Reason + " " + probe
	}
	return e.Reason
}

// heard is what the reason of an event means, and what to do.
var heard = map[string]struct{ what, next string }{
	"FailedScheduling":       {"no node takes the pod", "add a node that fits, or have it ask for less"},
	"FailedMount":            {"a volume of the pod cannot be mounted", "add what is missing, or correct the volume in Git; Kubernetes retries"},
	"FailedAttachVolume":     {"a volume of the pod cannot be attached to its node", "see which node still has the volume, and the storage driver"},
	"FailedMapVolume":        {"a volume of the pod cannot be mapped", "see the storage driver"},
	"FailedCreatePodSandBox": {"the node cannot set up a sandbox for the pod", "see the node's network plugin and container runtime"},
	"NetworkNotReady":        {"the node has no network yet", "see the node's network plugin"},
	"Failed":                 {"the node cannot start the pod", "correct it in Git; Kubernetes retries"},
	"FailedPostStartHook":    {"the pod's postStart hook fails", "correct the hook in Git"},
	"NodeNotReady":           {"the node is not ready", "bring the node back"},
	"FailedBinding":          {"no volume fits", "name a storageClassName in Git, or make a volume"},
	"ProvisioningFailed":     {"its volume cannot be made", "correct its storageClassName, or see the storage driver"},
	"ExternalProvisioning":   {"the storage driver has yet to make its volume", "see that the driver runs"},
	"VolumeResizeFailed":     {"its volume cannot be resized", "see the storage driver"},
}

// Hear finds the reason in events where a status does not tell it: the newest that matters. What a cause says already
// stays, but for a container that was killed: whether a probe did it, events alone know.
func (c Cause) Hear(events []Event) Cause {
	events = slices.Clone(events)
	sort.SliceStable(events, func(i, j int) bool { return events[i].At.After(events[j].At) })
	for _, e := range events {
		if next, ok := c.unhealthy(e); ok {
			return next
		}
		if e.Reason == "Unhealthy" && e.Warning || c.Doubt != DoubtStart {
			continue
		}
		switch says, known := heard[e.Reason]; {
		case e.Reason == "WaitForFirstConsumer":
			c.Health, c.Doubt = protocol.HealthCurrent, NoDoubt
			c.What = "it gets its volume with the first pod that uses it (WaitForFirstConsumer)"
			return c
		case e.Reason == "FailedCreate":
			v := notCreated(e.Message)
			c.Health, c.What, c.Doubt = v.Health, v.Message, NoDoubt
			return c
		case known && (e.Warning || e.Reason == "ExternalProvisioning"):
			c.What, c.Words, c.Next, c.Doubt = says.what, oneLine(e.Message), says.next, NoDoubt
			return c
		}
	}
	return c
}

// unhealthy is for an event of a probe.
func (c Cause) unhealthy(e Event) (Cause, bool) {
	probe, _, _ := strings.Cut(e.Message, " ") // "Readiness probe failed: …"
	switch {
	case e.Reason != "Unhealthy" || !e.Warning:
		return c, false
	case c.Doubt == DoubtKilled && (probe == "Liveness" || probe == "Startup"):
		c.Words, c.Output = oneLine(e.Message), nil
	case c.Doubt == DoubtProbe:
		c.Words = oneLine(e.Message)
	default:
		return c, false
	}
	c.Doubt, c.Next = NoDoubt, "see why it does not answer, or correct the probe in Git"
	return c, true
}
