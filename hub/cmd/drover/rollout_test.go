package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/rollouts"
)

const (
	badTarget  = "3c4d5e6f3c4d5e6f3c4d5e6f3c4d5e6f3c4d5e6f"
	goodTarget = "1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d"
)

// ago is a time so long before now that it is shown the same for half a minute.
func ago(d time.Duration) time.Time { return time.Now().Add(-d - time.Second) }

// production is a policy about which everything is known that can be.
func production() query.Rollout {
	end := time.Date(2036, 12, 18, 9, 0, 0, 0, time.UTC)
	r := query.Rollout{Policy: "production", Clusters: 40,
		Waves: []query.Wave{
			{Name: "canary", Target: goodTarget, Subject: "web 1.5", Reason: string(rollout.Passed), Text: "passed",
				Since: ago(3 * time.Hour), Clusters: 2, Settled: 2},
			{Name: "early", Target: goodTarget + "+2", Subject: "a subject that is longer than fits into a column", Clusters: 8,
				Reason: string(rollout.AwaitingApproval), Text: "waits for approval", Since: ago(5 * time.Hour), Offline: 1},
			{Name: "rest", Reason: string(rollout.AwaitingWave), Clusters: 30, Budget: 3, Failed: 1},
		},
		Failures: []query.RolloutFailure{{Cluster: "oslo", Target: badTarget, Apps: []string{"web", "api"},
			Cause: "web is degraded", Back: true}, {Cluster: "rome", Target: badTarget, Apps: []string{"web"}, Cause: "silent"}},
		Bad: []query.BadTarget{{Target: badTarget, Subject: "tune gc", Since: ago(2 * time.Hour),
			Why: "the gate errors failed in the wave canary: result [0.2]"}},
		Reverts: []query.Revert{{Target: badTarget, Branch: "drover/revert-3c4d5e6f", Commit: goodTarget},
			{Target: badTarget, Branch: "b2", Text: "refused", Next: time.Now().Add(98 * time.Second)},
			{Branch: "b3", Ended: true, Text: "web.yaml was changed since"}, {Target: goodTarget, Branch: "b4"}},
		Stays: []query.Staying{{Cluster: "bern", Apps: []string{"db"}}},
		Pinned: []query.Pin{{Cluster: "lima", Until: end, Reason: "an audit", Revision: goodTarget},
			{Cluster: "kiev", Until: end, Reason: "a move"}},
		Halts: []query.Halt{{Wave: "rest", Until: end, By: "ann", Reason: "a fire"}, {Reason: "another"}},
	}
	for i := range 12 {
		r.Behind = append(r.Behind, fmt.Sprintf("c%02d", i))
	}
	return r
}

// rolled answers about policies.
func rolled(t *testing.T, all ...query.Rollout) *answers {
	t.Helper()
	return answering(t, map[string]any{"GET /api/v1/rollouts": all, "GET /api/v1/freeze": nil})
}

// lacks names the parts of a text that are not in it.
func lacks(t *testing.T, what, said string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("%s does not say %q:\n%s", what, part, said)
		}
	}
}

