package waves

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestPlacesInPolicies(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]string{
		"production":               {"production", "", ""},
		"production/early":         {"production", "early", ""},
		"production/early@1a2b3c4": {"production", "early", "1a2b3c4"},
		"production@1a2b3c4d+2":    {"production", "", "1a2b3c4d+2"},
	} {
		policy, wave, target, err := place(text)
		if got := [3]string{policy, wave, target}; got != want || err != nil {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "/early", "@1a2b3c4", "production/", "production@", "production@1a2b3c",
		"production/@1a2b3c4"} {
		if policy, wave, target, err := place(text); err == nil || !strings.Contains(err.Error(),
			"write POLICY, POLICY/WAVE or ") {
			t.Errorf("%q: %q %q %q, %v", text, policy, wave, target, err)
		}
	}
}

// A time that cannot be is refused, and not taken for another one.
func TestMomentsAreTimesOrHowLong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"":                          {},
		"2026-12-18T09:00:00Z":      time.Date(2026, 12, 18, 9, 0, 0, 0, time.UTC),
		"2026-12-18T10:00:00+01:00": time.Date(2026, 12, 18, 9, 0, 0, 0, time.UTC),
		"90m":                       now.Add(90 * time.Minute),
		"3d":                        now.AddDate(0, 0, 3),
		"1.5d":                      now.Add(36 * time.Hour),
		"4000d":                     now.AddDate(0, 0, 4000),
	} {
		if got, err := Moment("--until", text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"d", "3", "3 d", "tomorrow", "2026-12-18", "3dd", "200000d", "2000000d",
		"9223372036855s"} {
		if got, err := Moment("--until", text, now); err == nil || !strings.HasPrefix(err.Error(), "--until ") ||
			!strings.Contains(err.Error(), "write a time, as 2026-12-18T09:00:00Z, or how long, as 3d or 90m") {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	if longest := time.Duration(math.MaxInt64); longest < 100_000*24*time.Hour {
		t.Errorf("the longest time is %s", longest)
	}
}

func TestTargetsAreShort(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"": "", "1a2b": "1a2b", "1a2b3c4d5e6f": "1a2b3c4d",
		"1a2b3c4d5e6f+3": "1a2b3c4d+3"} {
		if got := Short(id); got != want {
			t.Errorf("%q: %q", id, got)
		}
	}
	long := strings.Repeat("ä", 40)
	for _, c := range []struct{ id, subject, want string }{{"", "x", ""}, {"1a2b3c4d5e", "", "1a2b3c4d"}, {"1a2b3c4d5e",
		"add web", `1a2b3c4d "add web"`},
		{"1a2b3c4d5e", long, `1a2b3c4d "` + strings.Repeat("ä", 31) + `…"`}, {"1a2b3c4d5e", long[:64],
			`1a2b3c4d "` + strings.Repeat("ä", 32) + `"`}} {
		if got := target(c.id, c.subject); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.id, c.subject, got, c.want)
		}
	}
}

