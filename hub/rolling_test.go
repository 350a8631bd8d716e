package hub_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/prometheus"
	"github.com/drover-dev/drover/hub/prometheus/promtest"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/hub/webmetric"
	"github.com/drover-dev/drover/protocol"
)

// canaryFirst holds the clusters of twoClusters: a first, then b.
const canaryFirst = `apiVersion: drover.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: production}
spec:
  waves:
  - {name: canary, clusterSelector: {matchLabels: {ring: "0"}}, soak: 1s}
  - {name: rest}
  onFailure: rollback
`

// inWaves are two clusters of two waves, with a policy.
func inWaves(policy string) map[string]string {
	files := twoClusters()
	files["clusters/a/cluster.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a, labels: " +
		"{ring: \"0\"}}\n"
	files["clusters/b/cluster.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: b, labels: " +
		"{ring: \"1\"}}\n"
	files["fleet/production.yaml"] = policy
	return files
}

// tells has a cluster's agent report that it has its newest bundle, and that its apps are in a phase.
func (r *rig) tells(name string, phase protocol.Phase) {
	r.t.Helper()
	b, ok := r.bundle(name)
	if !ok {
		r.t.Fatalf("%s has no bundle", name)
	}
	r.report(name, func(rep *protocol.Report) {
		rep.Generation, rep.Epoch, rep.Digest, rep.Revision = b.Generation, b.Epoch, b.Digest(), b.Revision
		for _, a := range b.Apps {
			is := protocol.AppReport{Name: a.Name, Phase: phase, Since: time.Now()}
			if a.Blob != nil {
				is.Digest = a.Blob.Digest
			}
			rep.Apps = append(rep.Apps, is)
		}
	})
}

// gets waits until the web app of a cluster has a value.
func (r *rig) gets(cluster, value string) protocol.Bundle {
	r.t.Helper()
	return r.await(cluster, "web is "+value, func(b protocol.Bundle) bool {
		return strings.Contains(r.lines(cluster, b, "web"), `"value":"`+value+`"`)
	})
}

// keeps fails if the web app of a cluster has no more a value.
func (r *rig) keeps(cluster, value string) {
	r.t.Helper()
	b, _ := r.bundle(cluster)
	if got := r.lines(cluster, b, "web"); !strings.Contains(got, `"value":"`+value+`"`) {
		r.t.Errorf("web of %s is %s, and was to stay %s", cluster, got, value)
	}
}

// wave waits until a wave of the only policy says something.
func (r *rig) wave(name, text string) {
	r.t.Helper()
	last := ""
	defer func() {
		if r.t.Failed() {
			r.t.Logf("it said: %s", last)
		}
	}()
	r.until("the wave "+name+" says "+text, func() bool {
		for _, p := range r.hub.State().Source().Rollouts {
			for _, w := range p.Waves {
				if w.Name == name {
					last = w.Text
				}
			}
		}
		return strings.Contains(last, text)
	})
}

// begun has both clusters at the first commit, healthy.
func begun(t *testing.T, policy string, edits ...func(*rig)) *rig {
	t.Helper()
	r := newRigWith(t, nil, inWaves(policy), edits...)
	r.join("a", "b")
	r.gets("a", "one")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("b", "one")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("rest", "passed")
	return r
}

func web(value string) map[string]string {
	return map[string]string{"apps/web/base/config.yaml": configMap("web", value)}
}

func TestAChangeReachesOneWaveAfterTheOther(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	r.push("two", web("two"))
	a := r.gets("a", "two")
	if r.keeps("b", "one"); a.Incomplete != "" {
		t.Errorf("the bundle of a is incomplete: %s", a.Incomplete)
	}
	r.wave("canary", "0 of 1 settled")
	r.restart(nil)
	r.wave("canary", "0 of 1 settled")
	r.keeps("b", "one")
	b, _ := r.bundle("b")
	if app := appOf(b, "web"); app == nil || app.Error != "" {
		t.Errorf("web of b is %+v", app)
	}
	r.tells("a", protocol.PhaseHealthy)
	r.gets("b", "two")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("rest", "passed")

	// What changes nothing in a wave does not wait in it.
	r.push("only b", map[string]string{"clusters/b/settings.yaml": configMap("settings", "new")})
	r.await("b", "its settings", func(b protocol.Bundle) bool { return strings.Contains(r.lines("b", b, "root"), "new") })
}

func TestWhatFailsInAWaveIsTakenBack(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	r.push("bad", web("bad"))
	before := r.gets("a", "bad")
	r.tells("a", protocol.PhaseFailed)
	after := r.gets("a", "one")
	if after.Generation <= before.Generation {
		t.Errorf("generation %d comes after %d", after.Generation, before.Generation)
	}
	r.keeps("b", "one")
	r.until("it shows what is bad, and that both are behind", func() bool {
		p := r.hub.State().Source().Rollouts[0]
		return len(p.Bad) == 1 && p.Bad[0].Subject == "bad" && slices.Contains(p.Bad[0].Apps, "web") && len(p.Behind) == 2
	})
	r.tells("a", protocol.PhaseHealthy)
	r.restart(nil) // it is not forgotten
	r.wave("canary", "held back from Git")
	r.keeps("a", "one")
	r.push("another app", map[string]string{"apps/extra/config.yaml": configMap("extra", "y")})
	a := r.await("a", "the other app", func(b protocol.Bundle) bool {
		return strings.Contains(r.lines("a", b, "extra"),
			`"y"`)
	})
	if got := r.lines("a", a, "web"); !strings.Contains(got, `"one"`) {
		t.Errorf("what failed came with another commit: %s", got)
	}
	r.tells("a", protocol.PhaseHealthy)
	r.await("b", "the other app", func(b protocol.Bundle) bool {
		return strings.Contains(r.lines("b", b, "extra"),
			`"y"`)
	})
	r.tells("b", protocol.PhaseHealthy)
	r.push("good", web("good"))
	r.gets("a", "good")
	r.tells("a", protocol.PhaseHealthy)
	b := r.gets("b", "good")
	if got := r.lines("b", b, "extra"); !strings.Contains(got, `"y"`) {
		t.Errorf("extra of b is %s", got)
	}
}

// A file that is there no more is a change like others: nothing is deleted before its wave.
func TestDeletionsWaitForTheirWave(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	r.push("without extra", map[string]string{
		"clusters/a/apps.yaml": app("web", "./apps/web/overlays/a", ""),
		"clusters/b/apps.yaml": app("web", "./apps/web/overlays/b", "")})
	r.await("a", "without extra", func(b protocol.Bundle) bool { return appOf(b, "extra") == nil })
	b, _ := r.bundle("b")
	if appOf(b, "extra") == nil {
		t.Error("extra of b is gone before its wave")
	}
	r.tells("a", protocol.PhaseHealthy)
	r.await("b", "without extra", func(b protocol.Bundle) bool { return appOf(b, "extra") == nil })
}

// What holds changes back is data like all other: without it nothing is let through.
func TestAPolicyThatCannotBeReadOrIsGoneStillHolds(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	files := web("two")
	files["fleet/production.yaml"] = strings.Replace(canaryFirst, "waves:", "wavs:", 1)
	r.push("broken", files)
	r.gets("a", "two")
	r.keeps("b", "one")
	files = web("three")
	files["fleet/production.yaml"] = ""
	r.push("gone", files)
	r.wave("canary", "0 of 1 settled")
	r.restart(nil)
	r.keeps("b", "one")
	if p := r.hub.State().Source().Rollouts; len(p) != 1 || !p[0].Gone {
		t.Fatalf("it shows %+v", p)
	}
	r.tells("a", protocol.PhaseHealthy) // two
	r.gets("a", "three")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("b", "two")
	r.tells("b", protocol.PhaseHealthy)
	r.gets("b", "three")
	r.tells("b", protocol.PhaseHealthy)
	r.until("the policy has ended", func() bool { return len(r.hub.State().Source().Rollouts) == 0 })
	r.push("four", web("four"))
	r.gets("b", "four")
}

// A policy that is new takes what clusters have for what was released to them, and holds the commit that brings it.
func TestAPolicyThatIsNewHoldsTheCommitThatBringsIt(t *testing.T) {
	t.Parallel()
	files := inWaves("")
	delete(files, "fleet/production.yaml")
	r := newRig(t, files)
	r.join("a", "b")
	r.gets("a", "one")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("b", "one")
	r.tells("b", protocol.PhaseHealthy)
	change := web("two")
	change["fleet/production.yaml"] = canaryFirst
	r.push("two", change)
	r.gets("a", "two")
	r.keeps("b", "one")
	r.wave("canary", "0 of 1 settled")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("b", "two")
}

// A hub that has lost its store does not know what was released: it is halted, begins then with the first wave, and
// deletes nothing.
func TestALostStoreBeginsWithTheFirstWave(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	r.restart(func() {
		must(0, os.Remove(filepath.Join(r.data, "hub.db")))
		r.write(web("two"))
		r.commit("two")
	})
	r.wave("canary", "this hub cannot prove what was decided")
	if _, err := hub.RolloutsOf(r.hub).Decide(t.Context(), rollouts.Order{Action: rollouts.Resume, Policy: "production",
		Reason: "the disk was lost"}); err != nil {
		t.Fatal(err)
	}
	r.await("a", "web is two", func(b protocol.Bundle) bool {
		return b.Epoch > 1 && strings.Contains(r.lines("a", b, "web"), `"two"`)
	})
	if b, ok := r.bundle("b"); ok && b.Incomplete == "" && appOf(b, "web") == nil {
		t.Errorf("b is told that it has no web: %+v", b)
	}
	r.tells("a", protocol.PhaseHealthy)
	b := r.gets("b", "two")
	if b.Incomplete != "" {
		t.Errorf("b is left in doubt: %s", b.Incomplete)
	}
}

func TestPeopleDecideOnRollouts(t *testing.T) {
	t.Parallel()
	r := begun(t, strings.Replace(canaryFirst, "{name: rest}", "{name: rest, approval: {notAuthor: true}}", 1))
	decide := func(o rollouts.Order, want string) {
		t.Helper()
		o.Policy = "production"
		text, err := hub.RolloutsOf(r.hub).Decide(t.Context(), o)
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s: %s; want %s", o.Action, text, want)
		}
	}
	decide(rollouts.Order{Action: rollouts.Halt, Reason: "a fire"}, "nothing is released")
	r.push("two", web("two"))
	r.wave("canary", "halted by")
	r.keeps("a", "one")
	decide(rollouts.Order{Action: rollouts.Resume, Reason: "it is out"}, "releases go on")
	r.gets("a", "two")
	r.tells("a", protocol.PhaseHealthy)
	r.wave("rest", "waits for approval")
	r.keeps("b", "one")
	decide(rollouts.Order{Action: rollouts.Approve, Wave: "rest"}, "say who you are")
	decide(rollouts.Order{Action: rollouts.Approve, Wave: "rest", By: "t@example.com"}, "another person than the author")
	decide(rollouts.Order{Action: rollouts.Approve, Wave: "rest", By: "ann"}, "may begin")
	r.gets("b", "two")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("rest", "passed")

	target := r.hub.State().Source().Revision.Hash
	decide(rollouts.Order{Action: rollouts.Rollback, Target: target[:8]}, "needs a reason")
	decide(rollouts.Order{Action: rollouts.Rollback, Target: target[:8], Reason: "it leaks"}, "is taken back")
	r.gets("a", "one")
	r.gets("b", "one")
	r.tells("a", protocol.PhaseHealthy)
	r.tells("b", protocol.PhaseHealthy)
	decide(rollouts.Order{Action: rollouts.Pin, Cluster: "b", Reason: "a visit", Until: time.Now().Add(time.Hour)},
		"keeps what it has")
	decide(rollouts.Order{Action: rollouts.Pin, Cluster: "x", Reason: "?", Until: time.Now().Add(time.Hour)},
		"does not hold")
	r.push("three", web("three"))
	r.gets("a", "three")
	r.tells("a", protocol.PhaseHealthy)
	r.wave("rest", "")
	r.keeps("b", "one")
	decide(rollouts.Order{Action: rollouts.Unpin, Cluster: "b", Reason: "over"}, "takes part")
	r.wave("rest", "waits for approval")
	decide(rollouts.Order{Action: rollouts.Expedite, Target: r.hub.State().Source().Revision.Hash, Reason: "now"},
		"at once")
	r.gets("b", "three")

	events, err := hub.RolloutsOf(r.hub).History(t.Context(), "production")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, e := range events {
		kinds[e.Kind] = true
	}
	for _, want := range []string{"halt", "resume", "approve", "rollback", "pin", "unpin", "expedite", "taken", "passed",
		"failed"} {
		if !kinds[want] {
			t.Errorf("the history has no %s: %v", want, slices.Sorted(maps.Keys(kinds)))
		}
	}
	if _, err := hub.RolloutsOf(r.hub).History(t.Context(), "x"); err == nil {
		t.Error("a policy that is not there has a history")
	}
	var _ []query.Rollout = r.hub.State().Source().Rollouts
}

// Suspending is safety, and waits for nothing.
func TestSuspendingIsNotHeldBack(t *testing.T) {
	t.Parallel()
	r := begun(t, canaryFirst)
	r.push("suspend", map[string]string{"clusters/b/apps.yaml": app("web", "./apps/web/overlays/b", "  suspend: true\n") +
		"---\n" + app("extra", "apps/extra", ""), "apps/web/base/config.yaml": configMap("web", "two")})
	b := r.await("b", "web is suspended", func(b protocol.Bundle) bool { return appOf(b, "web").Suspend })
	if got := r.lines("b", b, "web"); !strings.Contains(got, `"one"`) {
		t.Errorf("with it came what is held back: %s", got)
	}
}

// bothKinds asks real servers, without a login.
type bothKinds struct{}

func (bothKinds) Ask(ctx context.Context, g rollout.Gate, query string) ([]float64, error) {
	a := prometheus.Asker{Local: true, Login: func(context.Context, string, string) (prometheus.Login, error) {
		return prometheus.Login{}, nil
	}}
	return a.Ask(ctx, g, query)
}

func (bothKinds) Fetch(ctx context.Context, w rollout.Web) (any, error) {
	a := webmetric.Asker{Local: true, Login: func(context.Context, string, string) (webmetric.Login, error) {
		return webmetric.Login{}, nil
	}}
	return a.Fetch(ctx, w)
}

// An answer of the web is a gate, too: what it says by a number of waves, and of which wave, is in its address.
func TestAnAnswerOfTheWebStopsAWave(t *testing.T) {
	t.Parallel()
	var says atomic.Value
	says.Store("{}")
	asked := make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Query().Get("clusters") + " " + r.URL.Query().Get("wave")
		_, _ = io.WriteString(w, says.Load().(string))
	}))
	defer server.Close()
	policy := strings.Replace(canaryFirst, "soak: 1s}", "gates: [smoke]}", 1) + `  gates:
  - name: smoke
    web: {url: "` + server.URL + `/?clusters=${wave.clusters}&wave=${wave.name}", jsonPath: "{$.smoke.ok}"}
    interval: 100ms
    count: 3
    successCondition: result == true
    failureCondition: result == false
`
	r := newRigWith(t, nil, inWaves(policy), func(r *rig) { r.gates = bothKinds{} })
	r.join("a", "b")
	r.gets("a", "one")
	r.tells("a", protocol.PhaseHealthy)
	r.wave("canary", "the answer has nothing there")
	says.Store(`{"smoke":{"ok":null}}`)
	r.wave("canary", "the answer has null there")
	says.Store(`{"smoke":{"ok":"maybe"}}`)
	r.wave("canary", "of which neither condition holds")
	says.Store(`{"smoke":{"ok":true}}`)
	r.gets("b", "one")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("rest", "passed")
	if got := <-asked; got != "a canary" {
		t.Errorf("it asks for %q", got)
	}

	says.Store(`{"smoke":{"ok":false}}`)
	r.push("two", web("two"))
	r.gets("a", "two")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("a", "one")
	r.keeps("b", "one")
	if p := r.hub.State().Source().Rollouts[0]; len(p.Bad) != 1 || !strings.Contains(p.Bad[0].Why,
		"the gate smoke failed in the wave canary") || !strings.Contains(p.Bad[0].Why, "result false") {
		t.Errorf("it says %+v", p.Bad)
	}
}

