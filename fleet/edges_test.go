package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// again is a Pod whose container ended, for the last time after a run from one time to another, and runs since a third.
func again(restarts int, from, to, since string) string {
	status := web(`{"running":{"startedAt":"2026-11-03T`+since+`Z"}}`, fmt.Sprintf(`,"restartCount":%d,"lastState":%s`,
		restarts, died(1, "Error", "", from, to)))
	return aPod("Running", "Ready=True", strings.Replace(status, `"ready":false`, `"ready":true`, 1))
}

// A container that was held back counts as crashing until it has run for twice as long as the last time, from 30
// seconds to 10 minutes. It is 09:40:00.
func TestAContainerThatRunsAgainCountsAsCrashingForAWhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		restarts        int
		from, to, since string
		until           string // "" if it does not count
	}{
		"held back for 8 seconds":           {2, "09:39:41", "09:39:42", "09:39:50", "09:40:20"},
		"for 7 seconds, which is no hold":   {2, "09:39:41", "09:39:43", "09:39:50", ""},
		"it ended once only":                {1, "09:39:31", "09:39:32", "09:39:50", ""},
		"it ran for a second less than 30":  {2, "09:39:01", "09:39:02", "09:39:31", "09:40:01"},
		"it has run for 30":                 {2, "09:39:01", "09:39:02", "09:39:30", ""},
		"it ran for 15, which makes 30":     {2, "09:38:45", "09:39:00", "09:39:31", "09:40:01"},
		"it ran for 20, which makes 40":     {2, "09:38:40", "09:39:00", "09:39:21", "09:40:01"},
		"for 20, and 40 are over":           {2, "09:38:40", "09:39:00", "09:39:20", ""},
		"for 6 minutes, which makes 10":     {2, "09:23:00", "09:29:00", "09:30:01", "09:40:01"},
		"for 6 minutes, and 10 are over":    {2, "09:23:00", "09:29:00", "09:30:00", ""},
		"it is not known since when it ran": {2, "never", "09:39:00", "09:39:31", "09:40:01"},
		"it is not known when it ended":     {2, "09:39:00", "never", "09:39:50", ""},
	} {
		got := PodCause(decoded(t, again(c.restarts, c.from, c.to, c.since)), at)
		if c.until == "" {
			if got.Health != "" {
				t.Errorf("%s: it counts: %+v", name, got)
			}
			continue
		}
		if until := got.Until.Format("15:04:05"); got.Health != degr || until != c.until || !got.Holds() {
			t.Errorf("%s: %s until %s, want it degraded until %s", name, got.Health, until, c.until)
		}
	}
}

func TestExitCodesHaveTheNamesThatShellsGiveThem(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		1: "exit code 1;", 126: "exit code 126 (its command cannot be executed)",
		127: "exit code 127 (its command is not found)", 128: "exit code 128;", 129: "exit code 129 (signal 1)",
		134: "exit code 134 (SIGABRT)", 137: "exit code 137 (SIGKILL)", 143: "exit code 143 (SIGTERM)",
		159: "exit code 159 (signal 31)", 160: "exit code 160;", 255: "exit code 255;",
	} {
		ended := web(died(code, "Error", "", "09:39:01", "09:39:02"), "")
		got := PodCause(decoded(t, aPod("Failed", "Ready=False", ended)), at)
		if !strings.Contains(got.Message(), want) {
			t.Errorf("%d: %s, want %s", code, got.Message(), want)
		}
		// Only of these two a probe may be the cause: SIGKILL and SIGTERM.
		if killed := got.Doubt == DoubtKilled; killed != (code == 137 || code == 143) {
			t.Errorf("%d: the doubt is %d", code, got.Doubt)
		}
	}
	unknown := strings.Replace(died(1, "Error", "", "09:39:01", "09:39:02"), `"exitCode":1,`, "", 1)
	got := PodCause(decoded(t, pending(looping(1, unknown))), at).Message()
	if !strings.HasPrefix(got, "container web ended after 1 restart;") {
		t.Errorf("without an exit code: %s", got)
	}
}

