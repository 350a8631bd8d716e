package demo

import (
	"context"
	"errors"
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
	s.screen.Saw(took, "staging: 0 writes and %d reads in its audit log", asked.Total())
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
	s.screen.Ran("git rm " + pageNoticeFile)
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
	s.screen.Saw(0, "everything beside it is untouched")
	return nil
}

// mass is an act in which a commit would delete too much.
type mass struct{ *story }

const (
	linksFile = "apps/status-page/links.yaml"
	links     = 8
)

// link is one of the objects in linksFile.
func link(n int) testenv.Ref {
	return testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "status", Name: fmt.Sprint("link-", n)}
}

// play removes most of the objects of an app from Git, sees that all of them are kept, and approves.
func (s mass) play(ctx context.Context) error {
	var text strings.Builder
	refs := []testenv.Ref{pageConfig, pageDeployment}
	for n := range links {
		refs = append(refs, link(n))
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {to: somewhere}\n",
			link(n).Name)
	}
	s.repo.git.Write(linksFile, text.String())
	if err := s.repo.replace(pageKustomization, "- page.yaml\n", "- page.yaml\n- links.yaml\n"); err != nil {
		return err
	}
	m, err := s.repo.commit("links")
	if err != nil {
		return err
	}
	s.head = m.hash
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	were := map[*cluster]versions{}
	for _, c := range s.clusters {
		if were[c], err = c.versions(ctx, refs...); err != nil {
			return err
		}
	}
	id, err := s.slip(ctx)
	if err != nil {
		return err
	}
	for _, c := range s.clusters {
		if err := c.still(ctx, were[c]); err != nil {
			return err
		}
	}
	s.screen.Saw(0, "all %d of them are kept in all %d clusters", links, len(s.clusters))
	return s.approve(ctx, id)
}

// slip commits what deletes too much, and gives the id under which it is held.
func (s mass) slip(ctx context.Context) (id string, err error) {
	if err := s.repo.replace(pageKustomization, "- links.yaml\n", ""); err != nil {
		return "", err
	}
	s.repo.git.Remove(linksFile)
	s.screen.Ran("git rm " + linksFile)
	m, err := s.repo.commit("tidy up")
	if err != nil {
		return "", err
	}
	s.head = m.hash
	reason := ""
	err = s.hub.untilStatus(ctx, "its deletions are held", func(f fleet) string {
		for _, h := range f.Source.Held {
			if h.Count == links*len(s.clusters) {
				id, reason = h.ID, h.Reason
				return ""
			}
		}
		return fmt.Sprintf("held is %+v", f.Source.Held)
	})
	if err != nil {
		return "", err
	}
	s.screen.Saw(time.Since(m.at), "held in all %d clusters, under one id; drover status says:", len(s.clusters))
	s.screen.Quote(reason)
	return id, nil
}

// approve lets what is held go.
func (s mass) approve(ctx context.Context, id string) error {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	looks := map[*cluster]*lookout{}
	for _, c := range s.clusters {
		a := gone(link(links - 1))
		looks[c] = c.look(watching, a)
	}
	s.screen.Ran("drover approve " + id)
	begin := time.Now()
	if said, err := s.hub.drover(ctx, "approve", id, "--yes"); err != nil {
		return errors.Join(err, errors.New(said))
	}
	for _, c := range s.clusters {
		at, err := last([]*lookout{looks[c]})
		if err != nil {
			return err
		}
		s.screen.Saw(at.Sub(begin), "%s: %s is gone", c.name, link(links-1))
	}
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}
