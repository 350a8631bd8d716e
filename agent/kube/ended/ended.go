// Package ended says of objects that run once how they have ended. It is pure.
//
// It may import agent.
package ended

import (
	"encoding/json"
	"slices"

	"github.com/drover-dev/drover/agent"
)

// runnable is what is read of an object that runs once.
type runnable struct {
	Metadata struct{ DeletionTimestamp string }
	Spec     struct {
		RestartPolicy           string
		TTLSecondsAfterFinished *int64
	}
	Status struct {
		Phase      string
		Conditions []struct{ Type, Status, LastTransitionTime string }
	}
}

// runsOnce are the kinds whose objects end, and may be cleaned up afterwards, with the phase that says so; "" for the
// condition Succeeded.
var runsOnce = map[string]string{
	"batch/Job": "", "/Pod": "Succeeded", "argoproj.io/Workflow": "Succeeded", "velero.io/Backup": "Completed",
	"velero.io/Restore": "Completed", "tekton.dev/PipelineRun": "", "tekton.dev/TaskRun": "", "tekton.dev/CustomRun": "",
}

// Outcome says how an object has ended.
func Outcome(res agent.Resource, raw []byte) agent.Outcome {
	phase, once := runsOnce[res.Group+"/"+res.Kind]
	var r runnable
	if !once || json.Unmarshal(raw, &r) != nil {
		return agent.OutcomeNone
	}
	deleted := r.Metadata.DeletionTimestamp
	switch {
	case res.Group == "batch":
		return r.job()
	case res.Group == "" && (deleted != "" || r.Spec.RestartPolicy == "Always"):
		// A Pod that is stopped may end well, too.
	case phase != "" && r.Status.Phase == phase, phase == "" && r.condition("Succeeded", ""):
		return agent.OutcomeCompleted
	}
	return agent.OutcomeNone
}

// job says how a Job has ended, unless that was after it was deleted: its pods are stopped then.
func (r *runnable) job() agent.Outcome {
	deleted := r.Metadata.DeletionTimestamp
	switch {
	case r.condition("Complete", deleted):
		return agent.OutcomeCompleted
	case r.condition("Failed", deleted) && r.Spec.TTLSecondsAfterFinished != nil:
		return agent.OutcomeFailed
	}
	return agent.OutcomeNone
}

// condition says whether a condition is true, and has become so by a time; "" for any time.
func (r *runnable) condition(kind, by string) bool {
	return slices.ContainsFunc(r.Status.Conditions, func(c struct{ Type, Status, LastTransitionTime string }) bool {
		return c.Type == kind && c.Status == "True" && (by == "" || c.LastTransitionTime <= by)
	})
}
