package demo

import (
	"context"
	"fmt"
	"strings"
	"time"
)

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

// waves has a bad commit stopped in the first wave and taken back, and the mended one pass.
func (s *story) waves(ctx context.Context) error {
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
func (s *story) tryBad(ctx context.Context, staging []*cluster) error {
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
func (s *story) pass(ctx context.Context, staging, production []*cluster) error {
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
func (s *story) end(ctx context.Context) error {
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
	if _, err := s.follow(ctx, s.clusters, commit, func(*cluster) aim { return entry(pageConfig, "colour", "green") }); err != nil {
		return err
	}
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}