func TestRolloutHasALineForEachWave(t *testing.T) {
	t.Parallel()
	gone := query.Rollout{Policy: "staging", Gone: true,
		Waves: []query.Wave{{Name: "all\tof\nit", Target: goodTarget, Text: "passed"}}}
	a := rolled(t, production(), gone, query.Rollout{Policy: "limits"})
	const want = `POLICY WAVE TARGET STATE SETTLED FAILED OFFLINE AGE
production canary 1a2b3c4d "web 1.5" passed 2/2 0/0 0 3h00m
early 1a2b3c4d+2 "a subject that is longer than f…" waits for approval 0/8 0/0 1 5h00m
rest begins 0/30 1/3 0 -
staging (gone from Git) all of it 1a2b3c4d passed 0/0 0/0 0 -
limits - - bounds deletions - - - -
`
	said := a.says(t, "rollout")
	var lines []string // without what aligns them
	for line := range strings.Lines(said) {
		lines = append(lines, strings.Join(strings.Fields(line), " ")+"\n")
	}
	if strings.Join(lines, "") != want {
		t.Errorf("got\n%s\nwant\n%s", said, want)
	}
	// Columns stand below their heading.
	if at := strings.Index(said, "STATE"); !strings.HasPrefix(strings.Split(said, "\n")[1][at:], "passed") {
		t.Errorf("its columns are not aligned:\n%s", said)
	}
	a.answer["GET /api/v1/rollouts"] = []query.Rollout{}
	a.wants(t, exitFine, "There is no RolloutPolicy: every commit reaches all clusters at once.", "rollout")
	a.wants(t, exitBad, "there is no such RolloutPolicy \"production\": `drover rollout` lists them", "rollout",
		"production")
	a.wants(t, exitUsage, "one policy at most", "rollout", "a", "b")
	a.wants(t, exitUsage, "-o wide: use json or yaml", "rollout", "-o", "wide")
}

func TestRolloutOfOnePolicyTellsAllThatIsKnown(t *testing.T) {
	t.Parallel()
	a := rolled(t, query.Rollout{Policy: "staging"}, production())
	said := a.says(t, "rollout", "production")
	lacks(t, "it", said,
		"\n3c4d5e6f \"tune gc\" failed 2h00m ago: the gate errors failed in the wave canary: result [0.2]\n"+
			"  no wave takes it any more; after the cause is repaired elsewhere: drover rollout resume production@3c4d5e6f\n",
		"\nFailed:\n  oslo with 3c4d5e6f: web, api web is degraded, and was taken back; see drover status oslo\n"+
			"  rome with 3c4d5e6f: web silent; see drover status rome\n",
		"\nThe revert of 3c4d5e6f is on the branch drover/revert-3c4d5e6f, as 1a2b3c4d: merge it, and Git asks for what "+
			"runs.\n",
		"\nThe revert of 3c4d5e6f could not be pushed to the branch b2, retrying in 1m3", ": refused\n",
		"\nwhat a person named is not reverted: web.yaml was changed since\n",
		"\nThe revert of 1a2b3c4d is being pushed to the branch b4.\n",
		"\nNot taken back: bern, because of db, by the annotation drover.dev/rollback: never: ",
		"drover rollout rollback production@TARGET --app KEY --reason …\n",
		"\nOther than Git asks for in 12 of 40 clusters: c00, c01, c02, c03, c04, c05, c06, c07, c08, c09 and 2 more\n",
		"\nHalted: rest until 2036-12-18T09:00:00Z by ann: a fire\n", "\nHalted: all waves by a user: another\n",
		"\nlima is pinned at 1a2b3c4d until 2036-12-18T09:00:00Z: an audit\n",
		"\nkiev is pinned at what it has until 2036-12-18T09:00:00Z: a move\n")
	if strings.Contains(said, "staging") {
		t.Errorf("it tells of other policies:\n%s", said)
	}
}

func TestRolloutGivesTheAnswerAsData(t *testing.T) {
	t.Parallel()
	a := rolled(t, production(), query.Rollout{Policy: "other", Waves: []query.Wave{}})
	for _, output := range []string{"json", "yaml"} {
		var all []query.Rollout
		err := yaml.Unmarshal([]byte(a.says(t, "rollout", "-o", output)), &all)
		if err != nil || len(all) != 2 || all[0].Waves[1].Reason != string(rollout.AwaitingApproval) {
			t.Errorf("-o %s: %+v, %v", output, all, err)
		}
		var one query.Rollout
		err = yaml.Unmarshal([]byte(a.says(t, "rollout", "production", "-o", output)), &one)
		if err != nil || one.Policy != "production" || len(one.Behind) != 12 {
			t.Errorf("production -o %s: %+v, %v", output, one, err)
		}
	}
	a.answer["GET /api/v1/rollouts"] = nil
	if said := a.says(t, "rollout", "-o", "json"); said != "[]\n" {
		t.Errorf("of no policies it is %q", said)
	}
}

