package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// breakOne commits a kustomization that cannot be built, beside a change to another app.
func (s *story) breakOne(ctx context.Context) error {
	err := errors.Join(
		s.repo.replace(baseKustomization, "- deployment.yaml", "- deploymnet.yaml"),
		s.repo.replace(baseConfig, "LOG_LEVEL: info", "LOG_LEVEL: warn"),
		s.repo.replace(pageFile, "colour: green", "colour: blue"),
	)
	if err != nil {
		return err
	}
	were := map[*cluster]versions{}
	for _, c := range s.clusters {
		if were[c], err = c.versions(ctx, paymentDeployment, paymentConfig, paymentService); err != nil {
			return err
		}
	}
	commit := func() (move, error) { return s.repo.commit("a blue page, and a slip of the finger") }
	if _, err := s.follow(ctx, s.clusters, commit, func(*cluster) aim { return entry(pageConfig, "colour", "blue") }); err != nil {
		return err
	}
	message := ""
	err = each(ctx, s.clusters, func(ctx context.Context, c *cluster) error {
		said, err := s.stopped(ctx, c)
		if err != nil {
			return err
		}
		if c == s.clusters[0] {
			message = said
		}
		if err := c.still(ctx, were[c]); err != nil {
			return err
		}
		_, err = c.wait(ctx, rolledOut(paymentDeployment, s.image, s.pods(c)))
		return err
	})
	if err != nil {
		return err
	}
	s.screen.Saw(0, "payment-service: untouched and ready in all %d clusters; drover status says:", len(s.clusters))
	s.screen.Quote(message)
	var no *refusal
	if _, err := s.hub.drover(ctx, "status", "--exit-code"); !errors.As(err, &no) || no.code != 1 {
		return &disappointment{"drover status --exit-code", "exit code 1", fmt.Sprint(err)}
	}
	return nil
}

// stopped waits until the status of a cluster says that the payment service cannot be rendered, and why, and that the
// other app is well. It returns what is said.
func (s *story) stopped(ctx context.Context, c *cluster) (message string, err error) {
	err = until(ctx, "drover status "+c.name+": payment-service failed because of deploymnet.yaml, status-page healthy", func() (bool, string) {
		d, err := s.hub.cluster(ctx, c.name)
		if err != nil {
			return false, err.Error()
		}
		var seen []string
		good := 0
		for _, a := range d.AppRows {
			seen = append(seen, fmt.Sprintf("%s is %s (%s) %s", a.Name, a.Phase, a.Health, a.Message))
			switch {
			case a.Name == "payment-service" && a.Phase == "failed" && strings.Contains(a.Message, "deploymnet.yaml"):
				message = a.Message
				good++
			case a.Name == "status-page" && a.Phase == "healthy":
				good++
			}
		}
		return good == 2, strings.Join(seen, "; ")
	})
	return message, err
}

// takeBack reverts the broken commit.
func (s *story) takeBack(ctx context.Context) error {
	m, err := s.follow(ctx, s.clusters, s.repo.revert, func(*cluster) aim { return entry(pageConfig, "colour", "green") })
	if err != nil {
		return err
	}
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	s.screen.Saw(time.Since(m.at), "payment-service: rendered again, healthy in all %d clusters", len(s.clusters))
	return nil
}

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
	s.screen.Saw(time.Since(m.at), "refused in all %d clusters, which keep the last applied version; drover status says:",
		len(s.clusters))
	s.screen.Quote(message)
	c := s.get("production-us-east-1")
	s.screen.Note("A live edit is healed to the last applied version:")
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
	s.screen.Saw(time.Since(m.at), "status-page: healthy again in all %d clusters", len(s.clusters))
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
