package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/protocol"
)

// conditions are those that an app has on another. s.mu is held.
func (a *app) conditions(name string) (out []protocol.Readiness, instead bool) {
	for _, r := range a.spec.Ready {
		if r.App == name {
			out, instead = append(out, r), instead || r.Instead
		}
	}
	return out, instead
}

// unready says why one of the conditions that a has on d is not met; "" if all are. s.mu is held.
func (s *session) unready(a, d *app, conditions []protocol.Readiness) string {
	for _, r := range conditions {
		program, err := expr.Decode(r.Expression)
		is := false
		if err == nil {
			is, err = program.Bool(map[string]any{"self": s.object(a, r.Self), "dep": s.object(d, r.Dep)})
		}
		switch {
		case err != nil:
			return fmt.Sprintf("waits for app %s, and cannot tell whether it is ready: %v; correct the condition in Git", r.App, err)
		case !is:
			return fmt.Sprintf("waits for app %s until %s", r.App, r.Text)
		}
	}
	return ""
}

// object is an app in the shape that Flux' objects have, over what Git says of it; nil stands for an app that is not there. Its
// generation is that of the bundle. s.mu is held.
func (s *session) object(a *app, inGit json.RawMessage) map[string]any {
	var out struct{ Metadata, Spec map[string]any }
	dec := json.NewDecoder(bytes.NewReader(inGit))
	dec.UseNumber()
	_ = dec.Decode(&out) // what does not decode is not there, and the condition says what it misses
	metadata := map[string]any{"generation": int64(s.accepted.bundle.Generation)}
	maps.Copy(metadata, out.Metadata)
	status := map[string]any{}
	obj := map[string]any{"metadata": metadata, "spec": orEmpty(out.Spec), "status": status}
	if a == nil {
		return obj
	}
	revision := func(hash string) string { return s.accepted.bundle.Revision.Branch + "@sha1:" + hash }
	ready, reason := a.readiness()
	status["lastAttemptedRevision"] = revision(a.spec.Revision)
	if a.plan != nil {
		status["lastAppliedRevision"], status["observedGeneration"] = revision(a.settings.Revision), int64(a.plan.Generation)
	}
	if a.settled() {
		status["observedGeneration"] = metadata["generation"]
	}
	conditions := []any{}
	for _, kind := range [...]string{"Ready", "Healthy"} {
		conditions = append(conditions, map[string]any{"type": kind, "status": ready, "reason": reason, "message": a.message,
			"observedGeneration": status["observedGeneration"]})
	}
	status["conditions"] = conditions
	return obj
}

// settled says whether what the bundle wants the app to be is in force.
func (a *app) settled() bool {
	return a.plan != nil && a.next == nil && a.fetching == "" && !a.unfit.Known()
}

// readiness is the app's phase as Flux would write it into a condition.
func (a *app) readiness() (status, reason string) {
	switch {
	case a.phase == protocol.PhaseHealthy && a.settled():
		return "True", "ReconciliationSucceeded"
	case a.phase == protocol.PhaseFailed:
		return "False", "ReconciliationFailed"
	case a.phase == protocol.PhaseDegraded:
		return "False", "HealthCheckFailed"
	case a.waits != "":
		return "False", "DependencyNotReady"
	}
	return "Unknown", "Progressing"
}

// reconsider has those apps look again that have a condition on a. s.mu is held.
func (s *session) reconsider(ctx context.Context, a *app) {
	for _, other := range s.apps {
		if conditions, _ := other.conditions(a.name); other.next != nil && len(conditions) > 0 {
			s.kick(ctx, other)
		}
	}
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
