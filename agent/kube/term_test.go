package kube_test

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/test/testenv"
)

// Whichever process takes the lead, and whatever became of the Lease, its term is higher than all before.
func TestTheTermRisesWithEveryProcessThatLeads(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	// The Lease of an agent that counted no terms.
	if _, err := cp.Kube().Create(t.Context(), "test", testenv.Object{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": testenv.Object{"name": "drover-agent", "namespace": ns, "annotations": testenv.Object{"note": "a person's"}},
		"spec":     testenv.Object{"holderIdentity": "", "leaseTransitions": 41}}); err != nil {
		t.Fatal(err)
	}
	last := uint64(time.Now().UnixMilli()) - 1
	lead := func(what, identity string, takeOver bool) *candidate {
		t.Helper()
		e := &kube.Election{Client: client, Namespace: ns, Identity: identity, TakeOver: takeOver}
		c := run(t, e)
		soonTold(t, what, c.leads)
		if e.Term() <= last {
			t.Errorf("%s: term %d after %d", what, e.Term(), last)
		}
		last = e.Term()
		return c
	}
	first := lead("the first", "first", false)
	first.end(t)
	second := lead("the second", "second", false)
	again := lead("the same again, as after a crash", "second", false)
	lead("one that takes over", "bold", true)
	soonTold(t, "the one before to step down", again.left)
	second.end(t)
	again.end(t)
	if lease, err := cp.Kube().Get(t.Context(), leaseRef(ns)); err != nil || lease.Text("metadata", "annotations", "note") != "a person's" {
		t.Errorf("the Lease lost what others wrote there: %v", err)
	}
	if err := cp.Kube().Delete(t.Context(), leaseRef(ns)); err != nil {
		t.Fatal(err)
	}
	lead("one after the Lease was lost", "late", true)
}
