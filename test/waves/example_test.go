package waves

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/simulation"
)

var (
	agents    = flag.Int("agents", 0, "how many agents are simulated, 230 at least; with 0 nothing is")
	processes = flag.Int("processes", 2, "in how many processes")
)

// example is the worked example of docs/rollouts.md, on agents. Its hours are seconds.
type example struct {
	*scene
	n        int
	budget   string                     // failures of the last wave
	share    float64                    // the same
	waves    map[string][]string        // clusters by wave
	token    string                     // of a person who approves
	digests  map[string]string          // of web, by the value that a commit gave it
	online   map[string]bool            // clusters that were not told to be offline
	began    time.Time                  // when all had the first content
	start    map[string]simulation.Seen // and what they had then
	returned time.Time                  // when those that were offline came back
	errors   *service                   // what the gate of the canaries asks
}

// newExample is for 10,000 agents that of the design, and for fewer one of the same shares with a larger budget.
func newExample(n int) *example {
	e := &example{n: n, budget: "1%", share: 0.01, waves: map[string][]string{}, digests: map[string]string{},
		online: map[string]bool{}}
	if n < 2000 {
		e.budget, e.share = "5%", 0.05
	}
	canary, early := max(2, n/1000), max(20, n*19/1000)
	for i := range n {
		name, wave := fmt.Sprintf("c%05d", i), "rest"
		if i < canary {
			wave = "canary"
		} else if i < canary+early {
			wave = "early"
		}
		e.waves[wave], e.online[name] = append(e.waves[wave], name), true
	}
	return e
}

// atOnce is how many clusters of a wave may be in flight.
func (e *example) atOnce(wave string) int {
	switch wave {
	case "early":
		return max(1, len(e.waves[wave])/10)
	case "rest":
		return e.n / 20
	}
	return len(e.waves[wave])
}

// away is how long a cluster is offline until nobody waits for it. It is longer than a hub that is killed needs to be
// connected with all again.
func (e *example) away() time.Duration { return time.Duration(30+e.n/500) * time.Second }

func config(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: web}\ndata: {value: %q}\n",
		name, value)
}

func web(value string) map[string]string {
	return map[string]string{"apps/web/config.yaml": config("web", value)}
}

// opened is how many seconds of a minute releases may be made in: the windows of the example are those.
const opened = 50

func (e *example) files() (files map[string]string, names []string) {
	files = web("1.3")
	files["apps/db/config.yaml"] = config("db", "1")
	files["fleet/production.yaml"] = fmt.Sprintf(`apiVersion: drover.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: production}
spec:
  waves:
  - {name: canary, clusterSelector: {matchLabels: {ring: canary}}, soak: 2s, gates: [errors]}
  - name: early
    clusterSelector: {matchLabels: {ring: early}}
    approval: {groups: [sre], notAuthor: true}
    atOnce: 10%%
    soak: 2s
  - {name: rest, steps: [1%%, 10%%, 100%%], atOnce: %d, soak: %ds, failures: %s}
  offline: {after: %ds}
  onFailure: rollback
  revert: branch
  windows:
  - {kind: allow, schedule: "* * * * *", duration: %ds}
  gates:
  - name: errors
    web: {url: "%s/errors?target=${target}", jsonPath: "{$.share}"}
    interval: 1s
    count: %d
    successCondition: result < 0.01
`, e.atOnce("rest"), 4+e.n/1000, e.budget, int(e.away().Seconds()), opened, e.errors.URL, asked)
	for wave, list := range e.waves {
		for _, name := range list {
			names = append(names, name)
			files["clusters/"+name+"/cluster.yaml"] = fmt.Sprintf("labels: {ring: %s}\n", wave)
			for _, app := range []string{"web", "db"} {
				files["clusters/"+name+"/"+app+".yaml"] = fmt.Sprintf("apiVersion: drover.dev/v1alpha1\nkind: App\n"+
					"metadata: {name: %s}\nspec: {path: ./apps/%[1]s}\n", app)
			}
		}
	}
	slices.Sort(names)
	return files, names
}

