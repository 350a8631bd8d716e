package ended

import (
	"testing"

	"github.com/drover-dev/drover/agent"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	job := agent.Resource{Group: "batch", Kind: "Job"}
	pod := agent.Resource{Kind: "Pod"}
	const complete = `"conditions":[{"type":"Complete","status":"True","lastTransitionTime":"2026-11-29T10:00:05Z"}]`
	const failed = `"conditions":[{"type":"Failed","status":"True","lastTransitionTime":"2026-11-29T10:00:05Z"}]`
	for _, c := range []struct {
		name string
		res  agent.Resource
		raw  string
		want agent.Outcome
	}{
		{"runs", job, `{"status":{"active":1}}`, agent.OutcomeNone},
		{"not yet", job, `{"status":{"conditions":[{"type":"Complete","status":"False"}]}}`, agent.OutcomeNone},
		{"completed", job, `{"status":{` + complete + `}}`, agent.OutcomeCompleted},
		{"completed, then deleted", job, `{"metadata":{"deletionTimestamp":"2026-11-29T10:00:05Z"},"status":{` + complete + `}}`,
			agent.OutcomeCompleted},
		{"stopped by its deletion", job, `{"metadata":{"deletionTimestamp":"2026-11-29T10:00:04Z"},"status":{` + complete + `}}`,
			agent.OutcomeNone},
		{"failed", job, `{"status":{` + failed + `}}`, agent.OutcomeNone},
		{"failed and cleaned up", job, `{"spec":{"ttlSecondsAfterFinished":0},"status":{` + failed + `}}`, agent.OutcomeFailed},
		{"pod ended", pod, `{"spec":{"restartPolicy":"Never"},"status":{"phase":"Succeeded"}}`, agent.OutcomeCompleted},
		{"pod runs", pod, `{"spec":{"restartPolicy":"Never"},"status":{"phase":"Running"}}`, agent.OutcomeNone},
		{"pod failed", pod, `{"spec":{"restartPolicy":"Never"},"status":{"phase":"Failed"}}`, agent.OutcomeNone},
		{"pod stopped", pod, `{"metadata":{"deletionTimestamp":"x"},"spec":{"restartPolicy":"Never"},"status":{"phase":"Succeeded"}}`,
			agent.OutcomeNone},
		{"pod of a node that shut down", pod, `{"spec":{"restartPolicy":"Always"},"status":{"phase":"Succeeded"}}`, agent.OutcomeNone},
		{"workflow", agent.Resource{Group: "argoproj.io", Kind: "Workflow"}, `{"status":{"phase":"Succeeded"}}`, agent.OutcomeCompleted},
		{"backup", agent.Resource{Group: "velero.io", Kind: "Backup"}, `{"status":{"phase":"Completed"}}`, agent.OutcomeCompleted},
		{"pipeline run", agent.Resource{Group: "tekton.dev", Kind: "PipelineRun"},
			`{"status":{"conditions":[{"type":"Succeeded","status":"True"}]}}`, agent.OutcomeCompleted},
		{"other", agent.Resource{Kind: "Service"}, `{"status":{"phase":"Succeeded"}}`, agent.OutcomeNone},
	} {
		if got := Outcome(c.res, []byte(c.raw)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
