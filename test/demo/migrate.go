package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// examples are what the repository holds below examples/: apps for the reader to try, one of which the story delivers.
//
//go:embed examples
var examples embed.FS

// Files of the example that the story changes.
const (
	ordersApp        = "clusters/staging/orders.yaml"
	ordersMigration  = "examples/orders/migrate.yaml"
	ordersDeployment = "examples/orders/deployment.yaml"
)

// The objects of the example.
var (
	migration  = testenv.Ref{APIVersion: "batch/v1", Kind: "Job", Namespace: "orders", Name: "migrate"}
	orders     = testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "orders", Name: "orders"}
	ordersEdge = testenv.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: "orders", Name: "orders"}
	europe     = testenv.Ref{APIVersion: "orders.example.com/v1", Kind: "Region", Namespace: "orders", Name: "europe"}
)

// writeExamples puts the examples into the repository.
func writeExamples(git *testenv.GitRepo) error {
	return fs.WalkDir(examples, "examples", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := examples.ReadFile(path)
		if err == nil {
			git.Write(path, string(text))
		}
		return err
	})
}

// migrate delivers the example with a migration, then a release whose migration fails, and then one that mends it.
func (s *story) migrate(ctx context.Context) error {
	staging := s.get("staging")
	s.screen.Ran("cp examples/orders.yaml " + ordersApp)
	text, err := examples.ReadFile("examples/orders.yaml")
	if err != nil {
		return err
	}
	s.repo.git.Write(ordersApp, string(text))
	m, err := s.repo.commit("orders, in staging")
	if err != nil {
		return err
	}
	at, err := staging.wait(ctx, succeeded(migration), rolledOut(orders, "orders:2.0.0", 2), present(europe), present(ordersEdge))
	if err != nil {
		return err
	}
	if err := staging.inOrder(ctx, migration, orders, ordersEdge); err != nil {
		return err
	}
	s.screen.Saw(at.Sub(m.at), "staging: migrated, then 2 pods of orders:2.0.0, then the Ingress")
	if err := s.failMigration(ctx, staging); err != nil {
		return err
	}
	if err := s.repo.replace(ordersMigration, `command: ["false"]`, `command: ["migrate", "--to", "43"]`); err != nil {
		return err
	}
	if m, err = s.repo.commit("a migration that works"); err != nil {
		return err
	}
	s.head = m.hash
	if at, err = staging.wait(ctx, rolledOut(orders, "orders:2.1.0", 2)); err != nil {
		return err
	}
	s.screen.Saw(at.Sub(m.at), "staging: migrated, then 2 pods of orders:2.1.0")
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}

// failMigration commits a release whose migration fails, and sees that the old version stays.
func (s *story) failMigration(ctx context.Context, c *cluster) error {
	err := errors.Join(
		s.repo.replace(ordersDeployment, "orders:2.0.0", "orders:2.1.0"),
		s.repo.replace(ordersMigration, `command: ["migrate", "--to", "42"]`, `command: ["false"]`),
	)
	if err != nil {
		return err
	}
	were, err := c.versions(ctx, orders, ordersEdge, europe)
	if err != nil {
		return err
	}
	m, err := s.repo.commit("orders 2.1.0, with a migration that fails")
	if err != nil {
		return err
	}
	message := ""
	err = until(ctx, "drover status "+c.name+": orders failed because of Job/orders/migrate", func() (bool, string) {
		d, err := s.hub.cluster(ctx, c.name)
		if err != nil {
			return false, err.Error()
		}
		for _, a := range d.AppRows {
			if a.Name == "orders" {
				message = a.Message
				return (a.Phase == "failed" || a.Phase == "degraded") && strings.Contains(a.Message, "Job/orders/migrate"), fmt.Sprintf("orders is %s: %s", a.Phase, a.Message)
			}
		}
		return false, "no app orders"
	})
	if err != nil {
		return err
	}
	if err := c.still(ctx, were); err != nil {
		return err
	}
	s.screen.Saw(time.Since(m.at), "staging: orders:2.0.0 runs untouched; drover status says:")
	s.screen.Quote(message)
	return nil
}

// succeeded is a Job that has completed.
func succeeded(ref testenv.Ref) aim {
	return aim{ref, "completed", func(o testenv.Object) bool { return o.Number("status", "succeeded") > 0 },
		func(o testenv.Object) string {
			return fmt.Sprintf("%d succeeded, %d failed", o.Number("status", "succeeded"), o.Number("status", "failed"))
		}}
}

// inOrder says which object was made before one that should have been there first. Times are whole seconds, as Kubernetes keeps them.
func (c *cluster) inOrder(ctx context.Context, refs ...testenv.Ref) error {
	before, of := "", testenv.Ref{}
	for _, ref := range refs {
		o, err := c.kube().Get(ctx, ref)
		if err != nil {
			return err
		}
		if made := o.Text("metadata", "creationTimestamp"); made < before {
			return &disappointment{c.name + ", " + ref.String(), "made after " + of.String() + ", which was made at " + before, made}
		}
		before, of = o.Text("metadata", "creationTimestamp"), ref
		if done := o.Text("status", "completionTime"); done != "" {
			before = done
		}
	}
	return nil
}
