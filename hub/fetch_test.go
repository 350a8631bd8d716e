package hub_test

import (
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/protocol"
)

// An agent that is connected and has not accepted what was published is asked to fetch it; if it does not know how, the
// bundle is published again.
func TestAnAgentThatMissedItsBundleIsAskedToFetchIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	b := r.await("a", "published", func(protocol.Bundle) bool { return true })
	asked, pushed := make(chan *natsgo.Msg, 10), make(chan *natsgo.Msg, 10)
	must(r.agent("a").ChanSubscribe(protocol.AskSubject("a"), asked))
	must(r.agent("a").ChanSubscribe(protocol.DesiredSubject("a"), pushed))
	r.report("a", func(*protocol.Report) {}) // it has accepted nothing
	for range 2 {
		select {
		case m := <-asked:
			envelope := must(protocol.Unseal(r.creds["a"].OpenKey, "a", m.Data))
			ask := must(protocol.VerifyMessage[protocol.Ask](envelope, "a", r.creds["a"].SigningKeys()))
			if ask.Kind != protocol.AskFetch {
				t.Errorf("the hub asks for %q", ask.Kind)
			}
		case <-time.After(patience):
			t.Fatal("the hub does not ask")
		}
	}
	select {
	case m := <-pushed:
		envelope := must(protocol.Unseal(r.creds["a"].OpenKey, "a", m.Data))
		if again := must(protocol.VerifyBundle(envelope, "a",
			r.creds["a"].SigningKeys())); again.Generation != b.Generation || again.Digest() != b.Digest() {
			t.Errorf("published again is %+v", again)
		}
	case <-time.After(patience):
		t.Fatal("the bundle is not published again")
	}
	if got := r.row("a").Message; !strings.Contains(got, "generation 1 was published and not accepted yet") ||
		!strings.Contains(got, "asked 2 times") {
		t.Errorf("status says %q", got)
	}
	r.report("a", func(rep *protocol.Report) { rep.Generation, rep.Digest = b.Generation, b.Digest() })
	r.until("status no longer says so", func() bool { return r.row("a").Message == "" })
}
