package demo

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// page is a ConfigMap of a colour.
func page(colour string) testenv.Object {
	return testenv.Object{"kind": "ConfigMap", "data": map[string]any{"colour": colour}}
}

func TestComingBackCountsOnlyAfterGoingAstray(t *testing.T) {
	a := after(entry(pageConfig, "colour", "red"), entry(pageConfig, "colour", "green"))
	for i, step := range []struct {
		colour string
		met    bool
		shows  string
	}{{"green", false, "never colour: red"}, {"red", false, "colour: red"}, {"blue", false, "colour: blue"}, {"green", true, "colour: green"}} {
		o := page(step.colour)
		if met := a.met(o); met != step.met || a.shows(o) != step.shows {
			t.Errorf("step %d: %v, %q; want %v, %q", i+1, met, a.shows(o), step.met, step.shows)
		}
	}
}

func TestADeletionIsGoingAstray(t *testing.T) {
	a := after(gone(pageConfig), present(pageConfig))
	if a.met(page("green")) || a.met(nil) || !a.met(page("green")) {
		t.Error("want it met by the object that came after none")
	}
}

func TestTheFirstErrorEndsTheOthers(t *testing.T) {
	trouble := errors.New("trouble")
	err := each(t.Context(), []bool{true, false, true}, func(ctx context.Context, waits bool) error {
		if !waits {
			return trouble
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if err != trouble {
		t.Error(err)
	}
}

func TestSpreadTellsTheMedian(t *testing.T) {
	got := spread([]time.Duration{30 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond})
	if want := "20 ms (median of 3; 10 ms to 30 ms)"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
}

func TestGrepFindsLines(t *testing.T) {
	if got := grep("  1s  drift  a\n  2s  applied  b\n  3s  drift  c\n", " drift "); got != "1s  drift  a\n3s  drift  c" {
		t.Errorf("%q", got)
	}
}
