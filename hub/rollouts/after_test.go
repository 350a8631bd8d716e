package rollouts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// twoPolicies are staging for the clusters that begin with a, and production after it for those with b.
func twoPolicies(t *testing.T) (f *fleet, staging, production rollout.Policy) {
	t.Helper()
	all := []rollout.Wave{{Name: "all", Soak: time.Minute}}
	staging = rollout.Policy{Name: "staging", Selector: *ring(t, "a"), Waves: all, OnFailure: rollout.Rollback}
	production = rollout.Policy{Name: "production", Selector: *ring(t, "b"), Waves: all, After: "staging"}
	f = newFleet(t, staging, "a", "b")
	f.asks("web=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.d.Follow([]Declared{{Policy: staging, JSON: []byte(`"staging"`)}, {Policy: production, JSON: []byte(`"production"`)}}, true)
	f.turn()
	f.want("a: web=1", "b: web=1")
	return f, staging, production
}

func TestAPolicyComesAfterAnother(t *testing.T) {
	t.Parallel()
	f, staging, production := twoPolicies(t)
	f.asks("web=2")
	f.want("a: web=2", "b: web=1")
	if text := f.d.Show()[0].Waves[0].Text; !strings.Contains(text, `waits for the policy staging`) {
		t.Errorf("production says %q", text)
	}
	f.reports(protocol.PhaseHealthy, "a")
	f.want("a: web=2", "b: web=1") // it soaks
	f.asks("web=3")                // meanwhile: it waits in staging, and for staging
	f.now = f.now.Add(time.Minute)
	f.roll()
	f.want("a: web=3", "b: web=2")
	f.reports(protocol.PhaseHealthy, "b")
	f.now = f.now.Add(time.Hour)
	f.reports(protocol.PhaseFailed, "a") // what failed there never comes
	f.want("a: web=2", "b: web=2")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.asks("web=4")
	f.reports(protocol.PhaseHealthy, "a")
	f.now = f.now.Add(time.Hour)
	f.reports(protocol.PhaseHealthy, "a")
	f.want("a: web=4", "b: web=4")

	// A commit for production alone waits only while staging is at something.
	f.reports(protocol.PhaseHealthy, "b")
	f.now = f.now.Add(time.Hour)
	f.roll()
	f.commit++
	f.asked["b"] = appsOf("web=5")
	f.turn()
	f.want("a: web=4", "b: web=5")
	f.reports(protocol.PhaseHealthy, "b")
	f.now = f.now.Add(time.Hour)
	f.roll()

	// After a restart what waits is asked for again.
	f.asks("web=6")
	f.d = New(f.store, func(o model.Rendered) ([]rollout.Policy, error) {
		return []rollout.Policy{staging, production}, nil
	}, quiet())
	f.turn()
	f.want("a: web=6", "b: web=5")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.now = f.now.Add(time.Hour)
	f.roll()
	f.want("a: web=6", "b: web=6")
}

// A policy that comes after none that there is, or after itself, releases nothing: it does not release all.
func TestAPolicyAfterNobodyHolds(t *testing.T) {
	t.Parallel()
	f, staging, production := twoPolicies(t)
	staging.After = "production"
	f.d.Follow([]Declared{{Policy: staging, JSON: []byte("1")}, {Policy: production, JSON: []byte("2")}}, true)
	f.asks("web=2")
	f.want("a: web=1", "b: web=1")
	production.After = "nobody"
	f.d.Follow([]Declared{{Policy: staging, JSON: []byte("1")}, {Policy: production, JSON: []byte("3")}}, true)
	for i := range 100 {
		f.asks(fmt.Sprint("web=x", i))
	}
	f.want("a: web=1", "b: web=1")
	if n := len(f.d.rollouts["production"].offered); n > maxOffered {
		t.Errorf("%d targets wait", n)
	}
}
