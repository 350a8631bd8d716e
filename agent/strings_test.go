package agent_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// holds waits until a Secret has these keys, each with its value, and no other.
func hasData(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref, what string, want map[string]string) {
	t.Helper()
	if err := cp.Kube().Wait(t.Context(), ref, what, func(o testenv.Object) bool {
		data, _ := o.Field("data").(map[string]any)
		for k, v := range want {
			if data[k] != base64.StdEncoding.EncodeToString([]byte(v)) {
				return false
			}
		}
		return o != nil && len(data) == len(want)
	}); err != nil {
		t.Fatal(err)
	}
}

// ownedBy says whether a manager owns a field, as it is written in managedFields.
func ownedBy(o testenv.Object, manager, field string) bool {
	for _, m := range o.Items("metadata", "managedFields") {
		if m.Text("manager") == manager && strings.Contains(fmt.Sprint(m.Field("fieldsV1")), field) {
			return true
		}
	}
	return false
}

// A Secret that is written with stringData is healed and pruned like one with data: plain, with variables, or
// encrypted.
func TestSecretsWithStringDataAreHealed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, git, value string
		make             func(app protocol.App, ns string) protocol.App
	}{
		{"plain", "s3cret", "s3cret", func(app protocol.App, _ string) protocol.App { return app }},
		{"with variables", "${x}-y", "s3cret-y", func(app protocol.App, ns string) protocol.App { return from(app, ns, nil, "Secret/vars") }},
		{"encrypted", ciphertext, "1-s3cret", func(app protocol.App, ns string) protocol.App { return decrypting(app, ns, "keys") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, home, hub := stage(t)
			ns := testenv.NamespaceT(t, cp)
			made(t, cp, secret(ns, "keys", "{a.agekey: 1-}")+"\n---\n"+secret(ns, "vars", "{x: s3cret}"))
			agenttest.Start(t, cp, home, hub, with(pluginFunc(func(object []byte, secrets map[string][]byte) ([]byte, error) {
				return bytes.ReplaceAll(object, []byte(ciphertext), append(secrets["a.agekey"], "s3cret"...)), nil
			})))
			ref := secretRef(ns, "login")
			deliverApp(t, hub, c.make(hub.App(t, "web", secret(ns, "login", fmt.Sprintf(`{password: "%s", old: "1"}`, c.git))), ns))
			hasData(t, cp, ref, "as in Git", map[string]string{"password": c.value, "old": "1"})
			mustPatch(t, cp, ref, `{"data":{"password":"SEFDS0VE"}}`)
			hasData(t, cp, ref, "healed", map[string]string{"password": c.value, "old": "1"})
			e := hub.Event(t, "the drift", func(e protocol.Event) bool { return e.Kind == protocol.EventDrift })
			if strings.Join(e.Fields, " ") != "data.password" {
				t.Errorf("the fields are %v", e.Fields)
			}
			deliverApp(t, hub, c.make(hub.App(t, "web", secret(ns, "login", fmt.Sprintf(`{password: "%s"}`, c.git))), ns))
			hasData(t, cp, ref, "without the key that left Git", map[string]string{"password": c.value})
			if c.git != c.value {
				noTrace(t, cp, home, "s3cret")
			}
		})
	}
}

// Agents before applied stringData as it was: keys that had left Git stayed, and live edits too. What others own
// stays, and what is left to others.
func TestSecretsAppliedWithStringDataBeforeAreMadeGood(t *testing.T) {
	t.Parallel()
	cp, home, hub, running := scene(t)
	ns := testenv.NamespaceT(t, cp)
	text := secret(ns, "login", "{password: a, left: mine}")
	app := hub.App(t, "web", text)
	ref := protocol.ObjectRef{Kind: "Secret", Namespace: ns, Name: "login"}
	app.Ignored = []protocol.Ignored{{Object: ref, Paths: []string{"/stringData/left"}}}
	deliverApp(t, hub, app)
	running.Stop(t)

	at := secretRef(ns, "login")
	mustDelete(t, cp, at)
	for _, data := range []string{"{password: a, old: b, left: first}", "{password: a, left: first}"} {
		o := marked(t, secret(ns, "login", data), map[string]any{"drover.dev/app": "web"}, nil)
		mustApplyAs(t, cp, agent.Manager, o)
	}
	mustPatch(t, cp, at, `{"data":{"password":"SEFDS0VE","theirs":"MQ=="}}`)
	mustApplyAs(t, cp, "another", marked(t, secret(ns, "login", "{another: x}"), nil, nil))
	hasData(t, cp, at, "as agents before left it", map[string]string{"password": "HACKED", "old": "b", "left": "first", "theirs": "1", "another": "x"})
	formerly(t, running, cp, at, text)

	running = agenttest.Start(t, cp, home, hub)
	want := map[string]string{"password": "a", "left": "first", "theirs": "1", "another": "x"}
	hasData(t, cp, at, "made good", want)
	if o := still(t, cp, at); ownedBy(o, agent.Manager, "f:stringData") || !ownedBy(o, agent.Manager, "f:data") {
		t.Errorf("the managed fields are %v", o.Field("metadata", "managedFields"))
	}
	mustPatch(t, cp, at, `{"data":{"password":"SEFDS0VE"}}`)
	hasData(t, cp, at, "healed", want)
	running.Stop(t)
	agenttest.Start(t, cp, home, hub)
	deliverApp(t, hub, hub.App(t, "web", text))
	want["left"] = "mine" // which is Git's again
	hasData(t, cp, at, "with what was left to others", want)
}