// A metric that turns bad in the first wave stops it before other clusters have the change, and has it taken back. What
// is inconclusive holds the wave, and neither passes nor fails it.
func TestAMetricStopsAWave(t *testing.T) {
	t.Parallel()
	metrics := promtest.Serve(t) // which has nothing to say yet
	policy := strings.Replace(canaryFirst, "soak: 1s}", "gates: [errors]}", 1) + `  gates:
  - name: errors
    prometheus: {address: ` + metrics.URL + `}
    query: errors{cluster=~"${wave.clusters}"}
    interval: 100ms
    count: 3
    successCondition: result[0] < 0.01
`
	r := newRigWith(t, nil, inWaves(policy), func(r *rig) {
		r.gates = bothKinds{}
	})
	r.join("a", "b")
	r.gets("a", "one")
	r.tells("a", protocol.PhaseHealthy)
	r.wave("canary", "the query gives no data")
	metrics.Set(0.001)
	r.gets("b", "one")
	r.tells("b", protocol.PhaseHealthy)
	r.wave("rest", "passed")

	metrics.Set(0.2)
	r.push("two", web("two"))
	r.gets("a", "two")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("a", "one")
	r.keeps("b", "one")
	p := r.hub.State().Source().Rollouts[0]
	if len(p.Bad) != 1 || !strings.Contains(p.Bad[0].Why, "the gate errors failed in the wave canary") ||
		!strings.Contains(p.Bad[0].Why, "0.2") {
		t.Errorf("it says %+v", p.Bad)
	}
	r.tells("a", protocol.PhaseHealthy)
	metrics.Set(0)
	r.push("three", web("three"))
	r.gets("a", "three")
	r.tells("a", protocol.PhaseHealthy)
	r.gets("b", "three")
}
