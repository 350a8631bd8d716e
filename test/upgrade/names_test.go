package upgrade

import (
	"errors"
	"fmt"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// asFlux are the apps of a cluster as Flux declares them. Two have one name by the rules of the last release, which
// gives both a digest.
func asFlux(space, text string) string {
	const source = "sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}"
	return fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: media}
spec: {interval: 5m, prune: true, path: ./apps/shop, targetNamespace: %[1]s, %[3]s}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: media-shop, namespace: flux-system}
spec: {interval: 5m, prune: true, path: ./apps/settings, targetNamespace: %[1]s, postBuild: {substitute: {space: %[1]s}}, %[3]s}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: workloads, namespace: flux-system}
spec: {interval: 5m, prune: true, path: ./apps/workloads, targetNamespace: %[1]s, dependsOn: [{name: media-shop}], %[3]s}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: release, namespace: media}
spec:
  interval: 5m
  targetNamespace: %[1]s
  releaseName: release
  chart: {spec: {chart: ./charts/release, %[3]s}}
  values: {text: %[2]s}
`, space, text, source)
}

// The labels of the app with hooks, as the last release names it and as this one does.
const (
	shopWas = "media-shop-e14b526b"
	shopIs  = "shop--njfvxmsb3lc24gvwrcgm"
)

// called waits until the objects of the app with hooks have the label of a name, and the agent's state has that alone.
func (c *cluster) called(name, not string) {
	c.t.Helper()
	c.until("the app is called "+name, func() error {
		for _, ref := range []testenv.Ref{{APIVersion: "v1", Kind: "ConfigMap", Namespace: c.space, Name: "first"},
			{APIVersion: "apps/v1", Kind: "Deployment", Namespace: c.space, Name: "second"}} {
			o, err := c.cp.Kube().Get(c.t.Context(), ref)
			if err != nil {
				return err
			}
			if got := o.Text("metadata", "labels", "drover.dev/app"); got != name {
				return fmt.Errorf("%s has the label %s", ref, got)
			}
			if got := o.Text("spec", "template", "metadata", "labels", "drover.dev/app"); got != "" {
				return fmt.Errorf("the pods of %s have the label %s", ref, got)
			}
		}
		state := func(app string) error {
			_, err := c.cp.Kube().Get(c.t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: c.own,
				Name: "drover-app-" + app})
			return err
		}
		if err := state(name); err != nil {
			return err
		}
		if err := state(not); !testenv.IsNotFound(err) {
			return errors.Join(fmt.Errorf("there is state of %s, too", not), err)
		}
		return nil
	})
}

// Apps go on under their keys once hub and agent are of this release, under the names of the last one when the hub goes
// back, and forward again: no hook runs for that, and nothing is deleted.
func TestNamesChangeAndComeBack(t *testing.T) {
	t.Parallel()
	s := newSceneOf(t, embedded, asFlux, "east")
	east := s.clusters["east"]
	s.begin()
	s.runs(former)
	east.join(former)
	s.delivered()
	east.called(shopWas, shopIs)
	s.step("two", "a")
	s.delivered()

	s.runs(current) // which gives the old agent the names that it has
	s.delivered()
	east.called(shopWas, shopIs)
	s.step("three", "b")
	s.delivered()
	s.judge()

	east.replace(current)
	s.delivered()
	east.called(shopIs, shopWas)
	s.judge()
	s.step("four", "c")
	s.delivered()
	s.judge()

	s.runs(former)
	s.delivered()
	east.called(shopWas, shopIs)
	s.judge()
	east.replace(former)
	s.delivered()
	s.judge()
	s.step("five", "d")
	s.delivered()
	s.judge()

	s.runs(current)
	s.delivered()
	east.called(shopWas, shopIs)
	east.replace(current)
	s.delivered()
	east.called(shopIs, shopWas)
	s.judge()
}

// An agent that goes back before the hub does goes on with the keys.
func TestAnOldAgentGoesOnWithTheNamesThatItFinds(t *testing.T) {
	t.Parallel()
	s := newSceneOf(t, embedded, asFlux, "east")
	east := s.clusters["east"]
	s.begin()
	s.runs(current)
	east.join(current)
	s.delivered()
	east.called(shopIs, shopWas)
	east.replace(former)
	s.delivered()
	east.called(shopIs, shopWas)
	s.judge()
	s.step("two", "a")
	s.delivered()
	east.called(shopIs, shopWas)
	s.judge()
}

// In the middle of a hook, a wave or a prune as well: the agent that takes over goes on there, under the other name.
func TestNamesChangeInTheMiddle(t *testing.T) {
	t.Parallel()
	wave := func(c *cluster) { both(c); c.want["create jobs/wave"]++ }
	for name, point := range map[string]stuck{
		"hook": ofJob("migrate", "apps/shop/migrate.yaml", "argocd.argoproj.io/hook: PreSync", both),
		"last hook": ofJob("warm", "apps/shop/warm.yaml",
			"argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded", both),
		"wave":  ofJob("wave", "apps/shop/wave.yaml", `argocd.argoproj.io/sync-wave: "1"`, wave),
		"prune": ofPrune(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSceneOf(t, embedded, asFlux, "east")
			east := s.clusters["east"]
			s.begin()
			s.runs(former)
			east.join(former)
			s.delivered()
			s.runs(current)
			s.delivered()
			point.commit(east)
			s.commit("two")
			s.until("the old agent is in the middle of it", func() error { return point.within(east) })
			east.kill()
			east.revive(current)
			s.until("the states are under the keys", func() error {
				_, err := s.cp.Kube().Get(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: east.own,
					Name: "drover-app-" + shopIs})
				return err
			})
			point.release(east)
			s.delivered()
			east.called(shopIs, shopWas)
			s.judge()
		})
	}
}
