package agent_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// answering is a scene whose agent answers all kinds of questions.
func answering(t *testing.T) (*testenv.ControlPlane, string, *agenttest.Hub) {
	t.Helper()
	cp, ns, hub := stage(t)
	agenttest.Start(t, cp, ns, hub, agenttest.Answering(agenttest.Client(t, cp)))
	return cp, ns, hub
}

// lines decodes an answer, which has to have ended well.
func lines[T any](t *testing.T, hub *agenttest.Hub, q protocol.Question) (out []T) {
	t.Helper()
	data, end := agenttest.Question(t, hub, q)
	if end.Reason != "" {
		t.Fatalf("%s is not answered: %s (%s)", q.Kind, end.Message, end.Reason)
	}
	for line := range strings.Lines(data) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, v)
	}
	return out
}

// secretObject has a copy of its value in an annotation, as kubectl apply leaves one.
func secretObject(namespace, name, value string) string {
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret",
		"stringData": map[string]string{"password": value},
		"metadata": map[string]any{"name": name, "namespace": namespace,
			"annotations": map[string]string{"copy": `{"password":"` + value + `"}`}}})
	if err != nil {
		panic(err) // plain data: cannot happen
	}
	return string(text)
}

func TestALiveObjectIsShownAndSecretsAreMasked(t *testing.T) {
	t.Parallel()
	cp, ns, hub := answering(t)
	other := testenv.NamespaceT(t, cp)
	hub.Apply(t, hub.App(t, "shop", configMap(other, "settings", "blue"), secretObject(other, "login", "hunter2hunter2")))
	get := func(resource, namespace, name string) (string, protocol.Answer) {
		return agenttest.Question(t, hub, protocol.Question{Kind: protocol.QuestionGet, Resource: resource,
			Namespace: namespace, Name: name})
	}
	for _, word := range []string{"configmap", "ConfigMap", "configmaps", "cm"} {
		data, end := get(word, other, "settings")
		if end.Reason != "" || !strings.Contains(data, `"key":"blue"`) || strings.Contains(data, "managedFields") {
			t.Errorf("get %s: %s %s\n%s", word, end.Reason, end.Message, data)
		}
	}
	data, end := get("secret", other, "login")
	if end.Reason != "" || !strings.Contains(data, `"password":"***"`) || strings.Contains(data, "hunter2") ||
		strings.Contains(data, "aHVudGVyMmh1bnRlcjI") {
		t.Errorf("a Secret: %s %s\n%s", end.Reason, end.Message, data)
	}
	for name, c := range map[string]struct {
		resource, namespace, name string
		want                      protocol.AnswerReason
		text                      string
	}{
		"the agent's credential": {"secret", ns, "drover-credential", protocol.AnswerRefused, "own namespace"},
		"what is not there":      {"configmap", other, "nothing", protocol.AnswerNotFound, "not there"},
		"a kind of nobody":       {"gadget", other, "x", protocol.AnswerNotFound, `serves no kind "gadget"`},
		"no name":                {"configmap", other, "", protocol.AnswerNotFound, "Name its kind"},
	} {
		if data, end := get(c.resource, c.namespace, c.name); end.Reason != c.want || !strings.Contains(end.Message,
			c.text) || data != "" {
			t.Errorf("%s: %s %q\n%s", name, end.Reason, end.Message, data)
		}
	}
}

func TestATreeGoesDownToPods(t *testing.T) {
	t.Parallel()
	cp, _, hub := answering(t)
	other := testenv.NamespaceT(t, cp)
	hub.Apply(t, hub.App(t, "shop", configMap(other, "settings", "blue"), deployment(other, "web", 2)))
	var kinds []string
	for _, n := range lines[protocol.TreeNode](t, hub, protocol.Question{Kind: protocol.QuestionTree, App: "shop"}) {
		kinds = append(kinds, fmt.Sprintf("%d %s", n.Depth, n.Object.Kind))
		if n.Health != protocol.HealthCurrent {
			t.Errorf("%s is %s: %s", n.Object, n.Health, n.Message)
		}
	}
	if want := []string{"0 ConfigMap", "0 Deployment", "1 ReplicaSet", "2 Pod", "2 Pod"}; !slices.Equal(kinds, want) {
		t.Errorf("the tree is %q, want %q", kinds, want)
	}
	_, end := agenttest.Question(t, hub, protocol.Question{Kind: protocol.QuestionTree, App: "nothing"})
	if end.Reason != protocol.AnswerNotFound {
		t.Errorf("the tree of no app: %s %s", end.Reason, end.Message)
	}
}

