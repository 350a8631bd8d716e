package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/test/demo/screen"
	"github.com/drover-dev/drover/test/testenv"
)

// firstClusters are those that the repository holds at first.
var firstClusters = []string{"production-us-east-1", "production-ap-northeast-2", "staging"}

// converge starts everything, and sees the first three clusters come to what the repository asks for.
func (s *story) converge(ctx context.Context) (err error) {
	if s.repo, err = newRepository(s.work.File("fleet"), s.screen); err != nil {
		return err
	}
	if s.head, err = s.repo.git.Head(); err != nil {
		return err
	}
	s.screen.Note("The repository is %s", s.repo.git.Dir)
	s.screen.Ran("drover hub --repo " + s.repo.git.Dir + " --allow-source-address " + s.meter.Address())
	began := time.Now()
	if s.hub, err = startHub(s.work, s.Bin, s.repo.git.Dir, s.meter.Address(), s.ended); err != nil {
		return err
	}
	resolved := sync.OnceValue(func() error { return s.hubUp(ctx, began) })
	go func() { _ = resolved() }() // who needs it hears of an error
	var first sync.Once
	// On two cores, control planes that start at once are all late. One after the other, the first is early.
	turns := make(chan struct{}, 1)
	turns <- struct{}{}
	err = each(ctx, firstClusters, func(ctx context.Context, name string) error {
		select {
		case <-turns:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		c, err := s.raise(ctx, name)
		turns <- struct{}{}
		if err != nil {
			return err
		}
		if err := resolved(); err != nil {
			return err
		}
		if err := s.settle(ctx, c); err != nil {
			return err
		}
		first.Do(func() {
			s.screen.Note("The first cluster has converged %s after the start.", screen.Duration(time.Since(s.begun)))
		})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(s.clusters, func(a, b *cluster) int { return strings.Compare(a.name, b.name) })
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}

// hubUp waits until the hub answers and has read the repository.
func (s *story) hubUp(ctx context.Context, began time.Time) error {
	err := s.hub.untilStatus(ctx, "the hub has resolved the first commit", func(f fleet) string {
		if f.Source.Revision.Hash != s.head {
			return "nothing resolved yet; " + f.Source.Error
		}
		return ""
	})
	if err == nil {
		s.screen.Saw(time.Since(began), "the hub runs, with its NATS inside, and has resolved %.7s", s.head)
	}
	return err
}

// raise starts a cluster's control plane.
func (s *story) raise(ctx context.Context, name string) (*cluster, error) {
	began := time.Now()
	c, err := startCluster(ctx, name, s.screen)
	if err != nil {
		return nil, err
	}
	s.add(c)
	s.screen.Saw(time.Since(began), "%s: control plane is up", name)
	return c, nil
}

// settle has a cluster's agent join, and waits until everything that the repository asks for runs in it.
func (s *story) settle(ctx context.Context, c *cluster) error {
	began := time.Now()
	if err := c.join(ctx, s.work, s.hub, s.ended); err != nil {
		return err
	}
	at, err := c.wait(ctx, s.wanted(c)...)
	if err != nil {
		return err
	}
	s.screen.Saw(at.Sub(began), "%s: agent joined, everything is ready", c.name)
	return nil
}

// pods is how many pods of the payment service a cluster is to have.
func (s *story) pods(c *cluster) int {
	if c.production() {
		return s.replicas
	}
	return 1
}

// wanted is all that the repository asks for in a cluster.
func (s *story) wanted(c *cluster) []aim {
	level := "info"
	if !c.production() {
		level = "debug"
	}
	return []aim{
		rolledOut(paymentDeployment, s.image, s.pods(c)), rolledOut(pageDeployment, "status-page:2.0.1", 1),
		entry(paymentConfig, "REGION", c.region()), entry(paymentConfig, "LOG_LEVEL", level),
		entry(pageConfig, "title", "Payments in "+c.region()), present(paymentService),
		{testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: "payments"}, "there", testenv.Exists, state},
	}
}

// follow watches clusters, has the branch moved, and tells when each cluster has what applied says.
func (s *story) follow(ctx context.Context, clusters []*cluster, commit func() (move, error), applied func(*cluster) aim) (move, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	looks := map[*cluster]*lookout{}
	for _, c := range clusters {
		looks[c] = c.look(ctx, applied(c))
	}
	m, err := commit()
	if err != nil {
		return m, err
	}
	s.head = m.hash
	return m, each(ctx, clusters, func(_ context.Context, c *cluster) error {
		at, err := last([]*lookout{looks[c]})
		if err != nil {
			return err
		}
		s.shown.commit(at.Sub(m.at))
		s.screen.Saw(at.Sub(m.at), "%s: %s", c.name, applied(c).what)
		return nil
	})
}

// rollOut waits until clusters have the payment service's pods as they should be.
func (s *story) rollOut(ctx context.Context, clusters []*cluster, since time.Time) error {
	pods := 0
	err := each(ctx, clusters, func(ctx context.Context, c *cluster) error {
		_, err := c.wait(ctx, rolledOut(paymentDeployment, s.image, s.pods(c)))
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range clusters {
		pods += s.pods(c)
	}
	s.screen.Saw(time.Since(since), "rolled out: %d pods of %s are ready", pods, s.image)
	return nil
}

// choose returns the clusters that are of production, or those that are not.
func (s *story) choose(production bool) (chosen []*cluster) {
	for _, c := range s.clusters {
		if c.production() == production {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// get returns a cluster by its name.
func (s *story) get(name string) *cluster {
	i := slices.IndexFunc(s.clusters, func(c *cluster) bool { return c.name == name })
	if i < 0 {
		panic(fmt.Sprintf("the story has no cluster %s", name))
	}
	return s.clusters[i]
}
