package streams

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/protocol"
)

// What agents say is never acknowledged to where they name, and drops nothing that others said.
func TestHowStreamsAreSetUp(t *testing.T) {
	t.Parallel()
	got := Configs(3)
	var names []string
	for _, c := range got {
		names = append(names, c.Name)
		if c.Replicas != 3 || c.Storage != jetstream.FileStorage || !c.DenyDelete {
			t.Errorf("%s is %+v", c.Name, c)
		}
	}
	want := []string{"KV_" + protocol.BucketDesired, "KV_" + protocol.BucketBlobs, "KV_" + protocol.BucketReport,
		protocol.StreamJournal, protocol.StreamHello, protocol.StreamDecisions}
	if !slices.Equal(names, want) {
		t.Fatalf("the streams are %q", names)
	}
	for i, c := range []struct {
		noAck, rollup, denyPurge bool
		perSubject               int64
		size                     int32
		age                      time.Duration
		discard                  jetstream.DiscardPolicy
	}{
		{false, true, false, 1, 0, 0, jetstream.DiscardNew},
		{false, true, false, 1, 0, 0, jetstream.DiscardNew},
		{true, false, false, 1, limits.MaxSaid, 0, jetstream.DiscardOld},
		{true, false, true, MaxEvents, MaxEvent, limits.JournalAge, jetstream.DiscardOld},
		{false, false, true, 1, limits.MaxRequest, 0, jetstream.DiscardOld},
		{false, false, true, MaxDecisions, MaxDecision, 0, jetstream.DiscardOld},
	} {
		if g := got[i]; g.NoAck != c.noAck || g.AllowRollup != c.rollup || g.DenyPurge != c.denyPurge ||
			g.MaxMsgsPerSubject != c.perSubject || g.MaxMsgSize != c.size || g.MaxAge != c.age || g.Discard != c.discard {
			t.Errorf("%s is %+v, want %+v", g.Name, g, c)
		}
	}
	for name := range Shares(1 << 40) {
		if !slices.Contains(want, name) {
			t.Errorf("a share is for %s", name)
		}
	}
}

func TestWhichChangesOfAStreamCount(t *testing.T) {
	t.Parallel()
	want := Configs(1)[3]
	want.MaxBytes = 1 << 20
	for name, c := range map[string]struct {
		change func(c *jetstream.StreamConfig)
		same   bool
	}{
		"none":             {func(*jetstream.StreamConfig) {}, true},
		"its description":  {func(c *jetstream.StreamConfig) { c.Description = "x" }, true},
		"its replicas":     {func(c *jetstream.StreamConfig) { c.Replicas = 3 }, true},
		"its subjects":     {func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "x") }, false},
		"acknowledgements": {func(c *jetstream.StreamConfig) { c.NoAck = !c.NoAck }, false},
		"deleting":         {func(c *jetstream.StreamConfig) { c.DenyDelete = false }, false},
		"purging":          {func(c *jetstream.StreamConfig) { c.DenyPurge = false }, false},
		"roll-ups":         {func(c *jetstream.StreamConfig) { c.AllowRollup = true }, false},
		"how many":         {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject++ }, false},
		"how long":         {func(c *jetstream.StreamConfig) { c.MaxAge-- }, false},
		"how much":         {func(c *jetstream.StreamConfig) { c.MaxBytes-- }, false},
		"a mirror":         {func(c *jetstream.StreamConfig) { c.Mirror = &jetstream.StreamSource{} }, false},
		"a source":         {func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{}} }, false},
		"a copy":           {func(c *jetstream.StreamConfig) { c.RePublish = &jetstream.RePublish{} }, false},
		"a seal":           {func(c *jetstream.StreamConfig) { c.Sealed = true }, false},
	} {
		is := want
		is.Subjects = slices.Clone(want.Subjects)
		c.change(&is)
		if got := Same(want, is); got != c.same {
			t.Errorf("with a change of %s it is the same: %t", name, got)
		}
	}
	is := want
	want.MaxBytes = 0 // not known yet
	if !Same(want, is) {
		t.Error("a share that is not known makes it another")
	}
}

func TestWhichAnswersSayThatThereIsNoSpace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err       error
		full, too bool
	}{
		{nil, false, false},
		{errors.New("storage"), false, false},
		{&jetstream.APIError{ErrorCode: codeAccountFull}, true, false},
		{&jetstream.APIError{ErrorCode: codeServerFull}, true, true},
		{fmt.Errorf("publish: %w", &jetstream.APIError{ErrorCode: codeStorageFull}), true, true},
		{&jetstream.APIError{ErrorCode: codeStoreFailed, Description: "nats: " + streamFullReason}, true, false},
		{&jetstream.APIError{ErrorCode: codeStoreFailed, Description: "wrong last sequence"}, false, false},
		{&jetstream.APIError{ErrorCode: codeNoPeers, Description: "insufficient storage"}, false, true},
		{&jetstream.APIError{ErrorCode: codeNoPeers, Description: "no peers online"}, false, false},
	} {
		if got := Full(c.err); errors.Is(got, hub.ErrFull) != c.full || !errors.Is(got, c.err) {
			t.Errorf("%v is told as %v", c.err, got)
		}
		if got := IsFull(c.err); got != c.too {
			t.Errorf("%v says that too much storage is asked for: %t", c.err, got)
		}
	}
}

func TestTheGuardForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	const stream = "KV_" + protocol.BucketDesired
	g, made := NewGuard(), time.Now()
	if _, known := g.Since(stream); known {
		t.Error("a stream is known before it was seen")
	}
	g.Alter(stream) // an older release made it
	if g.WasAltered(stream) {
		t.Error("a stream that was taken over counts as altered")
	}
	g.First(stream, made)
	g.First(stream, made.Add(time.Hour))
	if since, known := g.Since(stream); !known || !since.Equal(made) {
		t.Errorf("it was made %s, want %s", since, made)
	}
	g.Alter(stream)
	if !g.WasAltered(stream) || g.WasAltered(stream) {
		t.Error("that it was altered is not told once")
	}
	g.Allot(stream, 7)
	if g.Share(stream) != 7 || g.Share("other") != 0 {
		t.Errorf("shares are %d and %d", g.Share(stream), g.Share("other"))
	}
	g.Note(protocol.DesiredSubject("a"), &jetstream.PubAck{Stream: stream, Sequence: 3})
	if g.Own(protocol.DesiredSubject("a"), 4) {
		t.Error("another message counts as the hub's")
	}
	for name, forget := range map[string]func(){
		"the cluster": func() { g.Forget("a") },
		"the stream":  func() { g.Reset(stream, made) },
		"what it has": g.Unsure,
	} {
		g.Note(protocol.DesiredSubject("a"), &jetstream.PubAck{Stream: stream, Sequence: 3})
		forget()
		if !g.Own(protocol.DesiredSubject("a"), 4) {
			t.Errorf("without %s it knows the sequence", name)
		}
	}
	if g.Shrunk(stream, 5, g.DropCount(), g.Writes()) || !g.Shrunk(stream, 4, g.DropCount(), g.Writes()) {
		t.Error("that messages are missing is not told")
	}
	g.Recount()
	if g.Shrunk(stream, 1, g.DropCount(), g.Writes()) {
		t.Error("after a recount messages are missing")
	}
}
