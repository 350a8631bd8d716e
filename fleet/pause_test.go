package fleet

import (
	"encoding/json"
	"testing"
)

// TestPausedForWhomOrUntilWhen has the pauses of each kind that is known.
func TestPausedForWhomOrUntilWhen(t *testing.T) {
	const promote = "kubectl argo rollouts promote web -n shop"
	rollout := func(spec, status string) string {
		return `{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"web","namespace":"shop"},"spec":{` + spec + `},"status":{` + status + `}}`
	}
	paused := func(reason string) string {
		return `"pauseConditions":[{"reason":"` + reason + `","startTime":"2026-11-03T14:02:00+01:00"}]`
	}
	steps := func(pause string) string {
		return `"strategy":{"canary":{"steps":[{"setWeight":20},{"pause":` + pause + `},{"setWeight":40}]}}`
	}
	atStep := paused("CanaryPauseStep") + `,"currentStepIndex":1,"canary":{"weights":{"canary":{"weight":20}}}`
	for object, want := range map[string]string{
		rollout(steps(`{}`), atStep):                                                                                 "it is paused at step 2 of 3 with weight 20 % since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{"duration":"1h"}`), atStep):                                                                  "it is paused at step 2 of 3 with weight 20 % until 2026-11-03T14:02:00Z",
		rollout(steps(`{"duration":"90"}`), atStep):                                                                  "it is paused at step 2 of 3 with weight 20 % until 2026-11-03T13:03:30Z",
		rollout(steps(`{"duration":600}`), atStep):                                                                   "it is paused at step 2 of 3 with weight 20 % until 2026-11-03T13:12:00Z",
		rollout(steps(`{"duration":"soon"}`), atStep):                                                                "it is paused at step 2 of 3 with weight 20 % since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{"duration":0}`), atStep):                                                                     "it is paused at step 2 of 3 with weight 20 % since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{"duration":"0"}`), atStep):                                                                   "it is paused at step 2 of 3 with weight 20 % since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{"duration":"0s"}`), atStep):                                                                  "it is paused at step 2 of 3 with weight 20 % since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{}`), paused("CanaryPauseStep")):                                                              "it is paused at a step since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(``, paused("CanaryPauseStep")+`,"currentStepIndex":0`):                                               "it is paused at a step since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{}`), paused("CanaryPauseStep")+`,"currentStepIndex":-1`):                                     "it is paused at a step since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{}`), paused("CanaryPauseStep")+`,"currentStepIndex":0`):                                      "it is paused at step 1 of 3 since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{}`), paused("CanaryPauseStep")+`,"currentStepIndex":3`):                                      "it is paused at a step since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(``, paused("BlueGreenPause")):                                                                        "the new version is not active yet: it is paused since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(`"strategy":{"blueGreen":{"autoPromotionSeconds":30}}`, paused("BlueGreenPause")):                    "the new version is not active yet: it is paused until 2026-11-03T13:02:30Z",
		rollout(``, paused("InconclusiveAnalysisRun")):                                                               "its analysis is inconclusive: it is paused since 2026-11-03T13:02:00Z and waits for a person: " + promote + " to go on, or abort in its place",
		rollout(``, paused("InconclusiveExperiment")):                                                                "its analysis is inconclusive: it is paused since 2026-11-03T13:02:00Z and waits for a person: " + promote + " to go on, or abort in its place",
		rollout(``, paused("Tomorrow")):                                                                              "it is paused (Tomorrow) since 2026-11-03T13:02:00Z and waits for a person: " + promote,
		rollout(steps(`{"duration":"1h"}`), `"currentStepIndex":1,"pauseConditions":[{"reason":"CanaryPauseStep"}]`): "it is paused at step 2 of 3 and waits for a person: " + promote,
		rollout(``, `"phase":"Paused"`):                                                                              "it is paused and waits for a person: " + promote,
		rollout(`"paused":true`, atStep):                                                                             "it waits for a person: remove spec.paused",
		`{"apiVersion":"argoproj.io/v1alpha1","kind":"Workflow","metadata":{"name":"w","namespace":"shop"}}`:         "it is suspended, and waits for a person or a time: argo resume w -n shop",
		`{"apiVersion":"flagger.app/v1beta1","kind":"Canary","status":{"phase":"Waiting"}}`:                          "it waits for its webhook confirm-rollout to let it go on",
		`{"apiVersion":"flagger.app/v1beta1","kind":"Canary","spec":{"analysis":{"webhooks":[{"type":"confirm-promotion","name":"gate"},{"type":"rollout","name":"load"},` +
			`{"type":"confirm-promotion","name":"person"}]}},"status":{"phase":"WaitingPromotion"}}`: "it waits for its webhook confirm-promotion (gate, person) to let it go on",
		`{"apiVersion":"infra.contrib.fluxcd.io/v1alpha2","kind":"Terraform","status":{"plan":{"pending":"plan-main-1"}}}`: "the plan plan-main-1 waits for a person: read it, and set spec.approvePlan to its name in Git",
		`{"apiVersion":"apps/v1","kind":"Deployment"}`:                                                                     "",
		`{}`: "",
	} {
		var obj map[string]any
		if err := json.Unmarshal([]byte(object), &obj); err != nil {
			t.Fatal(object, err)
		}
		if got := PausedFor(obj); got != want {
			t.Errorf("%s\n\tis  %s\n\tnot %s", object, got, want)
		}
	}
}