func TestADiffSaysWhatAnApplyWouldChangeAndChangesNothing(t *testing.T) {
	t.Parallel()
	cp, _, hub := answering(t)
	other := testenv.NamespaceT(t, cp)
	app := hub.App(t, "shop", configMap(other, "settings", "blue"), secretObject(other, "login", "hunter2hunter2"),
		deployment(other, "web", 1))
	app.KeepDrift = true
	hub.Apply(t, app)
	ask := protocol.Question{Kind: protocol.QuestionDiff, App: "shop"}
	same := lines[protocol.ObjectDiff](t, hub, ask)
	if len(same) != 1 || same[0].Change != protocol.DiffSame || same[0].Same != 3 {
		t.Fatalf("right after the apply the diff is %+v", same)
	}
	edit := func(text string) {
		t.Helper()
		if _, err := cp.Kube().Apply(t.Context(), "ann", text); err != nil {
			t.Fatal(err)
		}
	}
	edit(configMap(other, "settings", "red"))
	edit(secretObject(other, "login", "somethingelse"))
	before := resourceVersion(t, cp, other, "settings")
	found := lines[protocol.ObjectDiff](t, hub, protocol.Question{Kind: protocol.QuestionDiff}) // of the whole cluster
	text, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 3 || found[2].Change != protocol.DiffSame || found[2].Same != 1 {
		t.Fatalf("two objects were changed, and the diff is %s", text)
	}
	for _, d := range found[:2] {
		switch d.Object.Kind {
		case "ConfigMap":
			if len(d.Fields) != 1 || d.Fields[0].Path != "/data/key" || string(d.Fields[0].Live) != `"red"` ||
				string(d.Fields[0].Desired) != `"blue"` {
				t.Errorf("the ConfigMap: %s", text)
			}
		case "Secret":
			if d.Change != protocol.DiffChange || len(d.Fields) == 0 || d.Fields[0].Path != "/data/password" {
				t.Errorf("the Secret: %s", text)
			}
		}
	}
	for _, value := range []string{"hunter2", "somethingelse", "aHVudGVyMmh1bnRlcjI", "c29tZXRoaW5nZWxzZQ"} {
		if strings.Contains(string(text), value) {
			t.Errorf("the diff quotes %q of a Secret:\n%s", value, text)
		}
	}
	if after := resourceVersion(t, cp, other, "settings"); after != before {
		t.Errorf("to compare an object has changed it: version %s and %s", before, after)
	}
}

