package demo

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// refuse commits a value that no API server takes, edits the object meanwhile, and reverts the commit.
func (s *story) refuse(ctx context.Context) error {
	if err := s.repo.replace(pageFile, "colour: green", "colour: 2026"); err != nil {
		return err
	}
	m, err := s.repo.commit("this year's colour")
	if err != nil {
		return err
	}
	s.head = m.hash
	message := ""
	err = each(ctx, s.clusters, func(ctx context.Context, c *cluster) error {
		said, err := s.refused(ctx, c)
		if c == s.clusters[0] {
			message = said
		}
		return err
	})
	if err != nil {
		return err
	}
	s.screen.saw(time.Since(m.at), "refused in all %d clusters, which keep the last applied version; drover status says:",
		len(s.clusters))
	s.screen.quote(message)
	c := s.get("production-us-east-1")
	s.screen.note("A live edit is healed to the last applied version:")
	astray, back := entry(pageConfig, "colour", "red"), entry(pageConfig, "colour", "green")
	if err := s.edit(ctx, c, editor, `{"data":{"colour":"red"}}`, astray, back); err != nil {
		return err
	}
	if m, err = s.repo.revert(); err != nil {
		return err
	}
	s.head = m.hash
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	s.screen.saw(time.Since(m.at), "status-page: healthy again in all %d clusters", len(s.clusters))
	return nil
}

// refused waits until the status of a cluster says what is wrong with the status page, and that nothing else is. It
// returns what is said.
func (s *story) refused(ctx context.Context, c *cluster) (message string, err error) {
	const want = `data.colour must be a string: quote it: colour: "2026"`
	what := fmt.Sprintf("drover status %s: status-page failed with %s, payment-service healthy", c.name, want)
	err = until(ctx, what, func() (bool, string) {
		d, err := s.hub.cluster(ctx, c.name)
		if err != nil {
			return false, err.Error()
		}
		var seen []string
		good := 0
		for _, a := range d.AppRows {
			seen = append(seen, fmt.Sprintf("%s is %s (%s) %s", a.Name, a.Phase, a.Health, a.Message))
			switch {
			case a.Name == "status-page" && a.Phase == "failed" && strings.Contains(a.Message, want):
				message = a.Message
				good++
			case a.Name == "payment-service" && a.Phase == "healthy":
				good++
			}
		}
		return good == 2, strings.Join(seen, "; ")
	})
	return message, err
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

// trial is an act in waves.
type trial struct{ *story }

// play has a bad commit stopped in the first wave and taken back, and the right one pass.
func (s trial) play(ctx context.Context) error {
	staging, production := s.choose(false), s.choose(true)
	s.repo.git.Write(policyFile, policyText)
	m, err := s.repo.commit("staging first")
	if err != nil {
		return err
	}
	s.head = m.hash
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	were := map[*cluster]versions{}
	for _, c := range production {
		if were[c], err = c.versions(ctx, pageConfig, pageDeployment, paymentConfig, paymentDeployment); err != nil {
			return err
		}
	}
	if err := s.tryBad(ctx, staging); err != nil {
		return err
	}
	for _, c := range production {
		if err := c.still(ctx, were[c]); err != nil {
			return err
		}
	}
	s.screen.saw(0, "production: untouched in all %d clusters", len(production))
	return s.pass(ctx, staging, production)
}

// tryBad commits a value that the API servers refuse, and sees that the first wave is given what it had.
func (s trial) tryBad(ctx context.Context, staging []*cluster) error {
	if err := s.repo.replace(pageFile, "colour: green", "colour: 1999"); err != nil {
		return err
	}
	m, err := s.repo.commit("the colour of a party")
	if err != nil {
		return err
	}
	s.head = m.hash
	said := ""
	err = s.hub.untilRollouts(ctx, "the commit has failed, and staging has what it had", func(all []policy) string {
		if len(all) != 1 || len(all[0].Bad) != 1 || !strings.HasPrefix(all[0].Bad[0].Target, m.hash) {
			return fmt.Sprintf("%+v", all)
		}
		said = all[0].Bad[0].Why
		return ""
	})
	if err != nil {
		return err
	}
	err = s.hub.untilStatus(ctx, "staging is healthy again", func(f fleet) string {
		for _, r := range f.Clusters {
			if r.Name == staging[0].name && r.Health == "current" && r.Synced {
				return ""
			}
		}
		return "it is not"
	})
	if err != nil {
		return err
	}
	s.screen.saw(time.Since(m.at), "stopped in the first wave, which has its last version again; drover rollout says:")
	s.screen.quote(said)
	return nil
}

// pass commits what is right, and sees the waves come one after the other. Then the policy goes.
func (s trial) pass(ctx context.Context, staging, production []*cluster) error {
	if err := s.repo.replace(pageFile, "colour: 1999", "colour: violet"); err != nil {
		return err
	}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	violet := entry(pageConfig, "colour", "violet")
	looks := map[*cluster]*lookout{}
	for _, c := range s.clusters {
		looks[c] = c.look(watching, violet)
	}
	m, err := s.repo.commit("violet, then")
	if err != nil {
		return err
	}
	s.head = m.hash
	first, err := last([]*lookout{looks[staging[0]]})
	if err != nil {
		return err
	}
	s.screen.saw(first.Sub(m.at), "%s: %s", staging[0].name, violet.what)
	for _, c := range production {
		at, err := last([]*lookout{looks[c]})
		if err != nil {
			return err
		}
		if at.Sub(first) < soak {
			return &disappointment{c.name, fmt.Sprintf("nothing before staging was well for %s", soak), at.Sub(first).String()}
		}
		s.screen.saw(at.Sub(m.at), "%s: %s", c.name, violet.what)
	}
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	return s.end(ctx)
}

// end takes the policy away, and brings the colour back.
func (s trial) end(ctx context.Context) error {
	s.repo.git.Remove(policyFile)
	m, err := s.repo.commit("no waves any more")
	if err != nil {
		return err
	}
	s.head = m.hash
	if err := s.hub.untilRollouts(ctx, "no policy holds anything", func(all []policy) string {
		if len(all) == 0 {
			return ""
		}
		return fmt.Sprintf("%+v", all)
	}); err != nil {
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
