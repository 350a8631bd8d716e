package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// Files of the repository that the story changes.
const (
	baseDeployment    = "apps/payment-service/base/deployment.yaml"
	baseConfig        = "apps/payment-service/base/config.yaml"
	baseKustomization = "apps/payment-service/base/kustomization.yaml"
	productionOverlay = "apps/payment-service/overlays/production/kustomization.yaml"
	pageFile          = "apps/status-page/page.yaml"
	pageKustomization = "apps/status-page/kustomization.yaml"
	pageNoticeFile    = "apps/status-page/notice.yaml"
)

// changeBase changes what all clusters share.
func (s *story) changeBase(ctx context.Context) error {
	m, err := s.release(ctx, "payment-service:1.5.0")
	if err != nil {
		return err
	}
	if err := s.rollOut(ctx, s.clusters, m.at); err != nil {
		return err
	}
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}

// release commits a new image of the payment service, and sees it reach all clusters.
func (s *story) release(ctx context.Context, img string) (move, error) {
	if err := s.repo.replace(baseDeployment, s.image, img); err != nil {
		return move{}, err
	}
	s.image = img
	commit := func() (move, error) { return s.repo.commit("payment service " + version(img)) }
	return s.follow(ctx, s.clusters, commit, func(*cluster) aim { return image(paymentDeployment, img) })
}

// version is what stands behind an image's colon.
func version(img string) string {
	_, v, _ := strings.Cut(img, ":")
	return v
}

// changeOverlay changes what production's clusters share, and looks at what the other one hears of it.
func (s *story) changeOverlay(ctx context.Context) error {
	staging := s.get("staging")
	were, err := staging.versions(ctx, paymentDeployment, paymentConfig, paymentService, pageDeployment, pageConfig, pageNotice)
	if err != nil {
		return err
	}
	before, err := staging.asked()
	if err != nil {
		return err
	}
	if err := s.repo.replace(productionOverlay, "count: 3", "count: 5"); err != nil {
		return err
	}
	s.replicas = 5
	commit := func() (move, error) { return s.repo.commit("more of the payment service in production") }
	m, err := s.follow(ctx, s.choose(true), commit, func(*cluster) aim { return replicas(paymentDeployment, s.replicas) })
	if err != nil {
		return err
	}
	if err := s.rollOut(ctx, s.choose(true), m.at); err != nil {
		return err
	}
	// When all is in sync with the new commit, nothing more is on its way to anybody.
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	took := time.Since(m.at)
	after, err := staging.asked()
	if err != nil {
		return err
	}
	asked := after.Since(before)
	if asked.Total(testenv.Write) > 0 {
		return &disappointment{"staging, which the commit does not concern", "no writes in its audit log", asked.String()}
	}
	if err := staging.still(ctx, were); err != nil {
		return err
	}
	s.screen.saw(took, "staging: 0 writes and %d reads in its audit log", asked.Total())
	return nil
}

// prune removes an object from Git.
func (s *story) prune(ctx context.Context) error {
	if err := s.repo.replace(pageKustomization, "- notice.yaml\n", ""); err != nil {
		return err
	}
	s.repo.git.Remove(pageNoticeFile)
	neighbours := map[*cluster]versions{}
	for _, c := range s.clusters {
		v, err := c.versions(ctx, pageConfig, pageDeployment, paymentConfig, paymentDeployment)
		if err != nil {
			return err
		}
		neighbours[c] = v
	}
	s.screen.ran("git rm " + pageNoticeFile)
	commit := func() (move, error) { return s.repo.commit("no maintenance any more") }
	_, err := s.follow(ctx, s.clusters, commit, func(*cluster) aim {
		a := gone(pageNotice)
		a.what = fmt.Sprintf("%s is gone", pageNotice)
		return a
	})
	if err != nil {
		return err
	}
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	for _, c := range s.clusters {
		if err := c.still(ctx, neighbours[c]); err != nil {
			return err
		}
	}
	s.screen.saw(0, "everything beside it is untouched")
	return nil
}
