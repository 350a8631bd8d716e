package hub_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// token makes a join token.
func (r *rig) token(cluster string, o hub.TokenOptions) protocol.JoinToken {
	r.t.Helper()
	t, err := r.ids.Token(cluster, o)
	if err != nil {
		r.t.Fatal(err)
	}
	if data := must(os.ReadFile(filepath.Join(r.data, "tokens", t.User+".json"))); strings.Contains(string(data), t.Seed) {
		r.t.Error("the hub has written the token's seed to the disk")
	}
	return t
}

// refused asserts that a token buys nothing for keys, and that the answer says why.
func (r *rig) refused(t protocol.JoinToken, k keyPairs, final bool, why string) {
	r.t.Helper()
	before := r.ids.Joins()
	g := r.buy(t, k)
	if g.JWT != "" || g.Trust != nil || g.Final != final || !strings.Contains(g.Error, why) {
		r.t.Errorf("the grant is final %t: %q; want %t: %q", g.Final, g.Error, final, why)
	}
	if after := r.ids.Joins(); after.Refused != before.Refused+1 || after.Granted != before.Granted || after.Last != g.Error {
		r.t.Errorf("counted %+v, then %+v", before, after)
	}
}

func TestATokenBuysOneCredentialAndTheSameRequestGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	token, k := r.token("a", hub.TokenOptions{}), newKeyPairs()
	if id := r.ids.Identity("a"); !id.Token.Equal(token.Expires) || id.Valid != 0 {
		t.Errorf("with a token that was not used the identity is %+v", id)
	}
	first := r.buy(token, k)
	again := r.buy(token, k)
	if first.Error != "" || again.Error != "" || !again.Expires.Equal(first.Expires) || !again.Issued.Equal(first.Issued) {
		t.Errorf("first %+v, then %+v", first, again)
	}
	if life := first.Expires.Sub(first.Issued); life < 30*24*time.Hour-time.Second || life > 30*24*time.Hour {
		t.Errorf("the credential is good for %s", life)
	}
	r.refused(token, newKeyPairs(), true, "was used on "+first.Issued.Format("2006-01-02 15:04:05 MST")+" by another agent (key "+k.user[:12])
	r.restart(nil)
	if last := r.buy(token, k); last.Error != "" || !last.Expires.Equal(first.Expires) {
		t.Errorf("after a restart the answer is %+v", last)
	}
	r.refused(token, newKeyPairs(), true, "was used on")
	if id := r.ids.Identity("a"); id.Valid != 1 || !id.Token.IsZero() {
		t.Errorf("the identity is %+v", id)
	}
}

func TestARefusedTokenSaysWhy(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	bought := r.buy(r.token("b", hub.TokenOptions{}), newKeyPairs())

	early, second := r.token("a", hub.TokenOptions{}), r.token("a", hub.TokenOptions{})
	bad := newKeyPairs()
	bad.user = "UNOTAKEY"
	r.refused(early, bad, true, "is no public NATS user key")
	bad = newKeyPairs()
	bad.openKey = make([]byte, 32) // nothing can be sealed to it
	r.refused(early, bad, true, "the request is malformed")
	for what, user := range map[string]string{"another cluster's": bought.User, "the token's own": early.User} {
		bad = newKeyPairs()
		bad.user = user
		r.refused(early, bad, true, "a key that was used before")
		if t.Failed() {
			t.Fatalf("with %s key", what)
		}
	}
	r.joinWith(second)
	r.refused(early, newKeyPairs(), true, "has an agent whose credential is good until")
	if _, err := r.ids.Token("a", hub.TokenOptions{}); !errors.Is(err, hub.ErrIssued) || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("a token for a cluster that has an agent: %v", err)
	}

	thrown := r.token("a", hub.TokenOptions{Replace: true})
	if err := r.ids.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	r.ended(thrown)

	lost := r.token("a", hub.TokenOptions{})
	r.restart(func() {
		if err := os.Remove(filepath.Join(r.data, "tokens", lost.User+".json")); err != nil {
			t.Fatal(err)
		}
	})
	r.refused(lost, newKeyPairs(), true, "does not know the join token")

	gone := r.token("a", hub.TokenOptions{})
	r.push("a goes", map[string]string{"clusters/a": ""})
	r.refused(gone, newKeyPairs(), false, "has no folder in Git")
	if r.ids.Identity("a").Valid != 0 {
		t.Error("a token that was refused has bought a credential")
	}
}

// ended asserts that a token connects no more.
func (r *rig) ended(t protocol.JoinToken) {
	r.t.Helper()
	r.until("the token connects no more", func() bool {
		c, err := r.dial(t.Trust, t.JWT, t.Seed, t.User, natsgo.NoReconnect())
		if err == nil {
			c.Close()
		}
		return errors.Is(err, natsgo.ErrAuthorization) || errors.Is(err, natsgo.ErrAuthRevoked) || errors.Is(err, natsgo.ErrAuthExpired)
	})
}

func TestATokenThatExpiredConnectsNoMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	late, good := r.token("a", hub.TokenOptions{TTL: 2 * time.Second}), r.token("b", hub.TokenOptions{})
	if g := r.buy(late, keyPairs{user: "UNOTAKEY", seed: newKeyPairs().seed}); !strings.Contains(g.Error, "malformed") {
		t.Errorf("while it is good the hub answers %q", g.Error)
	}
	r.ended(late)
	r.restart(nil)
	r.ended(late)
	if g := r.buy(good, newKeyPairs()); g.Error != "" {
		t.Errorf("another token: %s", g.Error)
	}
}

// Somebody on the bus may send anything to the hub, and hear what it answers.
func TestARequestThatItsTokenDidNotSignIsNotAnswered(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	token, k := r.token("a", hub.TokenOptions{}), newKeyPairs()
	c, err := r.dial(token.Trust, token.JWT, token.Seed, token.User)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answers := must(c.SubscribeSync(protocol.InboxPrefix(token.User) + ".forged"))
	forged := must(protocol.SignMessage(k.request("a"), signer(newKeyPairs().seed)))
	r.until("the forged request is counted", func() bool {
		if err := c.PublishRequest(protocol.JoinSubject(token.User), protocol.InboxPrefix(token.User)+".forged", forged); err != nil {
			t.Fatal(err)
		}
		return r.ids.Joins().Refused > 0
	})
	if g := r.buy(token, k); g.Error != "" { // answered behind it
		t.Fatal(g.Error)
	}
	if n, _, _ := answers.Pending(); n != 0 {
		t.Errorf("the hub answered %d forged requests", n)
	}
}

// What a hub had not finished when it died is finished when it is asked again.
func TestACrashInTheMiddleOfAJoinLosesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	token, k := r.token("a", hub.TokenOptions{}), newKeyPairs()
	first := r.buy(token, k)
	r.restart(func() { // as if it had died between the two files
		if err := os.Remove(filepath.Join(r.data, "clusters", "a.json")); err != nil {
			t.Fatal(err)
		}
	})
	if r.ids.Identity("a").Valid != 0 {
		t.Fatal("the hub remembers what it should not")
	}
	r.refused(token, newKeyPairs(), true, "was used on")
	again := r.buy(token, k)
	if again.Error != "" || !again.Expires.Equal(first.Expires) || r.ids.Identity("a").Valid != 1 {
		t.Errorf("first %+v, then %+v, %+v", first, again, r.ids.Identity("a"))
	}
	r.creds["a"] = k.credential(again)
	r.await("a", "published", func(protocol.Bundle) bool { return true })
}

// closing connects with a credential, and gives a channel that is closed when the server ends that.
func (r *rig) closing(cred protocol.Credential) <-chan struct{} {
	r.t.Helper()
	closed := make(chan struct{})
	c, err := r.dial(cred.Trust, cred.JWT, cred.Seed, cred.Cluster, natsgo.NoReconnect(), natsgo.ClosedHandler(func(*natsgo.Conn) { close(closed) }))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return closed
}

// cut asserts that a connection ends within a second, and that its credential opens no other.
func (r *rig) cut(closed <-chan struct{}, cred protocol.Credential) {
	r.t.Helper()
	select {
	case <-closed:
	case <-time.After(time.Second):
		r.t.Error("the connection was not cut within a second")
	}
	refused := r.ids.Joins().Refused
	if c, err := r.dial(cred.Trust, cred.JWT, cred.Seed, cred.Cluster, natsgo.NoReconnect()); err == nil {
		c.Close()
		r.t.Error("the credential still connects")
	}
	r.until("what NATS refuses is counted", func() bool { return r.ids.Joins().Refused > refused })
	if last := r.ids.Joins().Last; !strings.Contains(last, "NATS turned a connection from 127.0.0.1 away") {
		r.t.Errorf("the last refusal is %q", last)
	}
}

func TestATokenThatReplacesCutsTheOldAgentOffWhenItIsUsed(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	was := r.await("a", "published", func(protocol.Bundle) bool { return true })
	old := r.creds["a"]
	closed := r.closing(old)
	token := r.token("a", hub.TokenOptions{Replace: true})
	if b, _ := r.bundle("a"); b.Generation != was.Generation {
		t.Fatal("a token that was not used has changed something")
	}
	cred := r.joinWith(token)
	r.cut(closed, old)
	r.hangUp("a")
	r.until("the bundle is sealed to the new key", func() bool {
		m, err := get(r.agent("a"), protocol.DesiredGet("a"))
		if err != nil {
			return false
		}
		_, err = protocol.Unseal(cred.OpenKey, "a", m.Data)
		return err == nil
	})
	if b, _ := r.bundle("a"); b.Generation != was.Generation || r.ids.Identity("a").Valid != 1 {
		t.Errorf("generation %d, was %d; %+v", b.Generation, was.Generation, r.ids.Identity("a"))
	}
}