// A line of status says the worst of a policy: a target that failed before clusters that are behind, and nothing where
// all have what Git asks for.
func TestAPolicyIsALineOfStatus(t *testing.T) {
	t.Parallel()
	behind := query.Rollout{Policy: "production", Clusters: 9, Behind: []string{"edge", "oslo"}}
	bad := behind
	bad.Bad = []query.BadTarget{{Target: "aaaaaaaaaa", Why: "old"}, {Target: "bbbbbbbbbb", Subject: "add web",
		Why: "3 of 4 failed"}}
	fine := query.Rollout{Policy: "staging", Clusters: 9}
	pinned := fine
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		pinned.Pinned = append(pinned.Pinned, query.Pin{Cluster: name, Until: now, Reason: "an audit"})
	}
	pinned.Pinned[0].Revision = "1a2b3c4d5e6f"
	const at = " until 2026-11-20T12:00:00Z: an audit"
	for name, c := range map[string]struct {
		in    []query.Rollout
		want  []string
		holds bool
	}{
		"none": {nil, nil, false},
		"fine": {[]query.Rollout{fine}, nil, false},
		"behind": {[]query.Rollout{fine, behind},
			[]string{"rollout production: 2 of 9 clusters have yet to get what Git asks for; see `drover rollout why " +
				"production`"}, true},
		"bad": {[]query.Rollout{bad}, []string{"rollout production: bbbbbbbb \"add web\" failed and is held back: 3 of 4 " +
			"failed; " +
			"see `drover rollout production`"}, true},
		"pinned": {[]query.Rollout{pinned}, []string{"rollout staging: a is pinned at 1a2b3c4d" + at,
			"rollout staging: b is pinned at what it has" + at,
			"rollout staging: c is pinned at what it has" + at,
			"rollout staging: 2 more clusters are pinned; see `drover rollout staging`"}, false},
	} {
		if got := Lines(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if HeldBack(c.in) != c.holds {
			t.Errorf("%s: something is held back: %t", name, !c.holds)
		}
	}
	both := behind
	both.Pinned = pinned.Pinned
	got := Holding([]query.Rollout{fine, both, {Policy: "other", Behind: []string{"a"}}}, "a")
	if want := []string{"by the policy production: a is pinned at 1a2b3c4d" + at,
		"by the policy other: Git asks for something else than " +
			"it was given; `drover rollout why other` says what it waits for"}; !slices.Equal(got, want) {
		t.Errorf("a is held: %q, want %q", got, want)
	}
	if got := Holding([]query.Rollout{both}, "none"); got != nil {
		t.Errorf("a cluster that nothing holds is held: %q", got)
	}
}

