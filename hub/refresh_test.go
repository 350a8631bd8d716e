package hub_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/hub"
)

// counted is a resolver that counts what the loop asks of it.
type counted struct {
	hub.Resolving
	refreshes, late, resolves atomic.Int64
}

func (c *counted) Refresh(ctx context.Context, snap hub.Snapshot, before *hub.Fleet) (*hub.Fleet, error) {
	c.refreshes.Add(1)
	return c.Resolving.Refresh(ctx, snap, before)
}

func (c *counted) Resolve(ctx context.Context, snap hub.Snapshot, ask hub.Request) (hub.Resolution, error) {
	c.resolves.Add(1)
	return c.Resolving.Resolve(ctx, snap, ask)
}

// Take says when the files for many clusters were read in the background, which asks for them again.
func (c *counted) Take() []string {
	names := c.Resolving.Take()
	if slices.Contains(names, "") {
		c.late.Add(1)
	}
	return names
}

// TestARevisionIsRefreshedOnce: the apps for many clusters are read once for a revision, however many clusters are
// resolved at it.
func TestARevisionIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	files := twoClusters()
	for i := range 8 {
		files[fmt.Sprintf("clusters/c%d/one.yaml", i)] = configMap("one", "1")
	}
	files["fleet/all.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: all}\nspec: {path: apps/all}\n"
	files["apps/all/all.yaml"] = configMap("all", "1")
	var c *counted
	r := newRigWith(t, nil, files, func(r *rig) {
		r.resolver = func(inner hub.Resolving) hub.Resolving {
			c = &counted{Resolving: inner}
			return c
		}
	})
	const revisions = 3
	for i := range revisions - 1 {
		r.push(fmt.Sprint("change ", i), map[string]string{"apps/all/all.yaml": configMap("all", fmt.Sprint("x", i))})
	}
	refreshes, late, resolves := c.refreshes.Load(), c.late.Load(), c.resolves.Load()
	if refreshes-late != revisions {
		t.Errorf("%d revisions were refreshed %d times (%d of them after they were built in the background)", revisions, refreshes, late)
	}
	if resolves < 10*revisions {
		t.Errorf("only %d resolutions: every cluster uses what changed", resolves)
	}
}
