package demo

import (
	"context"
	"fmt"
	"time"
)

// killHub kills the hub, edits a cluster and commits while it is away, and starts it again.
func (s *story) killHub(ctx context.Context) error {
	pid := s.hub.PID()
	s.screen.Ran(fmt.Sprintf("kill -9 %d   # the hub", pid))
	s.hub.Kill()
	if _, err := s.hub.drover(ctx, "status"); err == nil {
		return &disappointment{"drover status, after the hub was killed", "no answer", "an answer"}
	} else if ctx.Err() != nil {
		return err
	}
	c := s.get("staging")
	s.screen.Note("While it is away, in %s:", c.name)
	s.screen.Ran("kubectl -n status edit configmap page")
	if err := s.edit(ctx, c, editor, `{"data":{"colour":"grey"}}`, entry(pageConfig, "colour", "grey"), entry(pageConfig, "colour", "green")); err != nil {
		return err
	}
	next := "payment-service:1.6.0"
	if err := s.repo.replace(baseDeployment, s.image, next); err != nil {
		return err
	}
	m, err := s.repo.commit("payment service " + version(next))
	if err != nil {
		return err
	}
	s.head, s.image = m.hash, next
	return s.restart(ctx, c)
}

// restart starts the hub again, and sees the fleet catch up. edited is the cluster that was edited meanwhile.
func (s *story) restart(ctx context.Context, edited *cluster) error {
	s.screen.Ran("drover hub --repo " + s.repo.git.Dir)
	began := time.Now()
	if err := s.hub.again(s.ended); err != nil {
		return err
	}
	err := each(ctx, s.clusters, func(ctx context.Context, c *cluster) error {
		at, err := c.wait(ctx, image(paymentDeployment, s.image))
		if err != nil {
			return err
		}
		s.screen.Saw(at.Sub(began), "%s: image %s", c.name, s.image)
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.rollOut(ctx, s.clusters, began); err != nil {
		return err
	}
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	s.screen.Saw(time.Since(began), "all %d agents are connected, in sync and healthy", len(s.clusters))
	if err := s.blamed(ctx, edited, pageConfig, editor); err != nil {
		return err
	}
	s.screen.Saw(0, "the journal tells of the edit that the hub was away for")
	return nil
}
