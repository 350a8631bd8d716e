package orders

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
	in := func(b protocol.Bundle) Accepted {
		return Accepted{Bundle: b, Digest: b.Digest(), Epoch: b.Epoch, Floor: b.Generation, Known: true}
	}
	for name, tt := range map[string]struct {
		has  Accepted
		b    protocol.Bundle
		want error // nil accepts
	}{
		"the first":                              {Accepted{}, bundle(0, 1), nil},
		"the next":                               {in(bundle(2, 7)), bundle(2, 8), nil},
		"the same":                               {in(bundle(2, 7)), bundle(2, 7), ErrKnown},
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
		"apps are stored, their bundle was lost": {Accepted{Epoch: 2, Floor: 7}, bundle(1, 9), protocol.ErrSuperseded},
		"and it comes again":                     {Accepted{Epoch: 2, Floor: 7}, bundle(2, 7), nil},
	} {
		if err := tt.has.Check(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if err := in(bundle(2, 7)).Check(bundle(2, 7, other)); err == nil || errors.Is(err, ErrKnown) {
		t.Errorf("another bundle of the same generation: %v", err)
	}
	// One signed bundle cannot be the last that the agent ever accepts.
	for _, far := range []protocol.Bundle{bundle(2, protocol.MaxGeneration), bundle(2, 8+protocol.MaxGenerationStep), bundle(protocol.MaxEpoch, 1),
		bundle(3+protocol.MaxEpochStep, 8)} {
		if err := in(bundle(2, 7)).Check(far); err == nil || errors.Is(err, ErrKnown) {
			t.Errorf("a bundle of %d/%d is accepted after one of 2/7: %v", far.Epoch, far.Generation, err)
		}
	}
	for _, good := range []protocol.Bundle{bundle(2, 5_000_001), bundle(2+1<<20, 1)} { // as far as a hub follows what is reported
		if err := in(bundle(2, 7)).Check(good); err != nil {
			t.Errorf("a bundle of %d/%d is refused after one of 2/7: %v", good.Epoch, good.Generation, err)
		}
	}
	if err := in(bundle(2, protocol.MaxGeneration)).Check(bundle(3, 1)); err != nil { // and a new epoch goes on from there
		t.Errorf("a new epoch is refused: %v", err)
	}
	var a Accepted
	for _, part := range [][2]uint64{{0, 900}, {2, 7}, {1, 800}, {2, 5}} { // the apps' states, in any order
		a.Raise(part[0], part[1])
	}
	if a.Epoch != 2 || a.Floor != 7 {
		t.Errorf("the least that is accepted is %d/%d", a.Epoch, a.Floor)
	}
}

func TestAcceptance(t *testing.T) {
	t.Parallel()
	b := protocol.Bundle{Version: 1, Cluster: "c", Generation: 5}
	same := Accepted{Known: true, Floor: 5, Digest: b.Digest()}
	other := Accepted{Known: true, Floor: 5, Digest: "another"}
	for _, c := range []struct {
		name string
		a    Accepted
		want error
		ok   bool
	}{
		{"first", Accepted{}, nil, true},
		{"newer", Accepted{Known: true, Floor: 4}, nil, true},
		{"same", same, ErrKnown, false},
		{"older", Accepted{Known: true, Floor: 6}, protocol.ErrSuperseded, false},
		{"older than an app's state, the bundle unknown", Accepted{Floor: 6}, protocol.ErrSuperseded, false},
		{"as old as an app's state, the bundle unknown", Accepted{Floor: 5}, nil, true},
		{"another of the same generation", other, nil, false},
	} {
		err := c.a.Check(b)
		if (err == nil) != c.ok || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A hub of a release before epochs is no hub that another one has taken over from: it does not know --take-over.
func TestARefusedHubOfAnOlderReleaseIsNamedAsThat(t *testing.T) {
	t.Parallel()
	for epoch, want := range map[uint64]string{0: "go back to that release with the agent as well", 1: "--take-over"} {
		err := Accepted{Epoch: 2, Floor: 7, Known: true}.Check(protocol.Bundle{Epoch: epoch, Generation: 8})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a bundle of epoch %d is refused with %v", epoch, err)
		}
	}
}
