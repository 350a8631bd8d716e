package kube_test

import (
	"slices"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// TestWhatIsServedIsListedAsHelmHasIt, and its digest changes with it.
func TestWhatIsServedIsListedAsHelmHasIt(t *testing.T) {
	t.Parallel()
	c := newClient(t, testenv.Shared(t))
	if c.APIs() != nil || c.APIsDigest() != "" {
		t.Error("something is listed before anything was read")
	}
	if err := c.Discover(soon(t)); err != nil {
		t.Fatal(err)
	}
	list, digest := c.APIs(), c.APIsDigest()
	for _, want := range []string{"v1", "v1/Pod", "apps/v1", "apps/v1/Deployment", "apiextensions.k8s.io/v1/CustomResourceDefinition"} {
		if !slices.Contains(list, want) {
			t.Errorf("%s is not among %d", want, len(list))
		}
	}
	if !slices.IsSorted(list) || digest != protocol.APIsDigest(list) {
		t.Errorf("the list is not sorted, or %s is not its digest", digest)
	}
	c.Learn([]agent.Resource{{Group: "apps", Version: "v1", Kind: "Deployment", Plural: "deployments", Namespaced: true}})
	if c.APIsDigest() != digest {
		t.Error("what was known changes the digest")
	}
	c.Learn([]agent.Resource{{Group: "example.com", Version: "v1", Kind: "Widget", Plural: "widgets"}})
	if c.APIsDigest() == digest || !slices.Contains(c.APIs(), "example.com/v1/Widget") {
		t.Error("a kind that was established is not listed")
	}
}
