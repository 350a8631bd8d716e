package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/test/demo/meter"
)

// waves is what acts with a RolloutPolicy share. Staging is the first wave, and production the second.
type waves struct{ *story }

// begin commits a policy. It returns what production has then.
func (w waves) begin(ctx context.Context, file, text, message string) (map[*cluster]versions, error) {
	w.repo.git.Write(file, text)
	w.screen.Ran("git add " + file)
	m, err := w.repo.commit(message)
	if err != nil {
		return nil, err
	}
	w.head = m.hash
	if err := w.hub.untilGood(ctx, w.head, len(w.clusters)); err != nil {
		return nil, err
	}
	return w.have(ctx, w.choose(true))
}

// have says what clusters have of both apps.
func (w waves) have(ctx context.Context, clusters []*cluster) (map[*cluster]versions, error) {
	all := map[*cluster]versions{}
	for _, c := range clusters {
		v, err := c.versions(ctx, pageConfig, pageDeployment, paymentConfig, paymentDeployment)
		if err != nil {
			return nil, err
		}
		all[c] = v
	}
	return all, nil
}

// keep says which clusters no longer have what they had.
func (w waves) keep(ctx context.Context, were map[*cluster]versions) error {
	for c, was := range were {
		if err := c.still(ctx, was); err != nil {
			return err
		}
	}
	return nil
}

// failed waits until a commit has failed in the first wave and the clusters of that are well again. It returns why the
// commit failed.
func (w waves) failed(ctx context.Context, m move) (why string, err error) {
	err = w.hub.untilRollouts(ctx, "the commit has failed, and staging has what it had", func(all []policy) string {
		if len(all) != 1 || len(all[0].Bad) != 1 || !strings.HasPrefix(all[0].Bad[0].Target, m.hash) {
			return fmt.Sprintf("%+v", all)
		}
		why = all[0].Bad[0].Why
		return ""
	})
	if err != nil {
		return "", err
	}
	return why, w.hub.untilStatus(ctx, "staging is healthy again", func(f fleet) string {
		for _, r := range f.Clusters {
			if r.Name == "staging" && r.Health == "current" && r.Synced {
				return ""
			}
		}
		return "it is not"
	})
}

// inTurn commits, and sees all clusters come to an aim: the second wave later than the first, by least or more.
func (w waves) inTurn(ctx context.Context, message string, a aim, least time.Duration) error {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	looks := map[*cluster]*lookout{}
	for _, c := range w.clusters {
		looks[c] = c.look(watching, a)
	}
	m, err := w.repo.commit(message)
	if err != nil {
		return err
	}
	w.head = m.hash
	staging := w.get("staging")
	first, err := last([]*lookout{looks[staging]})
	if err != nil {
		return err
	}
	w.screen.Saw(first.Sub(m.at), "%s: %s", staging.name, a.what)
	for _, c := range w.choose(true) {
		at, err := last([]*lookout{looks[c]})
		if err != nil {
			return err
		}
		if at.Sub(first) < least {
			want := fmt.Sprintf("%s not before %s after staging", a.what, least)
			return &disappointment{c.name, want, at.Sub(first).String()}
		}
		w.screen.Saw(at.Sub(m.at), "%s: %s", c.name, a.what)
	}
	return w.hub.untilGood(ctx, w.head, len(w.clusters))
}

// end takes the policy away.
func (w waves) end(ctx context.Context, file, message string) error {
	w.repo.git.Remove(file)
	w.screen.Ran("git rm " + file)
	m, err := w.repo.commit(message)
	if err != nil {
		return err
	}
	w.head = m.hash
	return w.hub.untilRollouts(ctx, "no policy holds anything", func(all []policy) string {
		if len(all) == 0 {
			return ""
		}
		return fmt.Sprintf("%+v", all)
	})
}

// soak is that of the first wave.
const soak = 2 * time.Second

const (
	policyFile = "fleet/waves.yaml"
	policyText = `apiVersion: drover.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: careful}
spec:
  waves:
  - {name: canary, clusterSelector: {matchLabels: {env: staging}}, soak: 2s}
  - {name: production}
  onFailure: rollback
`
)

// trial is an act in which health decides.
type trial struct{ waves }

