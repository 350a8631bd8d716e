package agent_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// expression is one that a hub has taken apart.
func expression(text, tree string) protocol.Expression {
	return protocol.Expression{Text: text, Tree: json.RawMessage(tree)}
}

// mapRule judges ConfigMaps, which have no health of their own, by what is in them.
func mapRule() protocol.HealthRule {
	failed, current := expression("has(data.broken)", `["has",["id","data"],"broken"]`), expression("has(data.ready)", `["has",["id","data"],"ready"]`)
	message := expression("data.broken", `[".",["id","data"],"broken"]`)
	return protocol.HealthRule{Kind: "ConfigMap", Failed: &failed, Current: &current, Message: &message}
}

func TestAnAppsRuleJudgesItsOwnObjectsAlone(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	ruled, plain := hub.App(t, "ruled", configMap(ns, "a", "1")), hub.App(t, "plain", configMap(ns, "b", "1"))
	ruled.Health = []protocol.HealthRule{mapRule()}
	hub.Publish(t, hub.Bundle(ruled, plain))
	phases := func(what string, want protocol.Phase, says string) {
		t.Helper()
		hub.Report(t, what, func(r protocol.Report) bool {
			return agenttest.PhaseOf(r, "ruled") == want && strings.Contains(agenttest.AppOf(r, "ruled").Message, says) &&
				agenttest.PhaseOf(r, "plain") == protocol.PhaseHealthy
		})
	}
	phases("it waiting for the rule, and the other app healthy", protocol.PhaseWaiting, "not yet as the rule of its kind wants it")
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"ready":"yes"}}`)
	phases("it healthy by the rule", protocol.PhaseHealthy, "")
	mustPatch(t, cp, mapRef(ns, "b"), `{"data":{"broken":"yes"}}`)
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"broken":"the disk is full"}}`)
	phases("it degraded by the rule, with the cause", protocol.PhaseDegraded, "the disk is full")
}

// Nothing is kept of an object, so that another rule has to look at it again; but it is not sent again for that.
func TestARuleThatChangesJudgesWhatIsThere(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	app := hub.App(t, "web", configMap(ns, "a", "1"))
	hub.Apply(t, app)
	sent := applies(t, cp, ns)
	waiting := func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseWaiting }
	app.Health = []protocol.HealthRule{mapRule()}
	hub.Publish(t, hub.Bundle(app))
	hub.Report(t, "it waiting, by the rule that came", waiting)
	running.Stop(t)
	next := agenttest.Start(t, cp, ns, hub)
	hub.Report(t, "it waiting still, for another agent", func(r protocol.Report) bool { return next.Says(r) && waiting(r) })
	bad := expression("data.key > 1", `[">",[".",["id","data"],"key"],1]`)
	app.Health = []protocol.HealthRule{{Kind: "ConfigMap", Current: &bad}}
	hub.Publish(t, hub.Bundle(app))
	hub.Report(t, "it unknown, with what is wrong with the rule", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return len(a.Problems) == 1 && a.Problems[0].Health == protocol.HealthUnknown && strings.Contains(a.Problems[0].Message, "data.key > 1: a string and a int have no order")
	})
	app.Health = nil
	hub.Apply(t, app)
	if got := applies(t, cp, ns) - sent; got != 0 {
		t.Errorf("%d applies for rules that changed, want 0", got)
	}
}

// What an app has checked of others is judged by its rules as well.
func TestAnAppsRuleJudgesWhatItHasChecked(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	if _, err := cp.Kube().Apply(t.Context(), "somebody", configMap(ns, "theirs", "1")); err != nil {
		t.Fatal(err)
	}
	app := hub.App(t, "web", fmt.Sprintf(`{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"web","namespace":%q}}`, ns))
	app.Checks = []protocol.ObjectRef{{Kind: "ConfigMap", Namespace: ns, Name: "theirs"}}
	hub.Apply(t, app)
	app.Health = []protocol.HealthRule{mapRule()}
	hub.Publish(t, hub.Bundle(app))
	hub.Report(t, "it waiting for what it has checked", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhaseWaiting && strings.Contains(a.Message, "not yet as the rule of its kind wants it")
	})
	mustPatch(t, cp, mapRef(ns, "theirs"), `{"data":{"ready":"yes"}}`)
	hub.Report(t, "it healthy", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy })
	mustPatch(t, cp, mapRef(ns, "theirs"), `{"data":{"broken":"the password is hunter2"}}`)
	r := hub.Report(t, "it degraded", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseDegraded })
	if text := agenttest.AppOf(r, "web").Message; strings.Contains(text, "hunter2") {
		t.Errorf("what belongs to others is quoted: %s", text)
	}
}

// Whatever a bundle says, the agent does not read a Secret back.
func TestNoRuleJudgesASecret(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	app := hub.App(t, "web", fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"web","namespace":%q},"stringData":{"password":"hunter2"}}`, ns), configMap(ns, "a", "1"))
	failed := expression("has(data)", `["has",["id","metadata"],"name"]`)
	app.Health = []protocol.HealthRule{{Kind: "Secret", Failed: &failed}, {Failed: &failed}}
	hub.Publish(t, hub.Bundle(app))
	hub.Report(t, "the other object judged, and the Secret not", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhaseDegraded && a.Current == 1 && len(a.Problems) == 1 && a.Problems[0].Object.Kind == "ConfigMap"
	})
}

// certificates defines cert-manager's kind as far as it matters here.
const certificates = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"certificates.cert-manager.io"},
"spec":{"group":"cert-manager.io","scope":"Namespaced","names":{"kind":"Certificate","plural":"certificates","singular":"certificate","listKind":"CertificateList"},
"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`

func TestAnOperatorsObjectsAreJudgedByWhatTheyMean(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	web := fmt.Sprintf(`{"apiVersion":"cert-manager.io/v1","kind":"Certificate","metadata":{"name":"web","namespace":%q},"spec":{"secretName":"web-tls"}}`, ns)
	hub.Publish(t, hub.Bundle(hub.App(t, "certs", strings.ReplaceAll(certificates, "\n", ""), web)))
	ref := testenv.Ref{APIVersion: "cert-manager.io/v1", Kind: "Certificate", Namespace: ns, Name: "web"}
	for _, c := range []struct {
		status, says string
		want         protocol.Phase
	}{
		{`null`, "not yet as the rule of its kind wants it", protocol.PhaseWaiting},
		{`{"conditions":[{"type":"Issuing","status":"False","reason":"Failed","message":"the order is invalid"}]}`, "the order is invalid", protocol.PhaseDegraded},
		{`{"conditions":[{"type":"Ready","status":"True"}]}`, "", protocol.PhaseHealthy},
	} {
		if c.status != "null" {
			mustPatch(t, cp, ref, `{"status":`+c.status+`}`)
		}
		hub.Report(t, string(c.want), func(r protocol.Report) bool {
			return agenttest.PhaseOf(r, "certs") == c.want && strings.Contains(agenttest.AppOf(r, "certs").Message, c.says)
		})
	}
	hub.Apply(t)
}