func TestAPodThatFailedSaysWhichContainerDid(t *testing.T) {
	t.Parallel()
	status := func(list, name string, code int) string {
		return fmt.Sprintf(`"%s":[{"name":%q,"state":%s}]`, list, name, died(code, "Error", "", "09:39:01", "09:39:02"))
	}
	for name, c := range map[string]struct{ containers, message string }{
		"the init container": {status("initContainerStatuses", "migrate", 3) + "," + status("containerStatuses", "web", 2),
			"init container migrate failed with exit code 3; see kubectl logs -n shop web-7d4-x2 -c migrate"},
		"the one that did not end well": {status("initContainerStatuses", "migrate", 0) + "," +
			status("containerStatuses", "web", 2),
			"container web failed with exit code 2; see kubectl logs -n shop web-7d4-x2 -c web"},
		"none": {status("containerStatuses", "web", 0), "the pod ended in failure"},
		"its deadline": {`"reason":"DeadlineExceeded","message":"too long"`,
			"the pod did not end within its activeDeadlineSeconds: too long"},
		"a reason alone":  {`"reason":"NodeShutdown"`, "the pod was ended by its node (NodeShutdown)"},
		"a message alone": {`"message":"it was there"`, "the pod was ended by its node: it was there"},
		"a reason with words": {`"reason":"Preempting","message":"for another"`,
			"the pod was ended by its node (Preempting): for another"},
	} {
		got := PodCause(decoded(t, aPod("Failed", "Ready=False", c.containers)), at)
		if got.Health != prog || got.Message() != c.message+place {
			t.Errorf("%s: %s: %s, want %s", name, got.Health, got.Message(), c.message+place)
		}
	}
}

func TestAContainerThatCannotBeStartedIsDegradedTheThirdTime(t *testing.T) {
	t.Parallel()
	for restarts, want := range map[int]protocol.Health{0: prog, 1: prog, 2: degr, 3: degr} {
		state := web(waits("RunContainerError", "no such device"), fmt.Sprintf(`,"restartCount":%d`, restarts))
		if got := PodCause(decoded(t, pending(state)), at); got.Health != want || got.Words != "no such device" {
			t.Errorf("after %d restarts: %+v", restarts, got)
		}
	}
}

// What explains more takes precedence, whichever container stands first; of two that explain as much it is the first.
func TestTheContainerThatExplainsMostCounts(t *testing.T) {
	t.Parallel()
	container := func(name, state string) string {
		return fmt.Sprintf(`{"name":%q,"ready":false,"restartCount":4,"state":%s}`, name, state)
	}
	probe := container("slow", `{"running":{"startedAt":"2026-11-03T09:39:00Z"}}`)
	config := container("config", waits("CreateContainerConfigError", "secret \"db\" not found"))
	image := container("image", waits("InvalidImageName", "bad"))
	other := container("other", waits("InvalidImageName", "bad"))
	for list, want := range map[string]string{
		probe + "," + config: "container config ", config + "," + probe: "container config ",
		config + "," + image: "container image ", image + "," + config: "container image ",
		image + "," + other: "container image ", other + "," + image: "container other ",
	} {
		got := PodCause(decoded(t, aPod("Running", unready, `"containerStatuses":[`+list+`]`)), at).Message()
		if !strings.Contains(got+" ", want) {
			t.Errorf("got %s, want it of %s", got, want)
		}
	}
}

func TestCausesAreCountedOncePerPod(t *testing.T) {
	t.Parallel()
	c := func(pod, what string, health protocol.Health, until time.Duration) Cause {
		out := Cause{Pod: pod, What: what, Health: health, Created: at}
		if until > 0 {
			out.Until = at.Add(until)
		}
		return out
	}
	got := WorstCause([]Cause{c("b", "crash", degr, time.Minute), c("a", "crash", degr, time.Hour), c("c", "crash", "", 0),
		c("d", "image", degr, 0)}, "")
	// Of the same age, the first by name; what is well counts for nothing; the last of the times is when all is over.
	if got.Pod != "a" || got.More != 1 || !got.Until.Equal(at.Add(time.Hour)) {
		t.Errorf("got %+v", got)
	}
	got = WorstCause([]Cause{c("a", "crash", degr, time.Minute), c("b", "crash", degr, time.Hour)}, "")
	if got.Pod != "a" || !got.Until.Equal(at.Add(time.Hour)) {
		t.Errorf("it ends at %s, and not when the other one does", got.Until)
	}
	if got := WorstCause([]Cause{c("a", "crash", degr, 0), c("b", "crash", degr, time.Hour)}, ""); !got.Until.IsZero() {
		t.Errorf("what the clock does not end ends at %s", got.Until)
	}
	for more, want := range map[int]string{0: "crash (pod a on n)", 1: "crash (pod a on n and 1 more)"} {
		if got := (Cause{What: "crash", Pod: "a", Node: "n", More: more}).Message(); got != want {
			t.Errorf("%d more: %s", more, got)
		}
	}
}

func TestACauseDoesNotExcuseAPause(t *testing.T) {
	t.Parallel()
	pause := paused("it is paused")
	if got := pause.Because(Cause{Health: prog, What: "starting"}); got != pause {
		t.Errorf("with pods that start: %+v", got)
	}
	if got := pause.Because(Cause{Health: degr, What: "crash"}); got != degraded("it is paused: crash") {
		t.Errorf("with pods that crash: %+v", got)
	}
	// One that crashed and was not restarted does not hold what is ready again.
	if got := current("ready").Because(Cause{Health: degr, What: "crash"}); got != current("ready") {
		t.Errorf("without a restart: %+v", got)
	}
}

