package native

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/layout/document"
)

const wholePolicy = `apiVersion: drover.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: production}
spec:
  clusterSelector: {matchLabels: {env: production}, matchExpressions: [{key: tier, operator: NotIn, values: [lab]}]}
  apps: ["*"]
  waves:
  - name: canary
    clusterSelector: {matchLabels: {ring: "0"}}
    soak: 30m
    failures: 0
    gates: [errors]
  - name: early
    clusterSelector: {matchExpressions: [{key: ring, operator: Exists}]}
    approval: {groups: [sre], count: 2, notAuthor: true}
    atOnce: 10%
    soak: 4h
  - name: rest
    approval: {}
    steps: [5, 1%, 100%]
    soak: 1h
    atOnce: 500
    failures: 0.5%
  deletions: {app: 30%, cluster: 100%, fleet: 1%, atLeast: 2, kinds: [Secret, Certificate.cert-manager.io],
    approvableInGit: false}
  settle: 15m
  offline: {after: 3m, quorum: 60%}
  onFailure: rollback
  revert: branch
  after: staging
  windows:
  - {kind: allow, schedule: "0 9 * * 1-4", duration: 7h, timeZone: Europe/Berlin}
  - {kind: allow, schedule: "0 9 * * 5", duration: 1h}
  - {kind: deny, from: 2026-12-18T00:00:00Z, until: 2027-01-04T00:00:00Z, reason: end of year}
  gates:
  - name: errors
    prometheus: {address: https://prometheus.example.com, credential: prom}
    query: rate(errors[5m])
    interval: 2m
    count: 10
    successCondition: result[0] < 0.01
    failureCondition: result[0] >= 0.05
    failureLimit: 1
  - {name: up, prometheus: {address: "http://p"}, query: up, successCondition: result.size() > 0}
  - name: smoke
    web: {url: "https://smoke/x", method: POST, body: "{}", jsonPath: "{$.ok}", credential: s, timeoutSeconds: 20}
    successCondition: result == true || result.x == 'ok'
  - {name: page, web: {url: "https://page"}, successCondition: result}
`

func readPolicy(t *testing.T, text string) (rollout.Policy, error) {
	t.Helper()
	docs, err := document.Parse("fleet/p.yaml", []byte(text))
	if err != nil || len(docs) != 1 {
		t.Fatal(docs, err)
	}
	return ReadRolloutPolicy(docs[0])
}

