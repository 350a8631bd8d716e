package hub_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/rollouts/journal"
	"github.com/drover-dev/drover/protocol"
)

var simulated = flag.Int("agents", 40, "how many agents TestManyAgentsInWaves simulates")

// agents are simulated: each has a credential and a connection of its own, verifies the bundles that it gets as an agent
// does, and reports that all of its apps are healthy; or that web has failed, with what came with a bad commit.
type agents struct {
	rig *rig

	mu      sync.Mutex      // guards what follows
	good    map[string]bool // digests of web
	bad     string          // digest of web that fails: what comes with the commit "three" alone
	told    map[string]had
	flying  map[string]bool // clusters of the wave rest that have a digest of web which they have not reported
	most    int             // of them at once
	got     []arrival
	wrong   []string
	reports int
}

// had is what the agent of a cluster got last.
type had struct {
	generation uint64
	web        string
}

// arrival is a digest of web that is new to a cluster, in the order in which they arrive.
type arrival struct{ cluster, web string }

func canary(cluster string) bool { return cluster < "c0004" }

// begin has the agent of a cluster listen.
func (a *agents) begin(cluster string) {
	c, cred := a.rig.agent(cluster), a.rig.creds[cluster]
	take := func(m *natsgo.Msg) { a.take(c, cred, m.Data) }
	if _, err := c.Subscribe(protocol.DesiredSubject(cluster), take); err != nil {
		a.rig.t.Fatal(err)
	}
	if m, err := get(c, protocol.DesiredGet(cluster)); err == nil && m.Header.Get("Status") == "" {
		a.take(c, cred, m.Data)
	}
}

// take takes a bundle, and reports.
func (a *agents) take(c *natsgo.Conn, cred protocol.Credential, sealed []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := cred.Cluster
	envelope, err := protocol.Unseal(cred.OpenKey, name, sealed)
	if err != nil {
		a.wrong = append(a.wrong, err.Error())
		return
	}
	b, err := protocol.VerifyBundle(envelope, name, cred.SigningKeys())
	if err != nil {
		a.wrong = append(a.wrong, err.Error())
		return
	}
	last := a.told[name]
	if b.Generation <= last.generation {
		return // it comes by push and by get
	}
	now := had{generation: b.Generation}
	rep := protocol.Report{Version: protocol.Version, Cluster: name, Seq: b.Generation, Time: time.Now(), Generation: b.Generation,
		Epoch: b.Epoch, Digest: b.Digest(), Revision: b.Revision,
		Agent: protocol.Agent{Identity: "test", Started: time.Now(), Term: 1}}
	for _, app := range b.Apps {
		is := protocol.AppReport{Name: app.Name, Phase: protocol.PhaseHealthy, Since: time.Now()}
		if app.Blob != nil {
			is.Digest = app.Blob.Digest
		}
		if web := appOf(b, "web"); web != nil && app.Name == web.Name {
			if now.web = is.Digest; b.Revision.Subject == "three" && !a.good[now.web] {
				is.Phase, a.bad = protocol.PhaseFailed, now.web
			} else {
				a.good[now.web] = true
			}
		}
		rep.Apps = append(rep.Apps, is)
	}
	a.told[name] = now
	if now.web != last.web {
		a.got = append(a.got, arrival{name, now.web})
		if !canary(name) {
			a.flying[name] = true
		}
	}
	a.most = max(a.most, len(a.flying))
	data, err := json.Marshal(rep)
	if err != nil {
		a.wrong = append(a.wrong, err.Error())
		return
	}
	time.AfterFunc(20*time.Millisecond, func() { // it takes an agent a while
		spoken, err := protocol.Speak(protocol.SpeechReport, name, signer(cred.Seed), cred.HubOpen, data)
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.flying, name)
		if err == nil {
			err = c.Publish(protocol.ReportSubject(name), spoken)
		}
		if a.reports++; err != nil {
			a.wrong = append(a.wrong, err.Error())
		}
	})
}

// all says whether all agents have something of web.
func (a *agents) all(is func(cluster, web string) bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name := range a.rig.creds {
		if !is(name, a.told[name].web) {
			return false
		}
	}
	return true
}

