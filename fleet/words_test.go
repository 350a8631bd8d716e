package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// What an object itself says of not being well, in the place where its controller says it.
func TestAnObjectsOwnComplaint(t *testing.T) {
	t.Parallel()
	of := func(pairs ...any) map[string]any { return live("example.com/v1", "Widget", pairs...) }
	conditions := func(all ...any) map[string]any { return of("status.conditions", all) }
	for name, c := range map[string]struct {
		obj   map[string]any
		found string
		want  string
	}{
		"what was found": {conditions(cond("Ready", "False", "No", "it is not")), "found\nelsewhere",
			"found elsewhere"},
		"nothing": {of(), "", ""},
		"a condition with both": {conditions(cond("Ready", "False", "NoDisk", "there is no disk")), "",
			"NoDisk: there is no disk"},
		"with a message alone": {conditions(cond("Ready", "False", "", "there is no disk")), "",
			"Ready: there is no disk"},
		"with a reason alone": {conditions(cond("Synced", "Unknown", "NoDisk", "")), "", "Synced: NoDisk"},
		"with neither":        {conditions(cond("Ready", "False", "", "")), "", "Ready: False"},
		"one that is well":    {conditions(cond("Ready", "True", "Fine", "it is well")), "", ""},
		"one that is bad when true": {conditions(cond("Stalled", "True", "Stuck", "it is stuck")), "",
			"Stuck: it is stuck"},
		"that is not true": {conditions(cond("Stalled", "False", "Fine", "it is not")), "", ""},
		"the first that has words": {conditions(cond("A", "False", "", ""), cond("B", "False", "r", "b"), cond("C",
			"False", "r", "c")), "", "r: b"},
		"being ready before others": {conditions(cond("A", "False", "r", "a"), cond("Ready", "False", "r", "ready")), "",
			"r: ready"},
		"but not without words": {conditions(cond("A", "False", "r", "a"), cond("Ready", "False", "r", "")), "",
			"r: a"},
		"a message in the status": {of("status.message", "no disk", "status.phase", "Broken"), "", "no disk"},
		"an error":                {of("status.error", "no disk", "status.reason", "x"), "", "no disk"},
		"a phase":                 {of("status.phase", "Broken"), "", "its phase is Broken"},
		"a state":                 {of("status.state", "broken", "status.status", "x"), "", "its state is broken"},
		"a condition before a status": {of("status.conditions", []any{cond("Ready", "False", "r", "m")}, "status.message",
			"x"), "", "r: m"},
	} {
		if got := Complaint(c.obj, c.found); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhichAnnotationsMakeAHook(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{"drover.dev/hook": true, "argocd.argoproj.io/hook": true, "helm.sh/hook": true,
		"helm.sh/hook-weight": false, "drover.dev/hook-delete-policy": false} {
		if got := IsHook(map[string]string{key: "x"}); got != want {
			t.Errorf("%s makes one: %t", key, got)
		}
		if IsHook(map[string]string{key: ""}) {
			t.Errorf("%s without a value makes one", key)
		}
	}
	for key, values := range map[string]map[string]bool{
		"helm.sh/hook": {"test": true, "test,test-success": true, "pre-install": false, "test,post-install": false,
			"crd-install": false},
		"drover.dev/hook": {"Skip": false, "PreSync": false, "Tomorrow": false},
	} {
		for value, want := range values {
			if got := NeverDone(notes(key, value)); got != want {
				t.Errorf("%s: %s is for tests alone: %t", key, value, got)
			}
		}
	}
}

func TestANoteBeginsWithItsPlace(t *testing.T) {
	t.Parallel()
	for want, n := range map[string]Note{
		"a.yaml:3: Widget x: spec.a: not done": {File: "a.yaml", Line: 3, Object: "Widget x", Field: "spec.a",
			Text: "not done"},
		"a.yaml:1: Widget x: not done": {File: "a.yaml", Line: 1, Object: "Widget x", Text: "not done"},
		"a.yaml: Widget x: not done":   {File: "a.yaml", Object: "Widget x", Text: "not done"},
		"Widget x: spec.a: not done":   {Object: "Widget x", Field: "spec.a", Text: "not done"},
	} {
		if got := n.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Numbers come as the types of three decoders.
func TestNumbersOfAnyDecoder(t *testing.T) {
	t.Parallel()
	for _, v := range []any{int64(7), 7, 7.0, json.Number("7")} {
		if n, ok := (object{"n": v}).num("n"); n != 7 || !ok {
			t.Errorf("%T is %d, %t", v, n, ok)
		}
	}
	for _, v := range []any{"7", nil, json.Number("7.5"), json.Number("x"), true} {
		if n, ok := (object{"n": v}).num("n"); ok {
			t.Errorf("%T %v is %d", v, v, n)
		}
		if n := (object{"n": v}).numOr(3, "n"); n != 3 {
			t.Errorf("%T %v is %d in place of the default", v, v, n)
		}
	}
}

func TestWhichObjectsHaveAliases(t *testing.T) {
	t.Parallel()
	secret := protocol.ObjectRef{Kind: "Secret", Namespace: "shop", Name: "db"}
	pod := protocol.ObjectRef{Kind: "Pod", Namespace: "shop", Name: "web"}
	other := protocol.ObjectRef{Group: "example.com", Kind: "Secret", Name: "db"}
	const spec = `{"serviceAccount":"web"}`
	for _, c := range []struct {
		ref              protocol.ObjectRef
		stringData, spec string
		want             bool
	}{
		{secret, `{"a":"b"}`, "", true}, {secret, "{}", "", true}, {secret, "", spec, false}, {pod, "", spec, true},
		{pod, `{"a":"b"}`, `{"serviceAccountName":"web"}`, false}, {other, `{"a":"b"}`, spec, false},
	} {
		if got := HasAlias(c.ref, []byte(c.stringData), []byte(c.spec)); got != c.want {
			t.Errorf("%s with %s and %s: %t", c.ref, c.stringData, c.spec, got)
		}
	}
}

// A container that ended is expected to go on, but for one that is to run once, or whose Pod may end.
func TestAContainerThatEnded(t *testing.T) {
	t.Parallel()
	ended := func(list, policy string, code int) string {
		status := fmt.Sprintf(`"%s":[{"name":"web","ready":false,"state":%s}]`, list,
			died(code, "Error", "", "09:39:01", "09:39:02"))
		pod := decoded(t, aPod("Running", unready, status))
		pod["spec"].(map[string]any)["restartPolicy"] = policy
		return PodCause(pod, at).What
	}
	for name, c := range map[string]struct {
		list, policy string
		code         int
		want         string
	}{
		"in failure":               {"containerStatuses", "Never", 2, "container web ended with exit code 2"},
		"well, and may":            {"containerStatuses", "OnFailure", 0, ""},
		"well, and may not":        {"containerStatuses", "Always", 0, "container web ended with exit code 0"},
		"well, as init containers": {"initContainerStatuses", "Always", 0, ""},
		"in failure, as one":       {"initContainerStatuses", "Never", 1, "init container web ended with exit code 1"},
	} {
		if got := ended(c.list, c.policy, c.code); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The image is named as Git has it, and not as the node resolved it.
func TestTheImageIsNamedAsInGit(t *testing.T) {
	t.Parallel()
	state := strings.Replace(web(waits("ErrImageNeverPull", ""), ""), "registry.example.com/shop/web:1", "sha256:1234", 1)
	for name, want := range map[string]string{"web": "the image registry.example.com/shop/web:1 of",
		"other": "the image sha256:1234 of"} {
		pod := decoded(t, pending(state))
		for _, c := range pod["spec"].(map[string]any)["containers"].([]any) {
			c.(map[string]any)["name"] = name
		}
		if got := PodCause(pod, at).What; !strings.HasPrefix(got, want) {
			t.Errorf("with the container %s in the spec: %s", name, got)
		}
	}
}

// The output of a container is asked for only where its status does not hold its last words.
func TestOutputIsReadWhereAStatusIsSilent(t *testing.T) {
	t.Parallel()
	silent := PodCause(decoded(t, podCauses["crashed thrice"].pod), at)
	if silent.Output == nil || *silent.Output != (Output{Container: "web", Previous: true, Restarts: 2}) {
		t.Errorf("of one that is silent: %+v", silent.Output)
	}
	if spoke := PodCause(decoded(t, podCauses["crashed, and spoke"].pod), at); spoke.Output != nil {
		t.Errorf("of one that spoke: %+v", spoke.Output)
	}
}

func TestTheRevisionOfAPodIsThatOfItsTemplate(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"pod-template-hash", "pod-template-generation", "controller-revision-hash", "other"} {
		pod := decoded(t, podCauses["not ready"].pod)
		pod["metadata"].(map[string]any)["labels"] = map[string]any{key: "7d4"}
		want := "7d4"
		if key == "other" {
			want = ""
		}
		if got := PodCause(pod, at).Revision; got != want {
			t.Errorf("with the label %s it is %q", key, got)
		}
	}
}

// That a gate is closed explains more than that a container is not ready yet, and less than that it cannot be started.
func TestAClosedGateIsNamedBeforeAProbe(t *testing.T) {
	t.Parallel()
	const closed = "PodScheduled=True; Ready=False/ReadinessGatesNotReady/the gate lb is closed"
	for state, want := range map[string]string{
		`{"running":{"startedAt":"2026-11-03T09:39:00Z"}}`:           "a readiness gate of it is closed",
		waits("CreateContainerConfigError", `secret "db" not found`): "container web cannot be started",
	} {
		if got := PodCause(decoded(t, aPod("Running", closed, web(state, ""))), at).What; !strings.Contains(got, want) {
			t.Errorf("%s: %s", state, got)
		}
	}
	// A new Pod that is well does not hide what is wrong in an old one.
	old := Cause{Pod: "old", What: "crash", Health: degr, Revision: "1", Created: at}
	if got := WorstCause([]Cause{{Pod: "new", Revision: "2", Created: at}, old},
		"2"); got.Pod != "old" || got.Health != prog {
		t.Errorf("got %+v", got)
	}
}

func TestAPausedDeploymentThatIsUpdatedIsCurrent(t *testing.T) {
	t.Parallel()
	for updated, want := range map[int]Verdict{
		2: current("2 of 2 pods are ready; it is paused, with all of them updated"),
		1: paused("its update is paused (spec.paused) with 1 of 2 pods updated: it waits for a person to remove that"),
	} {
		obj := live("apps/v1", "Deployment", "spec.paused", true, "spec.replicas", int64(2), "status",
			with(counts("replicas", 2, "updatedReplicas", updated, "readyReplicas", 2, "availableReplicas", 2), available))
		if got := ObjectHealth(obj); got != want {
			t.Errorf("%d updated: %+v", updated, got)
		}
	}
}

// Of healths that are as bad it is the first, also of those that a newer release may know.
func TestTheFirstOfTheWorstCounts(t *testing.T) {
	t.Parallel()
	const strange = protocol.Health("strange")
	if a, b := Worst(strange, unkn), Worst(cur, unkn, strange); a != strange || b != unkn {
		t.Errorf("got %s and %s", a, b)
	}
}