// formerly makes the state that agents before stored for the app web: they summed lines as they are.
func formerly(t *testing.T, r *agenttest.Running, cp *testenv.ControlPlane, ref testenv.Ref, text string) {
	t.Helper()
	list, err := testenv.Objects(text)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := r.Store.Load(t.Context())
	if err != nil || len(stored.Apps) != 1 {
		t.Fatalf("%d apps are stored (%v)", len(stored.Apps), err)
	}
	res := agent.Resource{Version: ref.APIVersion, Kind: ref.Kind, Plural: strings.ToLower(ref.Kind) + "s", Namespaced: true}
	if group, version, ok := strings.Cut(ref.APIVersion, "/"); ok {
		res.Group, res.Version = group, version
	}
	item := &stored.Apps[0].Items[0]
	live, err := agenttest.Client(t, cp).Get(t.Context(), res, item.Ref)
	if err != nil {
		t.Fatal(err)
	}
	item.Line, item.Fields = agent.SumOf([]byte(list[0].String())), live.Fields
	if err := r.Store.SaveApp(t.Context(), stored.Apps[0]); err != nil {
		t.Fatal(err)
	}
}

// The account of a pod template has two names, of which Kubernetes takes one: a change in Git under the other had no
// effect.
func TestAnAccountByItsOldNameIsAppliedAndHealed(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	at := deploymentRef(ns, "web")
	text := func(account string) string {
		return strings.Replace(deployment(ns, "web", 1), "{containers:", "{serviceAccount: "+account+", containers:", 1)
	}
	uses := func(what, account string) {
		t.Helper()
		if err := cp.Kube().Wait(t.Context(), at, what, func(o testenv.Object) bool {
			spec := []string{"spec", "template", "spec"}
			return o != nil && o.Text(append(spec, "serviceAccountName")...) == account && o.Text(append(spec, "serviceAccount")...) == account
		}); err != nil {
			t.Fatal(err)
		}
	}
	deliverApp(t, hub, hub.App(t, "web", text("one")))
	uses("as in Git", "one")
	running.Stop(t)
	mustDelete(t, cp, at)
	mustApplyAs(t, cp, agent.Manager, marked(t, text("one"), map[string]any{"drover.dev/app": "web"}, nil))
	formerly(t, running, cp, at, text("one"))
	agenttest.Start(t, cp, ns, hub)
	deliverApp(t, hub, hub.App(t, "web", text("two")))
	uses("with a change in Git", "two")
	mustPatch(t, cp, at, `{"spec":{"template":{"spec":{"serviceAccountName":"three"}}}}`)
	uses("healed", "two")
	if o := still(t, cp, at); ownedBy(o, agent.Manager, "f:serviceAccount:") {
		t.Errorf("the managed fields are %v", o.Field("metadata", "managedFields"))
	}
}

// What another tool applied with stringData is taken over as what it applied with data.
func TestStringDataOfAnotherToolIsTakenOver(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	made(t, cp, secret(ns, "login", "{somebody: kept}"))
	mustApplyAs(t, cp, "kubectl", marked(t, secret(ns, "login", "{password: a, old: b}"), nil, nil))
	deliverApp(t, hub, hub.App(t, "web", secret(ns, "login", "{password: c}")))
	hasData(t, cp, secretRef(ns, "login"), "as in Git", map[string]string{"password": "c", "somebody": "kept"})
}
