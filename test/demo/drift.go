package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// In the names of these field managers kubectl changes live objects.
const (
	editor  = "kubectl-edit"
	patcher = "kubectl-patch"
)

// heal edits a cluster behind Git's back.
func (s *story) heal(ctx context.Context) error {
	c := s.get("production-us-east-1")
	s.screen.Note("In %s, behind Git's back:", c.name)
	patch := `{"spec":{"replicas":0}}`
	s.screen.Ran("kubectl -n payments patch deploy payment-service -p '" + patch + "'")
	err := s.edit(ctx, c, patcher, patch, replicas(paymentDeployment, 0), replicas(paymentDeployment, s.replicas))
	if err != nil {
		return err
	}
	s.screen.Ran("kubectl -n status edit configmap page")
	err = s.edit(ctx, c, editor, `{"data":{"colour":"red"}}`, entry(pageConfig, "colour", "red"), entry(pageConfig, "colour", "green"))
	if err != nil {
		return err
	}
	s.screen.Ran("kubectl -n status delete configmap page")
	remove := func() error { return c.kube().Delete(ctx, pageConfig) }
	if err := s.stray(ctx, c, remove, gone(pageConfig), present(pageConfig)); err != nil {
		return err
	}
	if _, err := c.wait(ctx, append(s.wanted(c), entry(pageConfig, "colour", "green"))...); err != nil {
		return err
	}
	if err := errors.Join(s.blamed(ctx, c, paymentDeployment, patcher), s.blamed(ctx, c, pageConfig, editor)); err != nil {
		return err
	}
	s.screen.Ran("drover status " + c.name)
	text, err := s.hub.drover(ctx, "status", c.name)
	if err != nil {
		return err
	}
	s.screen.Quote(grep(text, " drift "))
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}

// edit changes a live object by a patch in the name of a field manager, and sees it go astray and come back.
func (s *story) edit(ctx context.Context, c *cluster, manager, patch string, astray, back aim) error {
	return s.stray(ctx, c, func() error {
		_, err := c.kube().Patch(ctx, manager, astray.ref, patch)
		return err
	}, astray, back)
}

// stray does something to a live object, and tells how long it takes from before then until the object is back.
func (s *story) stray(ctx context.Context, c *cluster, do func() error, astray, back aim) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := c.look(ctx, after(astray, back))
	began := time.Now()
	if err := do(); err != nil {
		return err
	}
	at, err := last([]*lookout{l})
	if err != nil {
		return err
	}
	s.shown.edit(at.Sub(began))
	s.screen.Saw(at.Sub(began), "%s: %s → %s", back.ref, astray.what, back.what)
	return nil
}

// blamed waits until the journal says that a field manager changed an object.
func (s *story) blamed(ctx context.Context, c *cluster, ref testenv.Ref, manager string) error {
	return until(ctx, fmt.Sprintf("drover status %s: drift of %s by %s", c.name, ref, manager), func() (bool, string) {
		d, err := s.hub.cluster(ctx, c.name)
		if err != nil {
			return false, err.Error()
		}
		seen := "no drift in the journal"
		for _, e := range d.Events {
			if e.Kind != "drift" {
				continue
			}
			seen = fmt.Sprintf("drift of %s %s/%s by %q", e.Object.Kind, e.Object.Namespace, e.Object.Name, e.By)
			if e.Object.Kind == ref.Kind && e.Object.Namespace == ref.Namespace && e.Object.Name == ref.Name && e.By == manager {
				return true, ""
			}
		}
		return false, seen
	})
}

// grep returns the lines of text that hold part, without the space around them.
func grep(text, part string) string {
	var found []string
	for l := range strings.Lines(text) {
		if strings.Contains(l, part) {
			found = append(found, strings.TrimSpace(l))
		}
	}
	return strings.Join(found, "\n")
}