// play has a bad commit stopped in the first wave and taken back, and the right one pass.
func (s trial) play(ctx context.Context) error {
	were, err := s.begin(ctx, policyFile, policyText, "staging first")
	if err != nil {
		return err
	}
	if err := s.tryBad(ctx); err != nil {
		return err
	}
	if err := s.keep(ctx, were); err != nil {
		return err
	}
	s.screen.Saw(0, "production: untouched in all %d clusters", len(were))
	if err := s.repo.replace(pageFile, "colour: 1999", "colour: violet"); err != nil {
		return err
	}
	if err := s.inTurn(ctx, "violet, then", entry(pageConfig, "colour", "violet"), soak); err != nil {
		return err
	}
	if err := s.end(ctx, policyFile, "no waves any more"); err != nil {
		return err
	}
	if err := s.repo.replace(pageFile, "colour: violet", "colour: green"); err != nil {
		return err
	}
	commit := func() (move, error) { return s.repo.commit("green again, everywhere at once") }
	green := func(*cluster) aim { return entry(pageConfig, "colour", "green") }
	if _, err := s.follow(ctx, s.clusters, commit, green); err != nil {
		return err
	}
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}

// tryBad commits a value that the API servers refuse, and sees that the first wave is given what it had.
func (s trial) tryBad(ctx context.Context) error {
	if err := s.repo.replace(pageFile, "colour: green", "colour: 1999"); err != nil {
		return err
	}
	m, err := s.repo.commit("the colour of a party")
	if err != nil {
		return err
	}
	s.head = m.hash
	why, err := s.failed(ctx, m)
	if err != nil {
		return err
	}
	s.screen.Saw(time.Since(m.at), "stopped in the first wave, which has its last version again; drover rollout says:")
	s.screen.Quote(why)
	return nil
}

// The policy of the act in which a metric decides, without its gate, and that gate: so many measurements below the
// limit in a row, one each interval.
const (
	gateFile   = "fleet/gate.yaml"
	gatePolicy = `apiVersion: drover.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: measured}
spec:
  waves:
  - {name: canary, clusterSelector: {matchLabels: {env: staging}}, gates: [failures]}
  - {name: production}
  onFailure: rollback
  gates:
`
	gateCount    = 4
	gateInterval = 500 * time.Millisecond
	gateLimit    = 0.05
)

// Versions of the payment service, and the ratio of their payments that fail.
const (
	failing       = "payment-service:1.5.1"
	fixed         = "payment-service:1.5.2"
	failingFailed = 0.2
	othersFailed  = 0.002
)

// gated is an act in which a metric decides.
type gated struct{ waves }

// play has a version that is healthy, and fails its payments, stopped in the first wave by a gate and taken back; its
// revert pass; and the version that fixes it pass the gate.
func (s gated) play(ctx context.Context) error {
	if err := s.measure(ctx); err != nil {
		return err
	}
	gate := s.meter.Gate("failures", gateInterval, gateCount, gateLimit)
	s.screen.Note("The gate of the first wave, in %s:", gateFile)
	s.screen.Quote(gate)
	were, err := s.begin(ctx, gateFile, gatePolicy+indented(gate), "a metric decides")
	if err != nil {
		return err
	}
	good := s.image
	if err := s.stop(ctx, good); err != nil {
		return err
	}
	if err := s.keep(ctx, were); err != nil {
		return err
	}
	s.screen.Saw(0, "production: untouched in all %d clusters", len(were))
	if err := s.undo(ctx); err != nil {
		return err
	}
	if err := s.repo.replace(baseDeployment, good, fixed); err != nil {
		return err
	}
	s.image = fixed
	least := (gateCount - 1) * gateInterval
	err = s.inTurn(ctx, "payment service "+version(fixed), image(paymentDeployment, fixed), least)
	if err != nil {
		return err
	}
	if err := s.end(ctx, gateFile, "no gate any more"); err != nil {
		return err
	}
	s.prometheus.Stop(5 * time.Second)
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}

// indented is an item of the list that gatePolicy ends with.
func indented(gate string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(gate), "\n", "\n  ") + "\n"
}

