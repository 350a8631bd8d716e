package hub_test

import (
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/protocol"
)

// What the hub says to one agent is of an epoch, and worth nothing when somebody says it again.
func TestAsksAndGrantsAreOfAnEpochAndForOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	b := r.await("a", "published", func(protocol.Bundle) bool { return true })
	heard := make(chan protocol.Ask, 10)
	must(r.agent("a").Subscribe(protocol.AskSubject("a"), func(m *natsgo.Msg) {
		cred := r.creds["a"]
		heard <- must(protocol.VerifyMessage[protocol.Ask](must(protocol.Unseal(cred.OpenKey, "a", m.Data)), "a", cred.SigningKeys()))
	}))
	must(0, r.agent("a").Flush())
	for range 2 {
		must(0, r.hub.Bus.Ask(t.Context(), "a", protocol.Ask{Version: protocol.Version, Cluster: "a", Kind: protocol.AskFetch}))
	}
	first, second := <-heard, <-heard
	if b.Epoch == 0 || first.Epoch != b.Epoch || first.Nonce == "" || first.Nonce == second.Nonce || time.Since(first.Time) > time.Minute {
		t.Errorf("with epoch %d the hub asks %+v and %+v", b.Epoch, first, second)
	}

	k := newKeyPairs()
	for _, nonce := range []string{"one", "two"} {
		req := k.request("a")
		req.Nonce = nonce
		g := r.ask(r.agent("a"), protocol.RenewSubject("a"), r.creds["a"].Trust, r.creds["a"].Seed, req)
		if g.Error != "" || g.Nonce != nonce || g.Epoch != b.Epoch {
			t.Errorf("the answer to %s: %q, nonce %q, epoch %d", nonce, g.Error, g.Nonce, g.Epoch)
		}
	}
	r.restart(nil)
	g := r.ask(r.agent("a"), protocol.RenewSubject("a"), r.creds["a"].Trust, r.creds["a"].Seed, k.request("a"))
	if g.Epoch != b.Epoch || g.Nonce != "" {
		t.Errorf("after a restart, to an agent without nonces: %+v", g)
	}
}
