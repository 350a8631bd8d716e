package protocol

import (
	"slices"
	"testing"
)

// Where a cluster is follows from the newest bundle that said so, by epoch first: an old hub that was away cannot move
// it back.
func TestWhatABundleSaysOfAPlaceIsNewer(t *testing.T) {
	t.Parallel()
	place := Place{UID: "uid", Epoch: 2, Generation: 7}
	for _, c := range []struct {
		epoch, generation uint64
		want              bool
	}{
		{1, 6, false}, {1, 8, false}, {2, 6, false}, {2, 7, false}, {2, 8, true}, {3, 1, true}, {3, 7, true}, {3, 8, true},
	} {
		if got := place.SaidBefore(Bundle{Epoch: c.epoch, Generation: c.generation}); got != c.want {
			t.Errorf("epoch %d, generation %d is newer: %t", c.epoch, c.generation, got)
		}
	}
}

// An agent that does not know one of these would do what must not be done, so each is named.
func TestWhatAnAgentHasToKnow(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]Handling{
		"":                 {},
		NeedServiceAccount: {ServiceAccount: "web"},
		NeedDecrypt:        {Decrypt: &Decryption{}},
		NeedSubstitute:     {Substitute: &Substitution{}},
		NeedOrphan:         {Orphan: true},
		NeedRollback:       {Rollback: []string{"x"}},
	} {
		got := h.Needs()
		if want == "" && len(got) > 0 || want != "" && !slices.Equal(got, []string{want}) {
			t.Errorf("%+v needs %q, want %q", h, got, want)
		}
	}
}

// A bundle of a hub that is older than the guard bounds nothing, and so permits nothing to who asks it.
func TestWhatIsPermittedToBeDeleted(t *testing.T) {
	t.Parallel()
	var none *Deletions
	some := &Deletions{Apps: map[string]uint64{"web": 3}}
	if none.Permitted("web") != 0 || some.Permitted("web") != 3 || some.Permitted("api") != 0 {
		t.Errorf("permitted are %d, %d and %d", none.Permitted("web"), some.Permitted("web"), some.Permitted("api"))
	}
}

func TestTheDigestOfWhatAnAPIServerServes(t *testing.T) {
	t.Parallel()
	if got := APIsDigest(nil); got != "" {
		t.Errorf("of what is not known it is %q", got)
	}
	both, again := APIsDigest([]string{"v1", "apps/v1"}), APIsDigest([]string{"v1", "apps/v1"})
	if len(both) != 32 || both != again {
		t.Errorf("the digests are %s and %s", both, again)
	}
	for _, other := range [][]string{{"v1"}, {"v1apps/v1"}, {"apps/v1", "v1"}} {
		if APIsDigest(other) == both {
			t.Errorf("%q has the same digest", other)
		}
	}
}