func TestARolloutPolicyIsRead(t *testing.T) {
	t.Parallel()
	sel := func(labels map[string]string, reqs ...selector.Requirement) selector.Selector {
		s, err := selector.New(labels, reqs)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ring0, ring := sel(map[string]string{"ring": "0"}), sel(nil, selector.Requirement{Key: "ring", Operator: "Exists"})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	cron := func(s string) schedule.Cron {
		c, err := schedule.ParseCron(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	want := rollout.Policy{
		Name: "production", Apps: []string{"*"},
		Selector: sel(map[string]string{"env": "production"}, selector.Requirement{Key: "tier", Operator: "NotIn",
			Values: []string{"lab"}}),
		Waves: []rollout.Wave{
			{Name: "canary", Selector: &ring0, Soak: 30 * time.Minute, Gates: []string{"errors"}},
			{Name: "early", Selector: &ring, Approval: &rollout.Approval{Groups: []string{"sre"}, Count: 2, NotAuthor: true},
				AtOnce: rollout.Amount{Share: 1000}, Soak: 4 * time.Hour},
			{Name: "rest", Approval: &rollout.Approval{Count: 1}, Steps: []rollout.Amount{{Count: 5}, {Share: 100}, rollout.All},
				Soak: time.Hour, AtOnce: rollout.Amount{Count: 500}, Failures: rollout.Amount{Share: 50}},
		},
		Settle: 15 * time.Minute, Offline: rollout.Offline{After: 3 * time.Minute, Quorum: rollout.Amount{Share: 6000}},
		Deletions: &deletions.Limits{App: 30, Cluster: 100, Fleet: 1, AtLeast: 2,
			Kinds: []string{"Secret", "Certificate.cert-manager.io"}, Closed: true},
		OnFailure: rollout.Rollback, Revert: true, After: "staging",
		Windows: schedule.Windows{
			{Cron: cron("0 9 * * 1-4"), Duration: 7 * time.Hour, Location: berlin},
			{Cron: cron("0 9 * * 5"), Duration: time.Hour, Location: time.UTC},
			{Deny: true, From: time.Date(2026, 12, 18, 0, 0, 0, 0, time.UTC), Until: time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC),
				Reason: "end of year"},
		},
		Gates: []rollout.Gate{
			{Name: "errors", Address: "https://prometheus.example.com", Credential: "prom", Query: "rate(errors[5m])",
				Interval: 2 * time.Minute, Count: 10, SuccessCondition: "result[0] < 0.01", FailureCondition: "result[0] >= 0.05",
				FailureLimit: 1},
			{Name: "up", Address: "http://p", Query: "up", Interval: time.Minute, Count: 1,
				SuccessCondition: "result.size() > 0"},
			{Name: "smoke", Interval: time.Minute, Count: 1, SuccessCondition: "result == true || result.x == 'ok'",
				Web: &rollout.Web{URL: "https://smoke/x", Method: "POST", Body: "{}", JSONPath: "{$.ok}", Credential: "s",
					Timeout: 20 * time.Second}},
			{Name: "page", Interval: time.Minute, Count: 1, SuccessCondition: "result",
				Web: &rollout.Web{URL: "https://page", Method: "GET", Timeout: 10 * time.Second}},
		},
	}
	if got, err := readPolicy(t, wholePolicy); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
	minimal := "apiVersion: drover.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: a}\nspec: {waves: [{name: all}], " +
		"onFailure: halt, revert: none}\n"
	if got, err := readPolicy(t, minimal); err != nil || !reflect.DeepEqual(got, rollout.Policy{Name: "a",
		OnFailure: rollout.Halt,
		Waves:     []rollout.Wave{{Name: "all"}}}) {
		t.Errorf("%v\n got %+v", err, got)
	}
}

func TestWhatIsWrongWithARolloutPolicy(t *testing.T) {
	t.Parallel()
	head := "apiVersion: drover.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: a}\nspec:\n  waves:\n  - name: all\n"
	many := func(line string, n int) string { return strings.Repeat(line, n) }
	for _, c := range []struct{ name, text, want string }{
		{"no name", "apiVersion: drover.dev/v1alpha1\nkind: RolloutPolicy\nspec: {}\n",
			"fleet/p.yaml:1: the policy's metadata.name"},
		{"no spec", "apiVersion: drover.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: a}\n",
			"the RolloutPolicy a has no spec: write spec.waves, or spec.deletions"},
		{"no waves", strings.Replace(head, "  waves:\n  - name: all\n", "  waves: []\n", 1),
			"without spec.waves and spec.deletions, which does nothing"},
		{"windows without waves", strings.Replace(head, "  waves:\n  - name: all\n",
			"  deletions: {app: 10%}\n  windows: [{kind: deny, from: 2026-12-18T00:00:00Z}]\n", 1),
			"fleet/p.yaml:6: spec.windows of a RolloutPolicy without spec.waves"},
		{"another key of deletions", head + "  deletions: {apps: 1%}\n", `deletions has no field "apps"`},
		{"a share of nothing", head + "  deletions: {app: 0%}\n", `app is "0%": write a share from 1% to 100%`},
		{"more than all", head + "  deletions: {fleet: 101%}\n", `fleet is "101%": write a share`},
		{"a share that is none", head + "  deletions: {cluster: 10}\n", `cluster is "10": write a share`},
		{"nothing at least", head + "  deletions: {atLeast: 0}\n", `atLeast is "0": write a number from 1 on`},
		{"no kind", head + "  deletions: {kinds: [secrets]}\n", `kinds: "secrets" is no kind`},
		{"another key", "x: 1\n" + head, `a RolloutPolicy has no field "x"`},
		{"another key of metadata", strings.Replace(head, "name: a", "name: a, x: b", 1), `metadata has no field "x"`},
		{"a wave without a name", head + "  - soak: 1m\n", "fleet/p.yaml:7: the name of a wave"},
		{"a wave twice", head + "  - name: all\n", `fleet/p.yaml:7: there are two waves of the name "all"`},
		{"another key of a wave", head + "    soaks: 1m\n",
			`fleet/p.yaml:7: an item of waves has no field "soaks" (did you mean "soak"?)`},
		{"too many waves", strings.Replace(head, "  - name: all\n", manyWaves(51), 1), "there are more than 50 waves"},
		{"nothing at once", head + "    atOnce: 0%\n", "fleet/p.yaml:7: atOnce is 0%, so that nothing would ever be " +
			"released"},
		{"no amount", head + "    atOnce: many\n", `fleet/p.yaml:7: atOnce: "many" is neither a number of clusters`},
		{"failures that are no amount", head + "    failures: -1\n", `fleet/p.yaml:7: failures: "-1" is neither`},
		{"no soak", head + "    soak: 0s\n", "fleet/p.yaml:7: soak is"},
		{"a gate that is not there", head + "    gates: [x]\n", `fleet/p.yaml:7: the wave all waits for the gate "x"`},
		{"another key of approval", head + "    approval: {by: me}\n", `approval has no field "by"`},
		{"no approvals", head + "    approval: {count: 0}\n", `count is "0": write a number from 1 on`},
		{"approvals that are no number", head + "    approval: {count: two}\n", `count is "two": write a number from 1 on`},
		{"too many approvals", head + "    approval: {count: 1000001}\n", `count is "1000001"`},
		{"a selector with CEL", head + "    clusterSelector: {expression: \"true\"}\n",
			`clusterSelector has no field "expression"`},
		{"an operator", head + "    clusterSelector: {matchExpressions: [{key: a, operator: Like}]}\n",
			`the operator "Like" is not known`},
		{"steps that do not end", head + "    steps: [1%, 10%]\n", "fleet/p.yaml:7: the last of steps is 10%, so that the " +
			"other " +
			"clusters of the wave all would never get anything: end with 100%"},
		{"steps that fall", head + "    steps: [10%, 1%, 100%]\n", "the step 1% is not larger than the one before it"},
		{"steps that stay", head + "    steps: [5, 5, 100%]\n", "the step 5 is not larger than"},
		{"a count after a share", head + "    steps: [1%, 5, 100%]\n", "the step 5 is not larger than"},
		{"a step of nothing", head + "    steps: [0, 100%]\n", "a step of no clusters"},
		{"a step that is none", head + "    steps: [x, 100%]\n", `steps: "x" is neither`},
		{"too many steps", head + "    steps: [" + many("1, ", 0) + steps(21) + ", 100%]\n", "there are more than 20 steps"},
		{"a pattern", head + "  apps: [\"[\"]\n", `fleet/p.yaml:7: apps: the pattern "[" is not understood`},
		{"another key of offline", head + "  offline: {quota: 1}\n", `offline has no field "quota"`},
		{"no quorum", head + "  offline: {quorum: 0}\n", "quorum is 0, so that nothing would ever be released"},
		{"what is done on failure", head + "  onFailure: stop\n",
			`fleet/p.yaml:7: onFailure is "stop": write halt or rollback`},
		{"a pull request", head + "  revert: pullRequest\n", "revert is pullRequest, which this release of Drover cannot " +
			"open"},
		{"a revert", head + "  revert: all\n", `revert is "all": write none or branch`},
		{"no kind of window", head + "  windows: [{schedule: \"0 9 * * *\", duration: 1h}]\n",
			`the kind of a window is "": write`},
		{"a window without an end", head + "  windows: [{kind: allow, schedule: \"0 9 * * *\"}]\n",
			"a window without a beginning"},
		{"a window without a beginning", head + "  windows: [{kind: allow, duration: 1h}]\n", "a window without a beginning"},
		{"a window of both", head + "  windows: [{kind: deny, duration: 1h, from: 2026-12-18T00:00:00Z}]\n",
			"a window is either once"},
		{"a window of both, too", head + "  windows: [{kind: deny, schedule: x, until: 2026-12-18T00:00:00Z}]\n",
			"is either once"},
		{"a zone of what is once", head + "  windows: [{kind: deny, timeZone: UTC, until: 2026-12-18T00:00:00Z}]\n",
			"is either once"},
		{"a time without a zone", head + "  windows: [{kind: deny, from: 2026-12-18}]\n",
			`from is "2026-12-18": write a time with its`},
		{"a window that ends first", head + "  windows: [{kind: deny, from: 2026-12-18T00:00:00Z, until: " +
			"2026-12-18T00:00:00Z}]\n",
			"the window ends before it begins"},
		{"a schedule", head + "  windows: [{kind: deny, schedule: \"0 9 * *\", duration: 1h}]\n", "has 4 fields"},
		{"a zone", head + "  windows: [{kind: deny, schedule: \"0 9 * * *\", duration: 1h, timeZone: Berlin}]\n",
			`the time zone "Berlin" is not known`},
		{"the zone of the machine", head + "  windows: [{kind: deny, schedule: \"0 9 * * *\", duration: 1h, timeZone: " +
			"Local}]\n",
			`the time zone "Local" is not known`},
		{"another key of a window", head + "  windows: [{kind: deny, cron: x}]\n", `an item of windows has no field "cron"`},
		{"too many windows", head + "  windows:\n" + many("  - {kind: deny, until: 2026-12-18T00:00:00Z}\n", 51),
			"more than 50 windows"},
		{"a gate without a query", head + "  gates: [{name: x, prometheus: {address: a}, successCondition: \"true\"}]\n",
			"a gate needs name, prometheus.address, query and successCondition"},
		{"a gate twice", head + "  gates:\n" + many(aGate("x"), 2), `there are two gates of the name "x"`},
		{"too many gates", head + "  gates:\n" + manyGates(51), "there are more than 50 gates"},
		{"a condition", head + "  gates: [{name: x, prometheus: {address: a}, query: q, successCondition: \"result[0] " +
			"<\"}]\n",
			"successCondition: "},
		{"a condition over what is not there", head +
			"  gates: [{name: x, prometheus: {address: a}, query: q, successCondition: \"r[0] < 1\"}]\n", "successCondition: "},
		{"another key of a gate", head + "  gates: [{name: x, job: {}}]\n", `an item of gates has no field "job"`},
		{"another key of web", head + "  gates: [{name: x, web: {headers: []}}]\n", `web has no field "headers"`},
		{"a gate of the web without an address", head + "  gates: [{name: x, web: {}, successCondition: result}]\n",
			"needs name, web.url and successCondition"},
		{"a gate of both", head + "  gates: [{name: x, web: {url: \"http://x\"}, query: q, successCondition: result}]\n",
			"either prometheus, with a query, or web"},
		{"an address of this machine's files", head + "  gates: [{name: x, web: {url: \"file:///x\"}}]\n",
			"no http or https"},
		{"a password in an address", head + "  gates: [{name: x, web: {url: \"http://a:b@x\"}}]\n", "has a user in it"},
		{"a method", head + "  gates: [{name: x, web: {url: \"http://x\", method: DELETE}}]\n",
			`method is "DELETE": write GET or POST`},
		{"a body that is not sent", head + "  gates: [{name: x, web: {url: \"http://x\", body: x}}]\n", "by POST alone"},
		{"a path to several", head + "  gates: [{name: x, web: {url: \"http://x\", jsonPath: \"{$..x}\"}}]\n",
			"write fields and items alone"},
		{"a time", head + "  gates: [{name: x, web: {url: \"http://x\", timeoutSeconds: 61}}]\n", "write at most 60"},
		{"no condition", head + "  gates: [{name: x, web: {url: \"http://x\"}, successCondition: \"size(result)\"}]\n",
			"it is to be true or false"},
		{"another key of prometheus", head + "  gates: [{name: x, prometheus: {url: a}}]\n", `prometheus has no field "url"`},
		{"failures of a gate", head + "  gates: [{name: x, failureLimit: -1}]\n",
			`failureLimit is "-1": write a number from 0 on`},
	} {
		if _, err := readPolicy(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v\nwant in it %s", c.name, err, c.want)
		}
	}
}

func manyWaves(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  - name: w" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "\n")
	}
	return b.String()
}

func steps(n int) string {
	var out []string
	for i := range n {
		out = append(out, strings.Repeat("1", i/9+1)+string(rune('1'+i%9)))
	}
	return strings.Join(out, ", ")
}

func aGate(name string) string {
	return "  - {name: " + name + ", prometheus: {address: a}, query: q, successCondition: \"true\"}\n"
}

func manyGates(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(aGate("g" + string(rune('a'+i/26)) + string(rune('a'+i%26))))
	}
	return b.String()
}