// measure starts what the gate asks, and waits until it has measured every cluster.
func (s gated) measure(ctx context.Context) error {
	s.screen.Note("No containers run here, so their metric is played as well. An exporter looks up which version each "+
		"cluster runs: %s fails %g%% of its payments, the others %g%%.", version(failing), 100*failingFailed,
		100*othersFailed)
	s.meter.Serve(s.readings)
	began := time.Now()
	what := "Prometheus"
	if s.meter.Prometheus() {
		command, err := s.meter.Command(s.work.File("prometheus"))
		if err != nil {
			return err
		}
		s.screen.Ran("prometheus --web.listen-address=" + s.meter.Address())
		if s.prometheus, err = start("Prometheus", s.work.File("prometheus.log"), s.ended, command...); err != nil {
			return err
		}
	} else {
		what = "the exporter"
		s.screen.Note("There is no Prometheus on this machine, so the gate asks the exporter itself, for JSON. To see it " +
			"ask Prometheus: install the package prometheus (on Debian and Ubuntu: make deps), and start the demo again.")
	}
	worst := 0.0
	for _, c := range s.clusters {
		err := until(ctx, what+" has the metric of "+c.name, func() (bool, string) {
			v, err := s.meter.Worst(ctx, c.name)
			worst = max(worst, v)
			return err == nil, fmt.Sprint(err)
		})
		if err != nil {
			return err
		}
	}
	s.screen.Saw(time.Since(began), "%s: at most %g%% of the payments fail in any cluster", what, 100*worst)
	return nil
}

// readings are what the exporter tells: of each cluster that answers, by the version that it runs.
func (s gated) readings(ctx context.Context) (all []meter.Reading) {
	var mu sync.Mutex
	_ = each(ctx, s.clusters, func(ctx context.Context, c *cluster) error {
		o, err := c.kube().Get(ctx, paymentDeployment)
		if err != nil || o == nil {
			return nil // there is nothing to tell of this one
		}
		img := firstContainer(o).Text("image")
		failed := othersFailed
		if img == failing {
			failed = failingFailed
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, meter.Reading{Cluster: c.name, Version: version(img), Failed: failed})
		return nil
	})
	return all
}

// stop releases the version that fails its payments, and sees it become healthy in staging, and staging be given the
// good version again because of the gate.
func (s gated) stop(ctx context.Context, good string) error {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	staging := s.get("staging")
	if err := s.repo.replace(baseDeployment, good, failing); err != nil {
		return err
	}
	ready := staging.look(watching, rolledOut(paymentDeployment, failing, s.pods(staging)))
	back := staging.look(watching, after(image(paymentDeployment, failing),
		rolledOut(paymentDeployment, good, s.pods(staging))))
	m, err := s.repo.commit("payment service " + version(failing))
	if err != nil {
		return err
	}
	s.head = m.hash
	at, err := last([]*lookout{ready})
	if err != nil {
		return err
	}
	s.screen.Saw(at.Sub(m.at), "staging: %s is ready and healthy", failing)
	why, err := s.failed(ctx, m)
	if err != nil {
		return err
	}
	const said = "the gate failures failed in the wave canary"
	if measured := fmt.Sprint(failingFailed); !strings.Contains(why, said) || !strings.Contains(why, measured) {
		return &disappointment{"drover rollout, of why the commit failed", said + ": " + measured, why}
	}
	if at, err = last([]*lookout{back}); err != nil {
		return err
	}
	s.screen.Saw(at.Sub(m.at), "stopped by the gate and taken back; drover rollout says:")
	s.screen.Quote(why)
	return nil
}

// undo reverts the commit that failed, and sees it pass both waves without a change to any cluster.
func (s gated) undo(ctx context.Context) error {
	were, err := s.have(ctx, s.clusters)
	if err != nil {
		return err
	}
	m, err := s.repo.revert()
	if err != nil {
		return err
	}
	s.head = m.hash
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	err = s.hub.untilRollouts(ctx, "all waves have passed the revert", func(all []policy) string {
		for _, p := range all {
			for _, w := range p.Waves {
				if !strings.HasPrefix(w.Target, m.hash) || w.Reason != "Passed" {
					return fmt.Sprintf("%+v", p.Waves)
				}
			}
		}
		return ""
	})
	if err != nil {
		return err
	}
	if err := s.keep(ctx, were); err != nil {
		return err
	}
	s.screen.Saw(time.Since(m.at), "the revert passes both waves: it asks for what runs already")
	return nil
}
