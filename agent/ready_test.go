package agent_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
)

// A condition with Instead is all that is asked of the other app, as readyExpr is in Flux.
func TestAnAppCanDependOnWhatItSaysOfAnother(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	base, web := hub.App(t, "base", configMap(ns, "a", "1")), hub.App(t, "web", configMap(ns, "b", "1"))
	base.Health = []protocol.HealthRule{mapRule()} // by which it is not healthy, until somebody says so
	web.DependsOn = []string{"base"}
	applied := expression("dep.status.observedGeneration == dep.metadata.generation && dep.metadata.labels.v == self.metadata.labels.v",
		`["&&",["==",[".",[".",["id","dep"],"status"],"observedGeneration"],[".",[".",["id","dep"],"metadata"],"generation"]],
			["==",[".",[".",[".",["id","dep"],"metadata"],"labels"],"v"],[".",[".",[".",["id","self"],"metadata"],"labels"],"v"]]]`)
	labelled := func(v string) json.RawMessage { return json.RawMessage(`{"metadata":{"labels":{"v":"` + v + `"}}}`) }
	web.Ready = []protocol.Readiness{{App: "base", Expression: applied, Instead: true, Self: labelled("2"), Dep: labelled("1")}}
	hub.Publish(t, hub.Bundle(base, web))
	hub.Report(t, "it waiting for the condition, which is quoted", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhasePending && strings.Contains(a.Message, "waits for app base until dep.status.observedGeneration == ") &&
			agenttest.PhaseOf(r, "base") == protocol.PhaseWaiting
	})
	web.Ready[0].Dep = labelled("2")
	hub.Publish(t, hub.Bundle(base, web))
	hub.Report(t, "it healthy though the other is not", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy && agenttest.PhaseOf(r, "base") == protocol.PhaseWaiting
	})
}

func TestAConditionIsMetWhenTheOtherAppChanges(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	base, web, lost := hub.App(t, "base", configMap(ns, "a", "1")), hub.App(t, "web", configMap(ns, "b", "1")), hub.App(t, "lost", configMap(ns, "c", "1"))
	base.Health = []protocol.HealthRule{mapRule()}
	web.DependsOn, lost.DependsOn = []string{"base"}, []string{"base"}
	failed := expression("dep.status.conditions.exists(c, c.status == 'False')",
		`["exists","c",[".",[".",["id","dep"],"status"],"conditions"],["==",[".",["id","c"],"status"],"False"]]`)
	web.Ready = []protocol.Readiness{{App: "base", Expression: failed, Instead: true}}
	lost.Ready = []protocol.Readiness{{App: "base", Expression: expression("dep.status.nothing", `[".",[".",["id","dep"],"status"],"nothing"]`)}}
	hub.Publish(t, hub.Bundle(base, web, lost))
	hub.Report(t, "both waiting", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "web") == protocol.PhasePending && strings.Contains(agenttest.AppOf(r, "lost").Message, "waits for app base, which is waiting")
	})
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"broken":"yes"}}`)
	hub.Report(t, "the one that waits for a failure healthy", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy })
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"broken":null,"ready":"yes"}}`)
	hub.Report(t, "the other's condition in error", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "lost")
		return a.Phase == protocol.PhasePending && strings.Contains(a.Message, "cannot tell whether it is ready: dep.status.nothing: no such key")
	})
}
