package nats_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
)

func TestCredentialsAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	hub.Life(5 * time.Second)
	begin := time.Now()
	h := hold(t, hub)
	var credentials []protocol.Credential
	for n := range 3 {
		hello := hub.Hello(t, n)
		h.holds(t, true)
		c := h.id.Credential()
		if hello.JWT != c.JWT {
			t.Errorf("hello %d is of another credential", n)
		}
		credentials = append(credentials, c)
		if n == 0 {
			continue
		}
		before := credentials[n-1]
		at := protocol.RenewAt(before.Issued, before.Expires)
		if now := c.Issued; now.Before(at) || now.After(before.Expires) {
			t.Errorf("renewed at %s, want between %s and %s", now, at, before.Expires)
		}
		if c.Seed == before.Seed || c.Token != before.Token || len(c.Earlier) != 1 || string(c.Earlier[0]) != string(before.OpenKey) {
			t.Error("the keys are not new, or the one before is lost")
		}
	}
	if time.Since(begin) < credentials[0].Expires.Sub(credentials[0].Issued) {
		t.Error("the first credential has not ended; the test shows nothing")
	}
	resume(t, h.vault.copy(), "").holds(t, true)
}

func TestCredentialsAreRenewedWhenTheHubAsks(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	first := hub.OpenKey(t)
	hub.Ask(t, protocol.AskRenew)
	second := hub.Hello(t, 1).OpenKey
	if string(first) == string(second) {
		t.Error("the key is the same")
	}
	for name, key := range map[string][]byte{"current": second, "earlier": first} {
		sealed, err := protocol.Seal(key, "east-1", []byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := h.id.Unseal(sealed); err != nil || string(got) != "text" {
			t.Errorf("what is sealed to the %s key: %q, %v", name, got, err)
		}
	}
	// the first credential lives until it ends: a backup of the cluster may hold it
	before := len(hub.Asked())
	hub.Ask(t, protocol.AskRenew) // again, as whoever runs the bus can
	hub.Ask(t, protocol.AskJournal)
	<-h.asks
	if got := len(hub.Asked()); got != before {
		t.Errorf("asks that are repeated cost %d renewals", got-before)
	}
}

func TestARenewalThatCrashedIsFinished(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	h.vault.mu.Lock()
	h.vault.fail = func(saves int) error {
		if saves >= 3 { // the keys of the token, the credential and the keys of the renewal are stored
			return errors.New("the machine is gone")
		}
		return nil
	}
	h.vault.mu.Unlock()
	hub.Ask(t, protocol.AskRenew)
	eventually(t, "a request to renew", func() bool { return len(hub.Asked()) >= 2 })
	h.stop()
	before := hub.Hellos()
	resume(t, h.vault.copy(), "")
	hub.Hello(t, before+1)
	asked := hub.Asked()
	for _, a := range asked[1:] {
		if a.User != asked[1].User {
			t.Error("the renewal was begun again with other keys")
		}
	}
}

func TestAsksThatAreNotTheHubsAreIgnored(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := protocol.SignMessage(protocol.Ask{Version: protocol.Version, Cluster: "east-1", Kind: protocol.AskRenew}, stranger)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := protocol.SignMessage(protocol.Ask{Version: protocol.Version, Cluster: "west-1", Kind: protocol.AskRenew}, hub.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	for _, envelope := range [][]byte{forged, foreign, []byte("noise"), nil} {
		hub.AskRaw(t, envelope)
	}
	hub.Ask(t, protocol.AskJournal) // comes after them, and is passed on
	if a := <-h.asks; a.Kind != protocol.AskJournal {
		t.Errorf("asked for %q", a.Kind)
	}
	if len(hub.Asked()) != 1 || hub.Hellos() != 1 {
		t.Error("a forged ask had the credential renewed")
	}
}

func TestACredentialThatEndsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	hub.Life(3 * time.Second)
	h := hold(t, hub)
	h.holds(t, true)
	hub.Answer(func(g *protocol.Grant) bool { g.Error, g.Final = "the cluster's folder is gone", true; return true })
	h.troubled(t, "will not be renewed", "the cluster's folder is gone", "--replace")
	asked := len(hub.Asked())
	hub.Ask(t, protocol.AskRenew)
	h.troubled(t, "expired at", "drover agent manifest --cluster east-1 --replace")
	if got := len(hub.Asked()); got != asked {
		t.Errorf("the hub was asked %d times more for what it will not do", got-asked)
	}
	if !h.id.Joined() {
		t.Error("the credential was thrown away")
	}
	h.stop()
	hub.Answer(nil)
	hub.Life(time.Hour)
	path := hub.TokenFile(t)
	agenttest.WriteToken(t, path, hub.NewToken(t))
	resume(t, h.vault.copy(), path).holds(t, true)
}

func TestACredentialThatIsRevokedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	hub.Revoke(t)
	h.holds(t, false)
	h.troubled(t, "revoked", "drover agent manifest --cluster east-1 --replace")
	if strings.Contains(h.Trouble(), h.id.Credential().Seed) {
		t.Error("the trouble tells the seed")
	}
}

// Keys whose grant was lost, and that were revoked since, are no reason to give up.
func TestKeysOfARenewalThatAreRefusedAreMadeAnew(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	refused := ""
	hub.Answer(func(g *protocol.Grant) bool {
		if refused == "" {
			refused = g.User
			return false // the answer is lost
		}
		if g.User == refused {
			g.Error, g.Final = "the request names a key that was used before", true
		}
		return true
	})
	hub.Ask(t, protocol.AskRenew)
	eventually(t, "a request to renew", func() bool { return len(hub.Asked()) >= 2 })
	h.stop()
	before := hub.Hellos()
	h = resume(t, h.vault.copy(), "")
	hub.Hello(t, before+1)
	if c := h.id.Credential(); h.Trouble() != "" || c.JWT == "" {
		t.Errorf("renewed, and still: %s", h.Trouble())
	}
}