func TestForeignWordsAreCutWhereTheyBecomeTooLong(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("x", maxWords)
	for n, want := range map[int]string{maxWords: full, maxWords + 1: full + "…"} {
		if got := oneLine(strings.Repeat("x", n)); got != want {
			t.Errorf("of %d bytes %d are left", n, len(got))
		}
	}
	// A cut inside of a character takes the whole of it away.
	if got := oneLine(strings.Repeat("x", maxWords-1) + "€"); got != strings.Repeat("x", maxWords-1)+"…" {
		t.Errorf("cut inside of a character it ends with %q", got[maxWords-2:])
	}
	// Spaces between words are not counted before they are joined, within a bound of what is looked at.
	spaced := "a" + strings.Repeat(" ", 4*maxWords-2) + "b"
	if got := oneLine(spaced); got != "a b" {
		t.Errorf("got %q", got)
	}
	if got := oneLine(spaced + "c"); got != "a b" {
		t.Errorf("beyond the bound: %q", got)
	}
	// As many of the last lines are quoted as there is place for, and one in any case.
	line := strings.Repeat("y", maxWords/2-2)
	for output, want := range map[string]string{
		line + "\n" + line + "x\n":                       line + " / " + line + "x", // maxWords
		line + "\n" + line + "xx\n":                      line + "xx",
		"one\n" + strings.Repeat("z", maxWords+1) + "\n": strings.Repeat("z", maxWords) + "…",
	} {
		if got := telling(output); got != want {
			t.Errorf("of %d bytes of output %d are quoted, want %d", len(output), len(got), len(want))
		}
	}
}

func TestTheNewestEventThatTellsCounts(t *testing.T) {
	t.Parallel()
	start := Cause{Health: prog, What: "the pod is being started", Doubt: DoubtStart}
	event := func(reason, message string, warning bool, ago time.Duration) Event {
		return Event{reason, message, warning, at.Add(-ago)}
	}
	mount := func(message string, ago time.Duration) Event { return event("FailedMount", message, true, ago) }
	for name, c := range map[string]struct {
		events []Event
		health protocol.Health
		says   string
	}{
		"none":                       {nil, prog, "the pod is being started"},
		"the later of two":           {[]Event{mount("old", 2), mount("new", 1)}, prog, ": new;"},
		"the first of the same time": {[]Event{mount("one", 1), mount("two", 1)}, prog, ": one;"},
		"one that is no warning":     {[]Event{event("FailedMount", "x", false, 1)}, prog, "the pod is being started"},
		"one that is never one": {[]Event{event("ExternalProvisioning", "x", false, 1)}, prog,
			"the storage driver has yet to make its volume: x"},
		"one that excuses it": {[]Event{event("WaitForFirstConsumer", "x", false, 1)}, cur,
			"it gets its volume with the first pod"},
		"a quota": {[]Event{event("FailedCreate", "exceeded quota: pods", true, 1)}, prog,
			"its pods exceed a quota"},
		"a policy": {[]Event{event("FailedCreate", "denied the request: x", true, 1)}, degr,
			"refused by an admission policy"},
		"what is not known": {[]Event{event("Pulled", "x", true, 1)}, prog, "the pod is being started"},
	} {
		if got := start.Hear(c.events); got.Health != c.health || !strings.Contains(got.Message(), c.says) {
			t.Errorf("%s: %s: %s, want %s", name, got.Health, got.Message(), c.says)
		}
	}
	for event, want := range map[Event]string{
		{Reason: "Unhealthy", Message: "Readiness probe failed"}: "Unhealthy Readiness",
		{Reason: "FailedMount", Message: "Readiness x"}:          "FailedMount",
	} {
		if got := event.Topic(); got != want {
			t.Errorf("the topic of %+v is %s", event, got)
		}
	}
}

func TestShortValuesAreNotConcealed(t *testing.T) {
	t.Parallel()
	for value, concealed := range map[string]bool{"abc": false, "abcd": true, "  abc  ": false, "": false} {
		got := Conceal("x.yaml:1: no abcd here", []string{value})
		if hidden := got != "x.yaml:1: no abcd here"; hidden != concealed {
			t.Errorf("%q: %s", value, got)
		}
	}
}

func TestFlaggersIntervalIsBounded(t *testing.T) {
	t.Parallel()
	ref := protocol.ObjectRef{Group: "flagger.app", Kind: "Canary", Namespace: "shop", Name: "web"}
	for interval, want := range map[string]time.Duration{"0s": 2 * time.Minute, "-1s": 2 * time.Minute, "1ns": 2,
		"5m": 10 * time.Minute, "4m59s": 598 * time.Second, "5m1s": 10 * time.Minute} {
		spec := `{"targetRef":{"kind":"Deployment","name":"w"},"analysis":{"interval":"` + interval + `"}}`
		if _, got := Followed(ref, []byte(spec)); got != want {
			t.Errorf("%s: %s, want %s", interval, got, want)
		}
	}
}
