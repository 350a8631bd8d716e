package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
)

// argoJob is a Job as the documentation of Argo CD writes its hooks: without a name, and without a word on what Drover is.
func argoJob(name, annotations string) string {
	return fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata:
  generateName: %s-
  annotations: {%s}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: alpine:3, command: [sleep, "10"]}]
  backoffLimit: 0
`, name, annotations)
}

// The example that Argo CD's documentation gives for waves and hooks together: the schema first, then the backend, a maintenance page while the
// frontend changes, and a test and a message in the end.
func TestArgoCDsExampleRunsAsItIs(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	app := hub.App(t, "guestbook",
		argoJob("page-down", `argocd.argoproj.io/hook: Sync, argocd.argoproj.io/sync-wave: "3"`),
		argoJob("message", `argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded, argocd.argoproj.io/sync-wave: "1"`),
		argoJob("failure", `argocd.argoproj.io/hook: SyncFail, argocd.argoproj.io/hook-delete-policy: HookSucceeded`),
		argoJob("test", `argocd.argoproj.io/hook: PostSync`),
		inWave(2, deployment(ns, "frontend", 2)),
		deployment(ns, "backend", 2),
		argoJob("page-up", `argocd.argoproj.io/hook: Sync, argocd.argoproj.io/sync-wave: "1"`),
		argoJob("schema", `argocd.argoproj.io/hook: PreSync`))
	app.Namespace = ns
	r := hub.Apply(t, app)
	if got := agenttest.AppOf(r, "guestbook"); got.Objects != 2 || got.Current != 2 {
		t.Errorf("the app is %+v", got)
	}
	var order []string
	for _, e := range hub.Events(protocol.EventHook, protocol.EventHookFailed) {
		name := e.Object.Name[:strings.LastIndex(e.Object.Name, "-")]
		order = append(order, name+" "+strings.TrimPrefix(e.Message[strings.Index(e.Message, ":")+1:], " "))
	}
	want := []string{"schema begun", "schema succeeded", "page-up begun", "page-up succeeded", "page-down begun", "page-down succeeded",
		"test begun", "test succeeded", "message begun", "message succeeded"}
	if strings.Join(order, ", ") != strings.Join(want, ", ") {
		t.Errorf("the hooks were\n%v, want\n%v", order, want)
	}
}
