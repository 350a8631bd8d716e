package hub_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

const widgets = `  healthCheckExprs:
  - apiVersion: example.com/v1
    kind: Widget
    failed: status.phase == 'Failed'
    current: status.phase == 'Ready'
`

// What Flux' files and Apps say of health and readiness reaches the agent as it evaluates it.
func TestHealthRulesAndConditionsReachTheAgent(t *testing.T) {
	t.Parallel()
	labelled := func(name, version, spec string) string {
		return strings.Replace(kustomization(name, spec), "  namespace: flux-system\n", "  namespace: flux-system\n  labels: {version: "+version+"}\n", 1)
	}
	const same = "    readyExpr: dep.metadata.labels.version == self.metadata.labels.version && self.spec.prune\n"
	const app = "-- clusters/staging/NAME.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: NAME}\nspec:\n  path: app\n"
	r := newRig(t, files(bootstrap+labelled("base", `"1"`, "  path: app\n")+labelled("web", `"1"`, "  path: app\n  dependsOn:\n  - name: base\n"+same+widgets)+
		labelled("late", `"2"`, "  path: app\n  dependsOn:\n  - name: base\n"+same)+
		strings.ReplaceAll(app, "NAME", "native")+`  dependsOn:
  - name: base
    ready: dep.metadata.name == 'base' && self.metadata.name == 'native'
  - web
  health:
  - {apiVersion: example.com/v1, kind: Widget, inProgress: "false", current: status.phase == 'Ready', message: status.why}
`+helmRelease("chart", "flux-system", ofRepository+widgets+"  dependsOn:\n  - name: chart2\n    readyExpr: dep.metadata.name == 'chart2'\n")+helmRelease("chart2", "flux-system", ofRepository)+
		manifest("app/cm.yaml", "app", "{a: b}")+webChart))
	r.join("staging")
	b := r.await("staging", "published", func(b protocol.Bundle) bool { return appOf(b, "native") != nil && appOf(b, "chart") != nil })
	for _, c := range []struct {
		app            string
		instead, ready bool
	}{{"web", true, true}, {"late", true, false}, {"native", false, true}, {"chart", true, true}} {
		a := appOf(b, c.app)
		if a == nil || len(a.Ready) != 1 || a.Ready[0].Instead != c.instead {
			t.Fatalf("%s is %+v", c.app, a)
		}
		var vars struct{ Self, Dep map[string]any }
		if json.Unmarshal(a.Ready[0].Self, &vars.Self) != nil || json.Unmarshal(a.Ready[0].Dep, &vars.Dep) != nil {
			t.Fatalf("%s: %s, %s", c.app, a.Ready[0].Self, a.Ready[0].Dep)
		}
		program, err := expr.Decode(a.Ready[0].Expression)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := program.Bool(map[string]any{"self": vars.Self, "dep": vars.Dep}); is != c.ready || err != nil {
			t.Errorf("%s: %s is %v (%v) of %s and %s", c.app, a.Ready[0].Text, is, err, a.Ready[0].Self, a.Ready[0].Dep)
		}
	}
	for name, want := range map[string]string{"web": "its phase is Failed", "chart": "its phase is Failed", "native": "the disk is full"} {
		a := appOf(b, name)
		if len(a.Health) != 1 || a.Health[0].Group != "example.com" || a.Health[0].Kind != "Widget" {
			t.Fatalf("%s: %+v", name, a.Health)
		}
		rule := health.New(a.Health[0])
		if v := rule.Judge(map[string]any{"status": map[string]any{"phase": "Ready"}}); v.Health != protocol.HealthCurrent {
			t.Errorf("%s: %+v", name, v)
		}
		if v := rule.Judge(map[string]any{"status": map[string]any{"phase": "Failed", "why": "the disk is full"}}); v.Message != want {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