func resourceVersion(t *testing.T, cp *testenv.ControlPlane, namespace, name string) string {
	t.Helper()
	configMaps := agent.Resource{Version: "v1", Kind: "ConfigMap", Plural: "configmaps", Namespaced: true}
	live, err := agenttest.Client(t, cp).Get(t.Context(), configMaps, protocol.ObjectRef{Kind: "ConfigMap",
		Namespace: namespace, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(live.Version)
}

func TestAnAnswerThatLacksARightNamesIt(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	permit(t, cp, ns, ns, `
- {apiGroups: [""], resources: [configmaps], verbs: [get]}`)
	client, _ := scopedClient(t, cp, ns)
	agenttest.Start(t, cp, ns, hub, agenttest.Answering(client, protocol.QuestionGet, protocol.QuestionTree))
	_, end := agenttest.Question(t, hub, protocol.Question{Kind: protocol.QuestionLogs, App: "shop"})
	if end.Reason != protocol.AnswerNotGranted || !strings.Contains(end.Message, "--answers get,tree,logs") {
		t.Errorf("what was not granted: %s %s", end.Reason, end.Message)
	}
	_, end = agenttest.Question(t, hub, protocol.Question{Kind: protocol.QuestionGet, Resource: "service",
		Namespace: "default", Name: "kubernetes"})
	if end.Reason != protocol.AnswerForbidden || !strings.Contains(end.Message, `cannot get resource "services"`) {
		t.Errorf("what RBAC does not allow: %s %s", end.Reason, end.Message)
	}
	_, end = agenttest.Question(t, hub, protocol.Question{Kind: "dance"})
	if end.Reason != protocol.AnswerUnknown || !strings.Contains(end.Message, "drover agent upgrade") {
		t.Errorf("what it does not know: %s %s", end.Reason, end.Message)
	}
}

func TestAQuestionIsAnsweredOnceAndInTime(t *testing.T) {
	t.Parallel()
	_, _, hub := answering(t)
	q := protocol.Question{Kind: protocol.QuestionGet, Resource: "namespace", Name: "default"}
	if n := agenttest.Replayed(t, hub, q); n != 0 {
		t.Errorf("a question that was heard again is answered again, with %d parts", n)
	}
	q.Expires = time.Now().Add(-time.Hour)
	if data, end := agenttest.Question(t, hub, q); end.Reason != protocol.AnswerExpired || data != "" {
		t.Errorf("an expired question: %s %s", end.Reason, end.Message)
	}
}

// A control plane without kubelets has no output of containers: what is asked, of which containers, and that the answer
// says what is missing, is seen here all the same.
func TestLogsAreAskedOfEachContainer(t *testing.T) {
	t.Parallel()
	cp, _, hub := answering(t)
	other := testenv.NamespaceT(t, cp)
	hub.Apply(t, hub.App(t, "shop", deployment(other, "web", 2), configMap(other, "settings", "blue")))
	for _, q := range []protocol.Question{{App: "shop"}, {App: "shop", Name: "web"}, {App: "shop", Resource: "deploy",
		Name: "web"}} {
		q.Kind = protocol.QuestionLogs
		got := lines[protocol.LogLine](t, hub, q)
		if len(got) != 2 || got[0].Pod == got[1].Pod || got[0].Container == "" {
			t.Errorf("%+v: the answer is %+v", q, got)
		}
	}
	for name, q := range map[string]protocol.Question{"an object without pods": {App: "shop", Name: "settings"},
		"no object": {App: "shop", Name: "nothing"}, "no container": {App: "shop", Container: "nothing"}} {
		q.Kind = protocol.QuestionLogs
		if _, end := agenttest.Question(t, hub, q); end.Reason != protocol.AnswerNotFound {
			t.Errorf("%s: %s %s", name, end.Reason, end.Message)
		}
	}
}

func TestEventsOfAnAppAreThoseOfItsPodsToo(t *testing.T) {
	t.Parallel()
	cp, _, hub := answering(t)
	other := testenv.NamespaceT(t, cp)
	hub.Apply(t, hub.App(t, "shop", deployment(other, "web", 1)))
	seen := map[string]bool{}
	for _, e := range lines[protocol.ObjectEvent](t, hub, protocol.Question{Kind: protocol.QuestionEvents, App: "shop"}) {
		seen[e.Object.Kind+" "+e.Reason] = true
	}
	if !seen["Deployment ScalingReplicaSet"] || !seen["ReplicaSet SuccessfulCreate"] {
		t.Errorf("the events are of %v", seen)
	}
}

// A credential that was granted before agents could answer does not allow it. The agent renews it when it is asked.
func TestACredentialOfBeforeIsRenewedToAnswer(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	agenttest.GrantFormer(t, hub)
	agenttest.Start(t, cp, ns, hub, agenttest.Answering(agenttest.Client(t, cp)))
	former := hub.Hello(t, 0)
	hub.Answer(nil)
	q := protocol.Question{Kind: protocol.QuestionGet, Resource: "namespace", Name: "default"}
	if data, end := agenttest.Question(t, hub, q); end.Reason != "" || !strings.Contains(data, `"kind":"Namespace"`) {
		t.Errorf("%s %s\n%s", end.Reason, end.Message, data)
	}
	if now := hub.Hello(t, 1); now.JWT == former.JWT {
		t.Error("it answers with the credential of before, which does not allow that")
	}
}