func TestAFreezeIsALineOfStatus(t *testing.T) {
	t.Parallel()
	if got := Frozen(nil); got != nil {
		t.Errorf("without a freeze: %q", got)
	}
	for want, h := range map[string]query.Halt{
		"all releases are frozen by ann: a fire; `drover rollout unfreeze --reason …` ends it": {By: "ann",
			Reason: "a fire"},
		"all releases are frozen by a user: a fire; `drover rollout unfreeze --reason …` ends it": {Reason: "a fire"},
		"all releases are frozen until 2026-11-20T12:00:00Z by ann: a fire; `drover rollout unfreeze --reason …` ends " +
			"it": {By: "ann",
			Reason: "a fire", Until: now},
	} {
		if got := Frozen(&h); len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What a wave waits for is followed by the command that has it go on, if there is one.
func TestAWaveSaysWhatLetsItGoOn(t *testing.T) {
	t.Parallel()
	for reason, want := range map[rollout.Reason]string{
		rollout.AwaitingApproval: "  drover rollout approve p/w\n",
		rollout.Frozen:           "  drover rollout unfreeze --reason …\n",
		rollout.Halted:           "  drover rollout resume p --reason …\n",
		rollout.AwaitingGate:     "  to go on without: drover rollout skip p/w --reason …\n",
		rollout.Unproven:         "  to go on without: drover rollout skip p/w --reason …\n",
		rollout.AwaitingQuorum:   "  to go on without: drover rollout skip p/w --reason …\n",
		"AnythingElse":           "",
	} {
		r := query.Rollout{Policy: "p", Waves: []query.Wave{{Name: "w", Target: "1a2b3c4d5e", Reason: string(reason),
			Text: "waits"},
			{Name: "later", Text: "waits for w"}}}
		var out bytes.Buffer
		if err := explain(&out, r, "w", now); err != nil || out.String() != "p/w is at 1a2b3c4d: waits\n"+want {
			t.Errorf("%s: %q, %v", reason, out.String(), err)
		}
		out.Reset()
		if err := explain(&out, r, "", now); err != nil || !strings.HasSuffix(out.String(),
			"p/later is at nothing yet: waits for w\n") {
			t.Errorf("%s, all waves: %q, %v", reason, out.String(), err)
		}
		if err := explain(&out, r, "none", now); err == nil || err.Error() != `the policy p has no wave "none"` {
			t.Errorf("a wave that is not there: %v", err)
		}
	}
}

func TestWhatBecameOfARevert(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]query.Revert{
		"The revert of 1a2b3c4d is on the branch b, as 99999999: merge it, and Git asks for what " +
			"runs.": {Target: "1a2b3c4d5e",
			Branch: "b", Commit: "9999999999"},
		"what a person named is not reverted: it conflicts": {Ended: true, Text: "it conflicts"},
		"The revert of 1a2b3c4d could not be pushed to the branch b, retrying in 5s: refused": {Target: "1a2b3c4d5e",
			Branch: "b",
			Text:   "refused", Next: now.Add(5 * time.Second)},
		"The revert of 1a2b3c4d is being pushed to the branch b.": {Target: "1a2b3c4d5e", Branch: "b"},
	} {
		if got := reverted(v, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// All that is known of a policy is said, each with what to do about it; and nothing of it is cut off without a word.
func TestTheDetailOfAPolicy(t *testing.T) {
	t.Parallel()
	r := query.Rollout{Policy: "p", From: "Rollout shop/web", Clusters: 30,
		Bad: []query.BadTarget{{Target: "1a2b3c4d5e", Since: now.Add(-time.Minute), Why: "3 of 4 failed"}},
		Failures: []query.RolloutFailure{{Cluster: "edge", Target: "1a2b3c4d5e", Apps: []string{"web", "db"},
			Cause: "it crashes", Back: true}},
		Stays: []query.Staying{{Cluster: "oslo", Apps: []string{"web"}}},
		Halts: []query.Halt{{Reason: "a fire"}, {Wave: "early", By: "ann", Reason: "an audit", Until: now}}}
	for i := range 12 {
		r.Behind = append(r.Behind, string(rune('a'+i)))
	}
	var out bytes.Buffer
	detail(&out, r, now)
	for _, want := range []string{
		"Read from Rollout shop/web: a RolloutPolicy takes precedence.\n",
		"\n1a2b3c4d failed 1m00s ago: 3 of 4 failed\n", "drover rollout resume p@1a2b3c4d\n",
		"\nFailed:\n  edge with 1a2b3c4d: web, db it crashes, and was taken back; see drover status edge\n",
		"\nNot taken back: oslo, because of web, by the annotation drover.dev/rollback: never",
		"\nOther than Git asks for in 12 of 30 clusters: a, b, c, d, e, f, g, h, i, j and 2 more\n",
		"\nHalted: all waves by a user: a fire\n", "\nHalted: early until 2026-11-20T12:00:00Z by ann: an audit\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	if detail(&out, query.Rollout{Policy: "p"}, now); out.Len() > 0 {
		t.Errorf("of a policy with nothing to tell it says %q", out.String())
	}
}

// A policy without waves bounds deletions alone; one that Git has no more is marked.
func TestAPolicyIsATable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table(&out, []query.Rollout{{Policy: "p", Gone: true, Waves: []query.Wave{
		{Name: "early", Target: "1a2b3c4d5e", Text: "done", Clusters: 2, Settled: 2, Since: now.Add(-time.Hour)},
		{Name: "rest", Clusters: 8, Settled: 1, Failed: 2, Budget: 3, Offline: 1}}}, {Policy: "q\x1b[31m\tz"}}, now)
	want := [][]string{{"POLICY", "WAVE", "TARGET", "STATE", "SETTLED", "FAILED", "OFFLINE", "AGE"},
		{"p", "(gone", "from", "Git)", "early", "1a2b3c4d", "done", "2/2", "0/0", "0", "1h00m"},
		{"rest", "begins", "1/8", "2/3", "1", "-"}, {"q", "[31m", "z", "-", "-", "bounds", "deletions", "-", "-", "-", "-"}}
	var got [][]string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Fields(line))
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
