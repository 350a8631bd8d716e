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
	s.screen.saw(0, "payment-service: untouched and ready in all %d clusters; drover status says:", len(s.clusters))
	s.screen.quote(message)
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
	s.screen.saw(time.Since(m.at), "payment-service: rendered again, healthy in all %d clusters", len(s.clusters))
	return nil
}
