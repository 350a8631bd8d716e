package health_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// bundledCase is an object as an operator leaves it, and what it is to be.
type bundledCase struct {
	Kind   string // as Kind.group
	Want   protocol.Health
	Says   string // what is in the message
	Object map[string]any
}

func bundledCases(t *testing.T) (cases []bundledCase) {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestObjectsOfOperatorsAreJudgedWithTheirCause goes through objects as the operators leave them.
func TestObjectsOfOperatorsAreJudgedWithTheirCause(t *testing.T) {
	for _, c := range bundledCases(t) {
		kind, group, _ := strings.Cut(c.Kind, ".")
		rule := health.Bundled(group, kind)
		if rule == nil {
			t.Errorf("%s has no rule", c.Kind)
			continue
		}
		before, _ := json.Marshal(c.Object)
		v := rule.Judge(c.Object)
		if v.Health != c.Want || !strings.Contains(v.Message, c.Says) {
			t.Errorf("%s %s\n\tis %s: %s\n\tand should be %s: %s", c.Kind, before, v.Health, v.Message, c.Want, c.Says)
		}
		if after, _ := json.Marshal(c.Object); !bytes.Equal(before, after) {
			t.Errorf("judging %s changed it", c.Kind)
		}
	}
}

// TestRolloutsAndCanariesAreJudgedAsArgoCDDoes: the objects and answers are those of Argo CD's own tests
// (resource_customizations of github.com/argoproj/argo-cd at 37ee0097cf85, Apache-2.0), without pod templates. What it
// calls Suspended is paused here.
func TestRolloutsAndCanariesAreJudgedAsArgoCDDoes(t *testing.T) {
	data, err := os.ReadFile("testdata/argocd.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		Want   protocol.Health
		Object map[string]any
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	seen := map[protocol.Health]int{}
	for _, c := range cases {
		kind, _, _ := strings.Cut(c.Name, "/")
		group := map[string]string{"Rollout": "argoproj.io", "Canary": "flagger.app"}[kind]
		seen[c.Want]++
		if v := health.Bundled(group, kind).Judge(c.Object); v.Health != c.Want {
			t.Errorf("%s is %s: %s; Argo CD says %s", c.Name, v.Health, v.Message, c.Want)
		}
	}
	if len(cases) < 30 || seen[protocol.HealthPaused] < 3 {
		t.Errorf("of %d cases: %v", len(cases), seen)
	}
}

// TestEveryBundledRuleIsTried: each with something current, and each that can say so with something failed and on its way.
func TestEveryBundledRuleIsTried(t *testing.T) {
	data, err := os.ReadFile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	cases := bundledCases(t)
	for line := range strings.Lines(string(data)) {
		names, rule, _ := strings.Cut(line, " ")
		tried := map[protocol.Health]bool{}
		for _, c := range cases {
			for name := range strings.SplitSeq(names, ",") {
				if name == c.Kind || strings.HasPrefix(name, "*.") && strings.HasSuffix(c.Kind, strings.TrimLeft(name, "*.")) {
					tried[c.Want] = true
				}
			}
		}
		always := strings.Contains(rule, `"current":{"text":"","tree":true}`)
		if !tried[protocol.HealthCurrent] || strings.Contains(rule, `"paused":{"text"`) && !tried[protocol.HealthPaused] || strings.Contains(rule, `"failed"`) && !tried[protocol.HealthDegraded] || !always && !tried[protocol.HealthProgressing] {
			t.Errorf("%s: only %v is tried", names, tried)
		}
	}
}

// TestBundledRulesBearAnyShape: whatever is in an object, a rule of this package has an opinion on it that is no error in the rule. A
// status of a wrong type is the operator's doing, and unknown.
func TestBundledRulesBearAnyShape(t *testing.T) {
	for _, c := range bundledCases(t) {
		kind, group, _ := strings.Cut(c.Kind, ".")
		rule := health.Bundled(group, kind)
		for _, obj := range []map[string]any{nil, {}, {"status": nil}, {"status": map[string]any{}}, {"status": map[string]any{"conditions": []any{}}}, {"spec": "x", "status": []any{1}}} {
			if v := rule.Judge(obj); v.Health == protocol.HealthUnknown {
				t.Errorf("%s: %v is %s: %s", c.Kind, obj, v.Health, v.Message)
			}
		}
		for _, status := range []any{map[string]any{"conditions": "x"}, map[string]any{"conditions": []any{nil, 1, map[string]any{}}}, map[string]any{"phase": json.Number("1"), "parents": map[string]any{"a": nil}}} {
			rule.Judge(map[string]any{"status": status})
		}
	}
}

func rule(r protocol.HealthRule) *health.Rule { return health.New(r) }

func tree(text string) *protocol.Expression {
	return &protocol.Expression{Text: "the rule", Tree: json.RawMessage(text)}
}

// TestRulesAreAskedAsFluxAsksThem: progress before failure before success, after what holds for every kind.
func TestRulesAreAskedAsFluxAsksThem(t *testing.T) {
	is := func(field string) *protocol.Expression { return tree(`["has",["id","status"],"` + field + `"]`) }
	r := rule(protocol.HealthRule{InProgress: is("p"), Failed: is("f"), Paused: is("w"), Current: is("c")})
	for _, c := range []struct {
		object string
		want   protocol.Health
		says   string
	}{
		{`{"status":{"p":1,"f":1,"c":1}}`, protocol.HealthProgressing, ""},
		{`{"status":{"f":1,"w":1,"c":1}}`, protocol.HealthDegraded, ""},
		{`{"status":{"w":1,"c":1}}`, protocol.HealthPaused, "does not say for whom"},
		{`{"status":{"w":1,"message":"ask Ann"}}`, protocol.HealthPaused, "ask Ann"},
		{`{"status":{"c":1}}`, protocol.HealthCurrent, ""},
		{`{"status":{}}`, protocol.HealthProgressing, "not yet"},
		{`{}`, protocol.HealthUnknown, "there is no status"},
		{`{"metadata":{"generation":2},"status":{"c":1,"observedGeneration":1}}`, protocol.HealthProgressing, "last change"},
		{`{"metadata":{"deletionTimestamp":"x"},"status":{"c":1}}`, protocol.HealthProgressing, "deleted"},
		{`{"status":{"f":1,"conditions":[{"type":"Stalled","status":"False","message":"no"},{"type":"Ready","status":"False","reason":"R","message":"why"}]}}`, protocol.HealthDegraded, "R: why"},
		{`{"status":{"f":1,"phase":"Broken"}}`, protocol.HealthDegraded, "its phase is Broken"},
		{`{"status":{"f":1}}`, protocol.HealthDegraded, "nothing of why"},
	} {
		var obj map[string]any
		if err := json.Unmarshal([]byte(c.object), &obj); err != nil {
			t.Fatal(err)
		}
		if v := r.Judge(obj); v.Health != c.want || !strings.Contains(v.Message, c.says) {
			t.Errorf("%s is %s: %s", c.object, v.Health, v.Message)
		}
	}
}

// TestARuleOfANewerHubIsUnknown, and never a reason to stop.
func TestARuleOfANewerHubIsUnknown(t *testing.T) {
	v := rule(protocol.HealthRule{Current: tree(`["telepathy",1]`)}).Judge(map[string]any{"status": map[string]any{}})
	if v.Health != protocol.HealthUnknown || !strings.Contains(v.Message, "telepathy") {
		t.Errorf("it is %s: %s", v.Health, v.Message)
	}
}
