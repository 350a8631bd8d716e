package nats_test

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
)

// sign signs an ask as the hub does.
func sign(t *testing.T, hub *agenttest.Hub, a protocol.Ask) []byte {
	t.Helper()
	a.Version, a.Cluster = protocol.Version, hub.Cluster
	envelope, err := protocol.SignMessage(a, hub.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// A hub that was captured, or that another one has taken over from, has the fleet's keys and an older epoch.
func TestAHubOfAnOlderEpochAsksAndGrantsNothing(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	h.id.Reach(2) // as the agent says when it accepts a bundle
	for _, kind := range []protocol.AskKind{protocol.AskRenew, protocol.AskFetch, protocol.AskAPIs, protocol.AskJournal} {
		hub.AskRaw(t, sign(t, hub, protocol.Ask{Kind: kind, Epoch: 1, Time: time.Now(), Nonce: string(kind)}))
		hub.AskRaw(t, sign(t, hub, protocol.Ask{Kind: kind})) // of a hub that knows no epochs
	}
	hub.AskRaw(t, sign(t, hub, protocol.Ask{Kind: protocol.AskJournal, From: 7, Epoch: 2, Time: time.Now(), Nonce: "good"}))
	if a := <-h.asks; a.From != 7 {
		t.Errorf("an ask of the old hub is followed: %+v", a)
	}
	if len(hub.Asked()) != 1 || hub.Hellos() != 1 {
		t.Error("an ask of the old hub had the credential renewed")
	}

	before := h.id.Credential()
	answered := make(chan struct{}, 100)
	edit := func(g *protocol.Grant) { g.Epoch = 1 }
	hub.Answer(func(g *protocol.Grant) bool {
		edit(g)
		answered <- struct{}{}
		return true
	})
	h.Renew()
	<-answered
	<-answered // it asks again, so the first answer was refused
	if h.id.Credential().JWT != before.JWT {
		t.Error("a grant of the old hub was taken")
	}
	hub.Answer(func(g *protocol.Grant) bool { // it cannot end the credential either
		g.Epoch, g.Error, g.Final = 1, "no more", true
		answered <- struct{}{}
		return true
	})
	<-answered
	hub.Answer(func(g *protocol.Grant) bool { g.Epoch = 2; return true })
	eventually(t, "the hub of today renews", func() bool { return h.id.Credential().JWT != before.JWT })
	if h.Trouble() != "" {
		t.Errorf("trouble: %s", h.Trouble())
	}
}

// Whoever runs the bus may say again what the hub once said.
func TestWhatTheHubOnceSaidIsWorthNothingAgain(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	once := sign(t, hub, protocol.Ask{Kind: protocol.AskJournal, From: 1, Time: time.Now(), Nonce: "once"})
	old := sign(t, hub, protocol.Ask{Kind: protocol.AskJournal, From: 2, Time: time.Now().Add(-time.Hour), Nonce: "old"})
	last := sign(t, hub, protocol.Ask{Kind: protocol.AskJournal, From: 3, Time: time.Now(), Nonce: "last"})
	for _, envelope := range [][]byte{once, once, old, sign(t, hub, protocol.Ask{Kind: protocol.AskJournal, From: 4}), last} {
		hub.AskRaw(t, envelope)
	}
	for _, want := range []uint64{1, 3} {
		if a := <-h.asks; a.From != want {
			t.Errorf("ask %d is followed, want %d", a.From, want)
		}
	}
	var earlier *protocol.Grant
	before := h.id.Credential()
	answered := make(chan struct{}, 100)
	hub.Answer(func(g *protocol.Grant) bool {
		if earlier == nil { // whose answer is lost, and heard by somebody
			first := *g
			earlier = &first
			return false
		}
		g.Nonce = earlier.Nonce
		answered <- struct{}{}
		return true
	})
	h.Renew()
	<-answered
	<-answered
	if h.id.Credential().JWT != before.JWT {
		t.Error("the answer to an earlier request was taken")
	}
}