// Whatever a wave waits for, the next line is the command that lets it go on, where there is one.
func TestWhyNamesTheCommandThatHelps(t *testing.T) {
	t.Parallel()
	for reason, want := range map[rollout.Reason]string{
		rollout.AwaitingApproval: "\n  drover rollout approve production/early\n",
		rollout.Halted:           "\n  drover rollout resume production --reason …\n",
		rollout.Frozen:           "\n  drover rollout unfreeze --reason …\n",
		rollout.Unreadable:       "\n  drover rollout resume production --reason …\n",
		rollout.AwaitingGate:     "\n  to go on without: drover rollout skip production/early --reason …\n",
		rollout.Unproven:         "\n  to go on without: drover rollout skip production/early --reason …\n",
		rollout.AwaitingQuorum:   "\n  to go on without: drover rollout skip production/early --reason …\n",
		rollout.Settling:         "",
	} {
		r := query.Rollout{Policy: "production", Waves: []query.Wave{
			{Name: "canary", Reason: string(rollout.Passed), Target: goodTarget, Subject: "web 1.5", Text: "passed"},
			{Name: "early", Reason: string(reason), Text: "waits"}, {Name: "rest", Text: "not asked for"}}}
		said := rolled(t, r).says(t, "rollout", "why", "production/early")
		const lines = "production/canary is at 1a2b3c4d \"web 1.5\": passed\nproduction/early is at nothing yet: waits\n"
		if !strings.HasPrefix(said, lines) || strings.TrimPrefix("\n"+strings.TrimPrefix(said, lines), "\n") !=
			strings.TrimPrefix(want, "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s%s", reason, said, lines, want)
		}
	}
	a := rolled(t, production())
	lacks(t, "why of a policy", a.says(t, "rollout", "why", "production"), "production/rest is at nothing yet: begins\n",
		"Halted: rest")
	a.wants(t, exitBad, `the policy production has no wave "nosuch"`, "rollout", "why", "production/nosuch")
	a.wants(t, exitBad, "there is no such RolloutPolicy", "rollout", "why", "nosuch")
	a.wants(t, exitUsage, "one argument: a policy, and a wave after a slash", "rollout", "why")
	a.wants(t, exitUsage, "write POLICY, POLICY/WAVE or POLICY/WAVE@TARGET", "rollout", "why", "production/")
}

func TestHistoryIsATableOrData(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 9, 41, 54, 0, time.UTC)
	events := []rollouts.Event{{Time: at, Kind: "released", Wave: "canary", Target: badTarget},
		{Time: at.Add(time.Minute), Kind: "halt", By: "ann (sre)", Text: "a fire\nin the\tcellar"}}
	a := answering(t, map[string]any{"GET /api/v1/rollouts/production/history": events})
	const want = `TIME                  WHAT      WAVE    TARGET    BY         WHY
2026-11-30T09:41:54Z  released  canary  3c4d5e6f
2026-11-30T09:42:54Z  halt                        ann (sre)  a fire in the cellar
`
	var got []string
	for line := range strings.Lines(a.says(t, "rollout", "history", "production")) {
		got = append(got, strings.TrimRight(line, " \n"))
	}
	if text := strings.Join(got, "\n") + "\n"; text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	var data []rollouts.Event
	err := json.Unmarshal([]byte(a.says(t, "rollout", "history", "production", "-o", "json")), &data)
	if err != nil || !reflect.DeepEqual(data, events) {
		t.Errorf("as data it is %+v, %v", data, err)
	}
	a.wants(t, exitUsage, "-o yaml: use json", "rollout", "history", "production", "-o", "yaml")
	a.wants(t, exitUsage, "one argument", "rollout", "history")
	a.wants(t, exitBad, "there is no such cluster", "rollout", "history", "nosuch")
}

