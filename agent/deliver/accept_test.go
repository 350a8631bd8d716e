package deliver

import (
	"errors"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestBundlesAreOrderedByEpochThenGeneration(t *testing.T) {
	t.Parallel()
	bundle := func(epoch, generation uint64, apps ...protocol.App) protocol.Bundle {
		return protocol.Bundle{Version: protocol.Version, Cluster: "east-1", Epoch: epoch, Generation: generation, Apps: apps}
	}
	other := protocol.App{Name: "other"}
	in := func(b protocol.Bundle) accepted {
		return accepted{bundle: b, digest: b.Digest(), epoch: b.Epoch, floor: b.Generation, known: true}
	}
	for name, tt := range map[string]struct {
		has  accepted
		b    protocol.Bundle
		want error // nil accepts
	}{
		"the first":                              {accepted{}, bundle(0, 1), nil},
		"the next":                               {in(bundle(2, 7)), bundle(2, 8), nil},
		"the same":                               {in(bundle(2, 7)), bundle(2, 7), errKnown},
		"an older generation":                    {in(bundle(2, 7)), bundle(2, 6), protocol.ErrSuperseded},
		"a newer epoch":                          {in(bundle(2, 7)), bundle(3, 8), nil},
		"a newer epoch, a lower generation":      {in(bundle(2, 7)), bundle(3, 1, other), nil},
		"a newer epoch, the same generation":     {in(bundle(2, 7)), bundle(3, 7, other), nil},
		"an older epoch":                         {in(bundle(2, 7)), bundle(1, 6), protocol.ErrSuperseded},
		"an older epoch, a higher generation":    {in(bundle(2, 7)), bundle(1, 900, other), protocol.ErrSuperseded},
		"a hub without epochs after one with":    {in(bundle(1, 7)), bundle(0, 8), protocol.ErrSuperseded},
		"a hub with epochs after one without":    {in(bundle(0, 7)), bundle(1, 2, other), nil},
		"both without epochs":                    {in(bundle(0, 7)), bundle(0, 8), nil},
		"both without epochs, going back":        {in(bundle(0, 7)), bundle(0, 6), protocol.ErrSuperseded},
		"apps are stored, their bundle was lost": {accepted{epoch: 2, floor: 7}, bundle(1, 9), protocol.ErrSuperseded},
		"and it comes again":                     {accepted{epoch: 2, floor: 7}, bundle(2, 7), nil},
	} {
		if err := tt.has.check(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if err := in(bundle(2, 7)).check(bundle(2, 7, other)); err == nil || errors.Is(err, errKnown) {
		t.Errorf("another bundle of the same generation: %v", err)
	}
	// One signed bundle cannot be the last that the agent ever accepts.
	for _, far := range []protocol.Bundle{bundle(2, protocol.MaxGeneration), bundle(2, 8+protocol.MaxGenerationStep), bundle(protocol.MaxEpoch, 1),
		bundle(3+protocol.MaxEpochStep, 8)} {
		if err := in(bundle(2, 7)).check(far); err == nil || errors.Is(err, errKnown) {
			t.Errorf("a bundle of %d/%d is accepted after one of 2/7: %v", far.Epoch, far.Generation, err)
		}
	}
	for _, good := range []protocol.Bundle{bundle(2, 5_000_001), bundle(2+1<<20, 1)} { // as far as a hub follows what is reported
		if err := in(bundle(2, 7)).check(good); err != nil {
			t.Errorf("a bundle of %d/%d is refused after one of 2/7: %v", good.Epoch, good.Generation, err)
		}
	}
	if err := in(bundle(2, protocol.MaxGeneration)).check(bundle(3, 1)); err != nil { // and a new epoch goes on from there
		t.Errorf("a new epoch is refused: %v", err)
	}
	var a accepted
	for _, part := range [][2]uint64{{0, 900}, {2, 7}, {1, 800}, {2, 5}} { // the apps' states, in any order
		a.raise(part[0], part[1])
	}
	if a.epoch != 2 || a.floor != 7 {
		t.Errorf("the least that is accepted is %d/%d", a.epoch, a.floor)
	}
}

func TestAcceptance(t *testing.T) {
	t.Parallel()
	b := protocol.Bundle{Version: 1, Cluster: "c", Generation: 5}
	same := accepted{known: true, floor: 5, digest: b.Digest()}
	other := accepted{known: true, floor: 5, digest: "another"}
	for _, c := range []struct {
		name string
		a    accepted
		want error
		ok   bool
	}{
		{"first", accepted{}, nil, true},
		{"newer", accepted{known: true, floor: 4}, nil, true},
		{"same", same, errKnown, false},
		{"older", accepted{known: true, floor: 6}, protocol.ErrSuperseded, false},
		{"older than an app's state, the bundle unknown", accepted{floor: 6}, protocol.ErrSuperseded, false},
		{"as old as an app's state, the bundle unknown", accepted{floor: 5}, nil, true},
		{"another of the same generation", other, nil, false},
	} {
		err := c.a.check(b)
		if (err == nil) != c.ok || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A hub of a release before epochs is no hub that another one has taken over from: it does not know --take-over.
func TestARefusedHubOfAnOlderReleaseIsNamedAsThat(t *testing.T) {
	t.Parallel()
	for epoch, want := range map[uint64]string{0: "go back to that release with the agent as well", 1: "--take-over"} {
		err := accepted{epoch: 2, floor: 7, known: true}.check(protocol.Bundle{Epoch: epoch, Generation: 8})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a bundle of epoch %d is refused with %v", epoch, err)
		}
	}
}
