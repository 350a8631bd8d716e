package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// editor is in whose name the story edits live objects.
const editor = "kubectl-edit"

// heal edits a cluster behind Git's back.
func (s *story) heal(ctx context.Context) error {
	c := s.get("production-us-east-1")
	kubectl := "kubectl --context " + c.name + " "
	s.screen.ran(kubectl + "-n payments scale deployment payment-service --replicas 0")
	err := s.edit(ctx, c, paymentDeployment, `{"spec":{"replicas":0}}`, replicas(paymentDeployment, 0), replicas(paymentDeployment, s.replicas))
	if err != nil {
		return err
	}
	s.screen.ran(kubectl + "-n status edit configmap page")
	if err := s.edit(ctx, c, pageConfig, `{"data":{"colour":"red"}}`, entry(pageConfig, "colour", "red"), entry(pageConfig, "colour", "green")); err != nil {
		return err
	}
	s.screen.ran(kubectl + "-n status delete configmap page")
	remove := func() error { return c.kube().Delete(ctx, pageConfig) }
	if err := s.stray(ctx, c, "deleted", remove, gone(pageConfig), entry(pageConfig, "colour", "green")); err != nil {
		return err
	}
	if _, err := c.wait(ctx, s.wanted(c)...); err != nil {
		return err
	}
	if err := s.blamed(ctx, c, paymentDeployment); err != nil {
		return err
	}
	s.screen.ran("drover status " + c.name)
	text, err := s.hub.drover(ctx, "status", c.name)
	if err != nil {
		return err
	}
	s.screen.quote(grep(text, " drift "))
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}

// edit changes a live object by a patch, and sees it go astray and come back.
func (s *story) edit(ctx context.Context, c *cluster, ref testenv.Ref, patch string, astray, back aim) error {
	return s.stray(ctx, c, astray.what, func() error {
		_, err := c.kube().Patch(ctx, editor, ref, patch)
		return err
	}, astray, back)
}

// stray does something to a live object, and tells how long it takes from then until the object is back.
func (s *story) stray(ctx context.Context, c *cluster, how string, do func() error, astray, back aim) error {
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
	s.screen.saw(at.Sub(began), "%s: %s, and back to %s", back.ref, how, strings.TrimSuffix(back.what, " asked for"))
	return nil
}

// blamed waits until the journal says that the editor changed an object.
func (s *story) blamed(ctx context.Context, c *cluster, ref testenv.Ref) error {
	return until(ctx, fmt.Sprintf("drover status %s: drift of %s by %s", c.name, ref, editor), func() (bool, string) {
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
			if e.Object.Kind == ref.Kind && e.Object.Namespace == ref.Namespace && e.Object.Name == ref.Name && e.By == editor {
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