// approve has a person approve a commit for the wave early, once it asks.
func (e *example) approve(commit string) {
	e.t.Helper()
	w := e.stands("early", "waits for approval of "+commit[:8], func(w wave) bool {
		return w.Reason == "AwaitingApproval" && strings.HasPrefix(w.Target, commit[:8]) &&
			w.Clusters == len(e.waves["early"])
	})
	if w.Text != "waits for approval by sre" {
		e.t.Errorf("the wave early: %+v", w)
	}
	if _, err := e.drover("rollout", "approve", "production/early@"+commit[:12], "--token", e.token); err != nil {
		e.t.Fatal(err)
	}
}

// with are the clusters of a wave that have a digest of web, as far as they were not told to be offline.
func (e *example) with(wave, digest string) (out []string) {
	seen := e.agents.Seen()
	for _, name := range e.waves[wave] {
		if s := seen[name]; e.online[name] && s.Apps["web"] == digest {
			out = append(out, name)
		}
	}
	return out
}

// learn notes which digest web has with the newest commit, from the canaries.
func (e *example) learn(value string) string {
	canary := e.waves["canary"][0]
	before := e.agents.Seen()[canary].Apps["web"]
	e.await("bring web "+value+" to the canary", func(seen map[string]simulation.Seen) bool {
		is := seen[canary].Apps["web"]
		return is != "" && (is != before || len(e.digests) == 0)
	})
	e.digests[value] = e.agents.Seen()[canary].Apps["web"]
	return e.digests[value]
}

// slice waits until a slice of the wave rest has settled with a commit but for so many clusters that are offline, and
// gives those that have a digest of web.
func (e *example) slice(number int, commit string, offline int, digest string) (wave, []string) {
	e.t.Helper()
	w := e.stands("rest", fmt.Sprintf("has settled in slice %d", number), func(w wave) bool {
		return strings.Contains(w.Text, fmt.Sprintf("slice %d of 3", number)) && w.Clusters > 0 &&
			strings.HasPrefix(w.Target, commit[:8]) && w.Settled+w.Failed == w.Clusters-offline
	})
	return w, e.with("rest", digest)
}

// hangUp has clusters of the wave rest go offline: some of the first slice, and more outside of the first two.
func (e *example) hangUp(first, second []string) (inFirst []string) {
	inFirst = first[:min(3, (len(first)+2)/3)]
	all := slices.Clone(inFirst)
	for _, name := range slices.Backward(e.waves["rest"]) {
		if len(all) == max(4, len(e.waves["rest"])*3/98) {
			break
		}
		if !slices.Contains(second, name) {
			all = append(all, name)
		}
	}
	e.order("offline", all...)
	for _, name := range all {
		e.online[name] = false
	}
	e.until("nobody waits for those that are offline", func() bool {
		var fleet struct {
			Time     time.Time
			Clusters []struct {
				State string
				Since time.Time
			}
		}
		if e.get("/api/v1/clusters", &fleet) != nil {
			return false
		}
		n := 0
		for _, c := range fleet.Clusters {
			if c.State == "offline" && fleet.Time.Sub(c.Since) > e.away() {
				n++
			}
		}
		return n == len(all)
	})
	return inFirst
}

