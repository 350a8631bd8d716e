package board

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/protocol"
)

// TestWhatWaitsForOthersFollowsFromOneAccount: whatever is asked of the apps of a tenant, and whatever is known of them,
// no app with another account waits with deleting because of it. Those of the tenant do, where they may have what it had.
func TestWhatWaitsForOthersFollowsFromOneAccount(t *testing.T) {
	t.Parallel()
	waits := 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 16))
		of := func(accounts ...string) (map[string]orders.Order, map[string]Summary) {
			given, told := map[string]orders.Order{}, map[string]Summary{}
			for i := range 1 + r.IntN(4) {
				account := accounts[r.IntN(len(accounts))]
				name := fmt.Sprintf("%s-%d", account, i)
				o := orders.Order{Leaving: r.IntN(4) == 0, Spec: protocol.App{Name: name, Blob: blob(fmt.Sprint(r.IntN(3)))}}
				o.Spec.ServiceAccount = account
				if r.IntN(4) == 0 {
					o.Spec.Error = "broken"
				}
				if r.IntN(5) == 0 {
					o.Spec.Blob = nil
				}
				given[name] = o
				summary := Summary{}
				if r.IntN(3) > 0 {
					summary.Plan = planOf(fmt.Sprint(r.IntN(3)), "a")
				}
				if summary.Plan != nil && r.IntN(4) == 0 {
					summary.Plan.Invalid = append(summary.Plan.Invalid, "it has no kind")
				}
				told[name] = summary
			}
			return given, told
		}
		doubts := func(given map[string]orders.Order, told map[string]Summary) map[string]string {
			b := New(nameOf)
			there := map[string]orders.Order{}
			for name, o := range given {
				there[name] = orders.Order{Spec: o.Spec}
			}
			b.Command(orders.Accepted{Known: true}, there, func(name string) *app { return &app{name} })
			b.Command(orders.Accepted{Known: true}, given, nil)
			out := map[string]string{}
			for name := range given {
				b.Tell(b.App(name), told[name])
			}
			for name := range given {
				out[name] = b.Doubt(name)
			}
			return out
		}
		given, told := of("", "b/deployer")
		before := doubts(given, told)
		more, said := of("a/deployer")
		for name, o := range given {
			more[name], said[name] = o, told[name]
		}
		after := doubts(more, said)
		for name, why := range before {
			if after[name] != why {
				t.Fatalf("seed %d: %q waits %q with the tenant's apps, and %q without", seed, name, after[name], why)
			}
		}
		for name, why := range after {
			if _, others := before[name]; !others && why != "" {
				waits++
			}
		}
	}
	if waits == 0 {
		t.Error("the tenant's apps never wait for each other")
	}
}