// order is what a command asked the hub for last.
func (a *answers) order(t *testing.T) (o rollouts.Order) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.bodies) == 0 {
		t.Fatal("the hub was asked for nothing")
	}
	if err := json.Unmarshal([]byte(a.bodies[len(a.bodies)-1]), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestEachDecisionIsAskedForAsItIsWritten(t *testing.T) {
	t.Parallel()
	a := answering(t, map[string]any{"POST /api/v1/rollouts/p": api.Decided{Text: "it is done"}})
	for args, want := range map[string]rollouts.Order{
		"approve p/early":                      {Action: rollouts.Approve, Wave: "early"},
		"approve p/early@1a2b3c4 --as ann":     {Action: rollouts.Approve, Wave: "early", Target: "1a2b3c4", By: "ann"},
		"skip p/early --reason x":              {Action: rollouts.Skip, Wave: "early", Reason: "x"},
		"halt p --reason x":                    {Action: rollouts.Halt, Reason: "x"},
		"halt p/rest --reason x":               {Action: rollouts.Halt, Wave: "rest", Reason: "x"},
		"resume p@1a2b3c4 --reason x":          {Action: rollouts.Resume, Target: "1a2b3c4", Reason: "x"},
		"expedite p@1a2b3c4 --reason x":        {Action: rollouts.Expedite, Target: "1a2b3c4", Reason: "x"},
		"unpin p --cluster oslo --reason x":    {Action: rollouts.Unpin, Cluster: "oslo", Reason: "x"},
		"rollback p@1a2b3c4 --app a,b --app c": {Action: rollouts.Rollback, Target: "1a2b3c4", Apps: []string{"a", "b", "c"}},
		"pin p --cluster oslo --until 2036-12-18T09:00:00Z": {Action: rollouts.Pin, Cluster: "oslo",
			Until: time.Date(2036, 12, 18, 9, 0, 0, 0, time.UTC)},
	} {
		a.wants(t, exitFine, "it is done\n", append([]string{"rollout"}, strings.Fields(args)...)...)
		want.Policy = "p"
		if got := a.order(t); !reflect.DeepEqual(got, want) {
			t.Errorf("%s asks for %+v, want %+v", args, got, want)
		}
	}
	for until, want := range map[string]time.Duration{"90m": 90 * time.Minute, "3d": 72 * time.Hour,
		"1.5d": 36 * time.Hour} {
		before := time.Now()
		a.wants(t, exitFine, "", "rollout", "halt", "p", "--until", until)
		if got := a.order(t).Until.Sub(before.Add(want)); got < 0 || got > time.Minute {
			t.Errorf("--until %s is off by %s", until, got)
		}
	}
	n := len(a.bodies)
	for _, c := range []struct{ says, args string }{
		{"one argument: a policy", "approve"}, {"one argument: a policy", "approve a b"},
		{"with 7 characters of the target at least", "approve p/early@1a2b3c"}, {"write POLICY", "halt /early"},
		{"write POLICY", "halt p/"}, {"write POLICY", "halt p/@1a2b3c4"}, {`required flag(s) "cluster"`, "pin p --until 3d"},
		{"--until \"soon\": write a time, as 2026-12-18T09:00:00Z, or how long, as 3d or 90m", "halt p --until soon"},
		{"--until \"xd\"", "halt p --until xd"}, {"unknown flag: --until", "approve p/early --until 3d"},
		{"unknown flag: --app", "halt p --app web"},
	} {
		said, code := drover(t, append([]string{"rollout"}, append(strings.Fields(c.args), "--hub", a.url, "--token",
			"secret")...)...)
		if code == exitFine || !strings.Contains(said, c.says) {
			t.Errorf("rollout %s: exit code %d: %s", c.args, code, said)
		}
	}
	if len(a.bodies) != n {
		t.Errorf("wrong calls asked the hub for %q", a.bodies[n:])
	}
	a.refusal = "not done: the wave early takes another target"
	a.wants(t, exitBad, "drover: not done: the wave early takes another target\n", "rollout", "approve", "q/early")
}

func TestRollbackRevertsOrPins(t *testing.T) {
	t.Parallel()
	waves := []query.Wave{{Name: "all"}}
	a := rolled(t, query.Rollout{Policy: "p", Waves: waves}, query.Rollout{Policy: "limits"})
	a.answer["POST /api/v1/rollouts/p"] = api.Decided{Text: "it is done"}
	end := time.Date(2036, 12, 18, 9, 0, 0, 0, time.UTC)
	for args, want := range map[string]rollouts.Order{
		"--reason x":             {Action: rollouts.Revert, Reason: "x"}, // of the only policy that has waves
		"--policy p --to 1a2b3c": {Action: rollouts.Revert, To: "1a2b3c"},
		"oslo --to 1a --pin --until 2036-12-18T09:00:00Z --app web": {Action: rollouts.Pin, Cluster: "oslo", To: "1a",
			Until: end, Apps: []string{"web"}},
		"-l site=oslo --to before --pin --until 2036-12-18T09:00:00Z --as ann": {Action: rollouts.Pin, Selector: "site=oslo",
			To: "before", Until: end, By: "ann"},
	} {
		a.wants(t, exitFine, "it is done\n", append([]string{"rollback"}, strings.Fields(args)...)...)
		want.Policy = "p"
		if got := a.order(t); !reflect.DeepEqual(got, want) {
			t.Errorf("%s asks for %+v, want %+v", args, got, want)
		}
	}
	for _, c := range []struct{ says, args string }{
		{"--pin needs --to REVISION and --until TIME", "oslo --pin --to 1a"},
		{"--pin needs --to REVISION and --until TIME", "oslo --pin --until 3d"},
		{"--until is for --pin", "--until 3d"}, {"name one of them", "oslo -l a=b"}, {"for several use -l", "oslo rome"},
		{"--until \"x\"", "oslo --pin --to 1a --until x"},
	} {
		a.wants(t, exitUsage, c.says, append([]string{"rollback"}, strings.Fields(c.args)...)...)
	}
	a.answer["GET /api/v1/rollouts"] = []query.Rollout{{Policy: "p", Waves: waves}, {Policy: "q", Waves: waves}}
	a.wants(t, exitBad, "name the RolloutPolicy with --policy, one of p, q", "rollback", "--reason", "x")
	a.answer["GET /api/v1/rollouts"] = []query.Rollout{{Policy: "limits"}}
	a.wants(t, exitBad, "so the hub remembers nothing to go back to: revert in Git", "rollback", "--reason", "x")
}

// What policies hold back is a line of the fleet's status and of the clusters that it concerns, and its exit code.
func TestStatusTellsOfRollouts(t *testing.T) {
	t.Parallel()
	f := twoClusters()
	f.Clusters = f.Clusters[:1]
	f.Clusters[0].Synced, f.Clusters[0].Health = true, "current"
	behind := query.Rollout{Policy: "slow", Clusters: 3, Behind: []string{"prod", "edge"}, Pinned: []query.Pin{
		{Cluster: "prod", Until: clock, Reason: "one"}, {Cluster: "b", Until: clock, Reason: "two"},
		{Cluster: "c", Until: clock, Reason: "three"}, {Cluster: "d", Until: clock, Reason: "four"},
		{Cluster: "e", Until: clock, Reason: "five"}}}
	f.Source.Rollouts = []query.Rollout{behind, production(), {Policy: "idle", Clusters: 2}}
	a := answering(t, map[string]any{"GET /api/v1/clusters?selector=": f,
		"GET /api/v1/clusters/prod": api.Detail{Row: f.Clusters[0], Time: clock, Source: f.Source}})
	said := a.says(t, "status")
	lacks(t, "status", said,
		"rollout slow: 2 of 3 clusters have yet to get what Git asks for; see `drover rollout why slow`\n",
		"rollout slow: prod is pinned at what it has until 2026-03-04T12:00:00Z: one\n", ": three\n",
		"rollout slow: 2 more clusters are pinned; see `drover rollout slow`\n",
		"rollout production: 3c4d5e6f \"tune gc\" failed and is held back: the gate errors failed")
	if strings.Contains(said, "idle") || strings.Contains(said, ": four") {
		t.Errorf("it tells of what holds nothing back, or of every pin:\n%s", said)
	}
	a.wants(t, exitBad, "", "status", "--exit-code")
	lacks(t, "status prod", a.says(t, "status", "prod"),
		"by the policy slow: Git asks for something else than it was given; `drover rollout why slow` says what it waits for",
		"by the policy slow: prod is pinned at what it has until 2026-03-04T12:00:00Z: one")
	f.Source.Rollouts = []query.Rollout{{Policy: "idle", Clusters: 2}}
	a.answer["GET /api/v1/clusters?selector="] = f
	a.wants(t, exitFine, "", "status", "--exit-code")
}

func TestRolloutIsFollowed(t *testing.T) {
	t.Parallel()
	moment := func(after time.Duration, text string) api.Fleet {
		return api.Fleet{Time: clock.Add(after), Source: hub.SourceStatus{Rollouts: []query.Rollout{{Policy: "p",
			Waves: []query.Wave{{Name: "canary", Text: text}}}}}}
	}
	a := answering(t, map[string]any{"GET /api/v1/watch?selector=": []api.Fleet{moment(0, "settles"),
		moment(time.Second, "settles"), moment(time.Minute, "soaks")}})
	said, code := drover(t, "rollout", "--watch", "--hub", a.url, "--token", "secret")
	if code != exitBad || !strings.Contains(said, "ended the answer") { // the hub is gone in the end
		t.Errorf("exit code %d: %s", code, said)
	}
	// What did not change is not shown again; what did, with the time.
	if strings.Count(said, "POLICY ") != 2 || strings.Count(said, "settles") != 1 ||
		!strings.Contains(said, "\n"+clock.Add(time.Minute).Local().Format(time.TimeOnly)+"\nPOLICY") {
		t.Errorf("it shows\n%s", said)
	}
	said, _ = drover(t, "rollout", "p", "-w", "-o", "json", "--hub", a.url, "--token", "secret")
	if n := strings.Count(said, `"policy": "p"`); n != 2 {
		t.Errorf("-o json has %d documents:\n%s", n, said)
	}
}

// Nothing that is in Git or that a user says can move the cursor of who looks at rollouts.
func TestNothingInARolloutChangesHowItLooks(t *testing.T) {
	t.Parallel()
	const evil = "\x1b[2J\u202Eevil"
	r := production()
	r.Waves[0].Subject, r.Waves[1].Text, r.Bad[0].Why = evil, evil, evil
	r.Failures[0].Cause, r.Reverts[1].Text, r.Pinned[0].Reason, r.Halts[0].By = evil, evil, evil, evil
	a := rolled(t, r)
	a.answer["GET /api/v1/rollouts/production/history"] = []rollouts.Event{{Kind: evil, Text: evil, By: evil, Wave: evil}}
	a.answer["POST /api/v1/rollouts/production"] = api.Decided{Text: evil}
	for _, args := range [][]string{{"rollout"}, {"rollout", "production"}, {"rollout", "production", "-o", "json"},
		{"rollout", "production", "-o", "yaml"}, {"rollout", "why", "production"}, {"rollout", "history", "production"},
		{"rollout", "history", "production", "-o", "json"}, {"rollout", "halt", "production"}} {
		said := a.says(t, args...)
		if !strings.Contains(said, "evil") || strings.ContainsAny(said, "\x1b\u202e") {
			t.Errorf("%v says %q", args, said)
		}
	}
}