// have waits until agents have something of web, and takes out what arrived since the last time.
func (a *agents) have(what string, is func(cluster, web string) bool) []arrival {
	a.rig.t.Helper()
	begin := time.Now()
	limit := time.After(patience * time.Duration(1+len(a.rig.creds)/200))
	for !a.all(is) {
		select {
		case <-a.rig.hub.State().Changed():
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			a.rig.t.Fatalf("not in time: %s", what)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.wrong {
		a.rig.t.Error(w)
	}
	out := a.got
	a.rig.t.Logf("%s: after %s; %d arrivals, %d reports in all, at most %d in flight", what,
		time.Since(begin).Round(time.Millisecond), len(out), a.reports, a.most)
	a.got = nil
	return out
}

// wholeFleet are n clusters that run the same, in two waves: four canaries, and the rest in slices.
func wholeFleet(n int) (files map[string]string, names []string) {
	files = map[string]string{"apps/web/base/kustomization.yaml": kustomizationBase,
		"apps/web/base/config.yaml": configMap("web", "one"), "fleet/production.yaml": `apiVersion: drover.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: production}
spec:
  waves:
  - {name: canary, clusterSelector: {matchLabels: {ring: "0"}}, soak: 1s}
  - {name: rest, steps: [10%, 100%], atOnce: 25%, soak: 1s, failures: 1%}
  onFailure: rollback
`}
	for i := range n {
		name := fmt.Sprintf("c%04d", i)
		ring := "1"
		if canary(name) {
			ring = "0"
		}
		names = append(names, name)
		files["clusters/"+name+"/cluster.yaml"] = fmt.Sprintf("apiVersion: drover.dev/v1alpha1\nkind: Cluster\n"+
			"metadata: {name: %s, labels: {ring: %q}}\n", name, ring)
		files["clusters/"+name+"/apps.yaml"] = app("web", "./apps/web/base", "")
	}
	return files, names
}

// A good version travels to simulated agents over a real NATS in waves, a bad one is stopped in the canaries and taken
// back, and the next good one passes. The invariants of rollouts hold for what agents got, in the order in which they
// got it. -agents=10000 makes it the fleet that rollouts are designed for.
func TestManyAgentsInWaves(t *testing.T) {
	t.Parallel()
	files, names := wholeFleet(*simulated)
	r := newRigWith(t, nil, files)
	a := &agents{rig: r, good: map[string]bool{}, told: map[string]had{}, flying: map[string]bool{}}
	r.join(names...)
	for _, name := range names {
		a.begin(name)
	}
	first := a.have("all have the first version", func(_, web string) bool { return web != "" })[0].web
	r.wave("rest", "passed")
	a.mu.Lock()
	a.most = 0
	a.mu.Unlock()

	r.push("two", web("two"))
	got := a.have("all have the second version", func(_, web string) bool { return web != first })
	second := got[0].web
	for i, x := range got {
		if x.web != second || (i < 4) != canary(x.cluster) {
			t.Errorf("I1: %s is the %d. that gets %s", x.cluster, i+1, x.web)
		}
	}
	if limit := (len(names) - 4) / 4; a.most > limit || a.most < 2 {
		t.Errorf("I2: %d were in flight at once, and %d may be", a.most, limit)
	}
	r.wave("rest", "passed")

	r.push("three", web("three"))
	r.wave("canary", "held back from Git")
	if a.bad == "" {
		t.Fatal("no agent got the bad version")
	}
	got = a.have("all have the second version again", func(_, web string) bool { return web == second })
	for _, x := range got {
		if x.web != second && !canary(x.cluster) {
			t.Errorf("I3: %s got what is bad", x.cluster)
		}
	}

	r.push("four", web("four"))
	for _, x := range a.have("all have the fourth version", func(_, web string) bool {
		return web != second && web != a.bad
	}) {
		if x.web == a.bad {
			t.Errorf("I3: %s got what is bad", x.cluster)
		}
	}
	r.wave("rest", "passed")
	a.journalled()
}

// journalled checks that every release is in the journal, with the rule that allowed it.
func (a *agents) journalled() {
	a.rig.t.Helper()
	type release struct{ cluster, target, rule string }
	noted, counts := map[release]bool{}, map[[2]string]int{} // counts by cluster and rule
	for _, e := range a.rig.decisions() {
		if e.Kind != journal.KindRelease {
			continue
		}
		if e.Rule == "" || e.Count != len(e.Clusters) || e.Count > audit.MaxClusters {
			a.rig.t.Errorf("I7: an entry is %+v", e)
		}
		for _, name := range e.Clusters {
			x := release{name, e.Target, e.Rule}
			if noted[x] {
				a.rig.t.Errorf("I7: it is noted twice that %v", x)
			}
			noted[x] = true
			counts[[2]string{name, e.Rule}]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.rig.creds)) {
		byWave, byFirst, back := 2, 1, 0
		if canary(name) {
			byWave, byFirst, back = 4, 0, 1 // the first version had passed nowhere; and the bad one
		}
		for rule, want := range map[rollout.Rule]int{rollout.ByWave: byWave, rollout.ByFirst: byFirst,
			rollout.ByRollback: back} {
			if n := counts[[2]string{name, string(rule)}]; n != want {
				a.rig.t.Errorf("I7: by the journal %s was released to %d targets because %s, want %d", name, n, rule, want)
			}
		}
	}
}
