package planning

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func TestWhyABlobIsNotHere(t *testing.T) {
	t.Parallel()
	late := func(err string) string {
		return "its objects were not received from the hub yet: " + err + "; retrying, and keeping the last applied version"
	}
	unfit := func(reason protocol.Reason, err string) fleet.Fact {
		return fleet.Fact{Reason: reason, Text: "its objects cannot be used: " + err + "; keeping the last applied version"}
	}
	lacking := &input.Lacking{Ref: vars(), Use: "variables"}
	for name, c := range map[string]struct {
		err  error
		want Fetch
	}{
		"the hub is away": {fmt.Errorf("chunk 3: %w", agent.ErrOffline),
			Fetch{Fetching: late("chunk 3: " + agent.ErrOffline.Error())}},
		"it takes long":         {context.DeadlineExceeded, Fetch{Fetching: late("context deadline exceeded")}},
		"it was given up":       {context.Canceled, Fetch{Fetching: late("context canceled")}},
		"an input is missing":   {fmt.Errorf("make it: %w", lacking), Fetch{Lacks: "make it: " + lacking.Error()}},
		"the blob is not right": {errors.New("altered"), Fetch{Unfit: unfit(protocol.ReasonContentUnusable, "altered")}},
		"an input may not be read": {&agent.Failure{Reason: agent.ReasonForbidden, Text: "no"},
			Fetch{Unfit: unfit(protocol.ReasonForbidden, "no")}},
	} {
		f := Fetch{Fetching: "old", Unfit: fleet.Fact{Text: "old"}}
		if f.Missing(c.err); f.Fetching != c.want.Fetching || f.Unfit != c.want.Unfit || f.Lacks != c.want.Lacks {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestABlobThatArrivedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	spare := Spare{Digest: "d"}
	f := Fetch{Fetching: "a", Unfit: fleet.Fact{Text: "b"}, Lacks: "c", Spare: spare}
	f.Arrived()
	if f.Fetching != "" || f.Unfit.Known() || f.Lacks != "" || f.Spare.Digest != "d" {
		t.Errorf("%+v", f)
	}
	f.Fetching, f.Lacks = "a", "c"
	f.Reset("too old")
	if f.Fetching != "" || f.Unfit != (fleet.Fact{Reason: protocol.ReasonAgentTooOld, Text: "too old"}) || f.Lacks != "c" {
		t.Errorf("%+v", f)
	}
	if f.Reset(""); f.Unfit.Known() {
		t.Errorf("%+v", f)
	}
}

// There is one fetching at a time: another one ends it.
func TestOneFetchingAtATime(t *testing.T) {
	t.Parallel()
	var f Fetch
	f.Stop()
	first, _ := f.Begin(t.Context())
	second, stop := f.Begin(t.Context())
	if first.Err() == nil || second.Err() != nil {
		t.Errorf("the first: %v, the second: %v", first.Err(), second.Err())
	}
	if f.Stop(); second.Err() == nil {
		t.Error("it was not stopped")
	}
	stop()
	third, stop := f.Begin(t.Context())
	if stop(); third.Err() == nil {
		t.Error("what came to its end goes on")
	}
}
