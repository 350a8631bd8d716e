package fleet

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// PausedFor says for whom or until when an object waits that was found to be paused, and what to do; "" if it does not say so in a
// way that is known here. obj is decoded JSON.
func PausedFor(obj map[string]any) string {
	o := object(obj)
	switch o.group() + "/" + o.str("kind") {
	case "argoproj.io/Rollout":
		return o.pausedRollout()
	case "argoproj.io/Workflow":
		return fmt.Sprintf("it is suspended, and waits for a person or a time: argo resume %s -n %s", o.str("metadata", "name"), o.str("metadata", "namespace"))
	case "flagger.app/Canary":
		return o.pausedCanary()
	case "infra.contrib.fluxcd.io/Terraform":
		plan := o.str("status", "plan", "pending")
		return fmt.Sprintf("the plan %s waits for a person: read it, and set spec.approvePlan to its name in Git", plan)
	}
	return ""
}

// pausedRollout: the reasons are those of Argo Rollouts' API (pkg/apis/rollouts/v1alpha1, PauseReason).
func (o object) pausedRollout() string {
	promote := fmt.Sprintf("kubectl argo rollouts promote %s -n %s", o.str("metadata", "name"), o.str("metadata", "namespace"))
	if o.get("spec", "paused") == true {
		return "it waits for a person: remove spec.paused"
	}
	for _, c := range o.items("status", "pauseConditions") {
		since := c.str("startTime")
		switch reason := c.str("reason"); reason {
		case "CanaryPauseStep":
			at, pause := o.rolloutStep()
			return pausedUntil("it is paused "+at, pause, since, promote)
		case "BlueGreenPause":
			return pausedUntil("the new version is not active yet: it is paused", o.get("spec", "strategy", "blueGreen", "autoPromotionSeconds"), since, promote)
		case "InconclusiveAnalysisRun", "InconclusiveExperiment":
			return pausedUntil("its analysis is inconclusive: it is paused", nil, since, promote+" to go on, or abort in its place")
		default:
			return pausedUntil("it is paused ("+oneLine(reason)+")", nil, since, promote)
		}
	}
	return pausedUntil("it is paused", nil, "", promote)
}

// rolloutStep is the step of a canary at which it is, in words, and the duration of the pause there; nil if it has none.
func (o object) rolloutStep() (at string, duration any) {
	steps := o.items("spec", "strategy", "canary", "steps")
	n, ok := o.num("status", "currentStepIndex")
	if !ok || n < 0 || n >= int64(len(steps)) {
		return "at a step", nil
	}
	at = fmt.Sprintf("at step %d of %d", n+1, len(steps))
	if weight, ok := o.num("status", "canary", "weights", "canary", "weight"); ok {
		at += fmt.Sprintf(" with weight %d %%", weight)
	}
	return at, steps[n].get("pause", "duration")
}

// pausedUntil says until when something is paused, if that follows from when it began and how long that is to last; or for whom.
func pausedUntil(what string, duration any, since, otherwise string) string {
	start, err := time.Parse(time.RFC3339, since)
	if d, ok := seconds(duration); ok && err == nil {
		return fmt.Sprintf("%s until %s", what, start.Add(d).UTC().Format(time.RFC3339))
	}
	if err == nil {
		what += " since " + start.UTC().Format(time.RFC3339)
	}
	return what + " and waits for a person: " + otherwise
}

// seconds reads a duration as Argo Rollouts writes it: a number of seconds, also as text, or text such as 10m.
func seconds(v any) (time.Duration, bool) {
	if text, ok := v.(string); ok {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return time.Duration(n) * time.Second, n > 0
		}
		d, err := time.ParseDuration(text)
		return d, err == nil && d > 0
	}
	n, ok := object{"n": v}.num("n")
	return time.Duration(n) * time.Second, ok && n > 0
}

// pausedCanary: a webhook holds it back until it answers 200.
func (o object) pausedCanary() string {
	hook := "confirm-rollout"
	if o.str("status", "phase") == "WaitingPromotion" {
		hook = "confirm-promotion"
	}
	var names []string
	for _, w := range o.items("spec", "analysis", "webhooks") {
		if w.str("type") == hook {
			names = append(names, w.str("name"))
		}
	}
	if len(names) > 0 {
		hook += " (" + strings.Join(names, ", ") + ")"
	}
	return oneLine("it waits for its webhook " + hook + " to let it go on")
}