// TestTheWorkedExample is that of docs/rollouts.md on agents with sessions of their own: a version travels, another
// fails in the last wave and is taken back, the next one travels while clusters are offline; the hub is killed again
// and again meanwhile. What must hold of rollouts is checked by what agents saw, and by the journal of decisions. The
// canaries have a gate, releases are made within windows alone, and what failed is reverted in Git.
func TestTheWorkedExample(t *testing.T) {
	t.Parallel()
	if *agents == 0 {
		t.Skip("it takes minutes of both cores: make waves AGENTS=400")
	}
	e := newExample(*agents)
	e.errors = newService(t)
	files, names := e.files()
	e.scene = newScene(t, files, names, *processes)
	out, err := e.drover("token", "create", "bob", "--group", "sre", "--email", "bob@example.com", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	if e.token = tokenOf(out); e.token == "" {
		t.Fatalf("no token in %s", out)
	}
	e.learn("1.3")
	e.stands("rest", "has passed the first content", func(w wave) bool { return w.Reason == "Passed" })
	e.allHave("1.3", "begin") // a bundle may have come before all of it was rendered
	e.began, e.start = time.Now(), e.agents.Seen()

	begin := time.Now()
	first, second := e.travels()
	t.Logf("the first rollout took %s", time.Since(begin).Round(time.Millisecond))
	bad := e.fails(first, second)
	begin = time.Now()
	e.travelsWithout()
	t.Logf("a rollout with clusters that are offline took %s", time.Since(begin).Round(time.Millisecond))
	e.comeBack()
	e.check(bad)
}

// travels has a version travel to all, and gives the clusters of the first slice of the last wave, and of the second,
// which has those of the first.
func (e *example) travels() (first, second []string) {
	e.t.Helper()
	commit := e.commit("web 1.4", web("1.4"))
	digest := e.learn("1.4")
	e.approve(commit)
	var w wave
	w, first = e.slice(1, commit, 0, digest)
	if want := (len(e.waves["rest"]) + 99) / 100; w.Clusters != want || len(first) != want {
		e.t.Errorf("slice 1 has %d clusters, and %d have got it; want %d: %+v", w.Clusters, len(first), want, w)
	}
	w, second = e.slice(2, commit, 0, digest)
	if want := (len(e.waves["rest"]) + 9) / 10; w.Clusters != want || len(second) != want {
		e.t.Errorf("slice 2 has %d clusters, and %d have got it; want %d: %+v", w.Clusters, len(second), want, w)
	}
	e.passes("rest", commit)
	return first, second
}

// fails has a version fail in the last slice. It gives its commit.
func (e *example) fails(first, second []string) (bad string) {
	e.t.Helper()
	inFirst := e.hangUp(first, second)
	ill := e.outside(second, max(2, e.n*4/1000))
	e.order("degrade db", ill...)
	bad = e.commit("web 1.5", web("1.5"))
	digest := e.learn("1.5")
	e.approve(bad)
	next := e.commit("db 2", map[string]string{"apps/db/config.yaml": config("db", "2")})
	w, _ := e.slice(1, bad, len(inFirst), digest)
	if w.Offline != len(inFirst) || w.Settled != len(first)-len(inFirst) {
		e.t.Errorf("slice 1 with %d clusters offline: %+v", len(inFirst), w)
	}
	e.kill("while the first slice soaks")
	e.passes("canary", next)
	e.approve(next)
	w, _ = e.slice(2, bad, len(inFirst), digest)
	failing := min(5, w.Budget)
	if failing == 0 {
		e.t.Fatalf("no cluster may fail in slice 2, so there are too few agents: %+v", w)
	}
	e.order("degrade web", second[len(second)-failing:]...)
	w = e.stands("rest", "counts what failed", func(w wave) bool { return w.Failed == failing })
	if w.Budget != int(e.share*float64(w.Clusters)) || !strings.Contains(w.Text, "slice 2 of 3") {
		e.t.Errorf("slice 2 with %d failures: %+v", failing, w)
	}
	e.kill("while the second slice soaks")
	e.passes("early", next)
	e.exceed(bad, digest, second, failing)
	return bad
}

// outside are clusters of the wave rest that are online and not among others.
func (e *example) outside(others []string, n int) (out []string) {
	for _, name := range e.waves["rest"] {
		if len(out) < n && e.online[name] && !slices.Contains(others, name) {
			out = append(out, name)
		}
	}
	return out
}

// exceed has more clusters of the last slice fail than may, and waits until all that are online are back.
func (e *example) exceed(bad, digest string, second []string, failed int) {
	e.t.Helper()
	e.await("be half through the last slice", func(seen map[string]simulation.Seen) bool {
		n := 0
		for _, name := range e.waves["rest"] {
			if s := seen[name]; s.Apps["web"] == digest && s.Settled == s.Generation {
				n++
			}
		}
		return n > len(e.waves["rest"])*4/10
	})
	e.kill("in the middle of the last slice")
	budget := int(e.share * float64(len(e.waves["rest"])))
	var more []string
	seen := e.agents.Seen()
	for _, name := range e.waves["rest"] {
		if s := seen[name]; len(more) < budget+1-failed && e.online[name] && s.Apps["web"] == digest &&
			s.Settled == s.Generation && s.Bad == "" && !slices.Contains(second, name) {
			more = append(more, name)
		}
	}
	e.order("degrade web", more...)
	var text string
	e.until("the version has failed", func() bool {
		_, text = e.failure(bad)
		return text != ""
	})
	if want := fmt.Sprintf("%d of %d clusters of the wave rest failed, and %d may: web ", budget+1, len(e.waves["rest"]),
		budget); !strings.HasPrefix(text, want) {
		e.t.Errorf("it failed because %q, want %q", text, want)
	}
	begin, had := time.Now(), len(e.with("rest", digest))+len(e.with("early", digest))+len(e.with("canary", digest))
	e.await("begin to go back", func(seen map[string]simulation.Seen) bool {
		n := 0
		for _, name := range e.waves["rest"] {
			if seen[name].Apps["web"] == digest {
				n++
			}
		}
		return n < had
	})
	e.kill("in the middle of the way back")
	e.allHave("1.4", "go back")
	e.reverted(bad)
	e.t.Logf("%d clusters were taken back %s after that was seen", had, time.Since(begin).Round(time.Millisecond))
	if canary := e.waves["canary"][0]; e.agents.Seen()[canary].Apps["db"] == e.start[canary].Apps["db"] {
		e.t.Error("the canary lost the change of another app, which came later")
	}
}

// reverted waits for the branch that takes a commit back in Git, and nothing else.
func (e *example) reverted(bad string) {
	e.t.Helper()
	branch := "refs/heads/drover/revert-" + bad[:8]
	e.until("the revert is pushed", func() bool {
		_, err := e.repo.Git("rev-parse", "--verify", "--quiet", branch)
		return err == nil
	})
	for file, want := range map[string]string{"apps/web/config.yaml": config("web", "1.4"),
		"apps/db/config.yaml": config("db", "2")} {
		if got, err := e.repo.Git("show", branch+":"+file); err != nil || strings.TrimSpace(got) != strings.TrimSpace(want) {
			e.t.Errorf("%s of the revert is %q: %v", file, got, err)
		}
	}
}

// allHave waits until all that are online have a value of web, and have settled with it.
func (e *example) allHave(value, what string) {
	e.t.Helper()
	digest := e.digests[value]
	e.await(what+" to web "+value, func(seen map[string]simulation.Seen) bool {
		for name, online := range e.online {
			if s := seen[name]; online && (s.Apps["web"] != digest || s.Settled != s.Generation) {
				return false
			}
		}
		return true
	})
}

// travelsWithout has the next version travel while clusters are offline: the last wave passes it without them (I5).
func (e *example) travelsWithout() {
	e.t.Helper()
	commit := e.commit("web 1.6", web("1.6"))
	e.learn("1.6")
	e.approve(commit)
	e.passes("rest", commit)
	e.allHave("1.6", "go on")
	for name, online := range e.online {
		if s := e.agents.Seen()[name]; !online && (s.Online || s.Apps["web"] == e.digests["1.6"]) {
			e.t.Fatalf("I5: %s was to be offline, and is %+v", name, s)
		}
	}
}

// comeBack has those that were offline come back: they get what their wave has passed, and never what was bad (I4).
func (e *example) comeBack() {
	e.t.Helper()
	e.returned = time.Now()
	e.order("online")
	for name := range e.online {
		e.online[name] = true
	}
	e.allHave("1.6", "come back")
}
