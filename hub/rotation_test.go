package hub_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/protocol"
)

// believe has a cluster's agent take a bundle that trusts something new, as agents do, and say so.
func (r *rig) believe(name string) {
	r.t.Helper()
	b := r.await(name, "with the trust of the hub that runs", func(b protocol.Bundle) bool { return b.Trust != nil && b.Trust.Equal(*r.hub.Trust) })
	cred := r.creds[name]
	cred.Trust = *b.Trust
	r.creds[name] = cred
	r.report(name, func(rep *protocol.Report) {
		rep.Generation, rep.Digest, rep.Agent.Trust = b.Generation, b.Digest(), cred.Trust.ID()
	})
}

// trust asks the hub as `drover hub keys` does.
func (r *rig) trust() api.Trust {
	r.t.Helper()
	s := httptest.NewServer((&api.Server{State: r.hub.State(), Trust: *r.hub.Trust, Token: "token", Log: r.hub.Log}).Handler())
	defer s.Close()
	return must(api.Client{URL: s.URL, APIToken: "token"}.Trust(r.t.Context()))
}

// rotate takes one step with every key that clusters need not renew for, and restarts the hub.
func (r *rig) rotate(step func(*keyring.Keys, keyring.Kind) error) {
	r.t.Helper()
	for _, kind := range keyring.Kinds {
		if kind == keyring.Account { // see TestTheAccountKeyRotatesWithoutJoiningAgain
			continue
		}
		if err := step(r.keys, kind); err != nil {
			r.t.Fatal(err)
		}
	}
	r.restart(nil)
}

// signedBy says whether a cluster's bundle is signed by one of keys.
func (r *rig) signedBy(name string, keys []ed25519.PublicKey) bool {
	r.t.Helper()
	m, err := get(r.agent(name), protocol.DesiredGet(name))
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = protocol.VerifyBundle(must(protocol.Unseal(r.creds[name].OpenKey, name, m.Data)), name, keys)
	return err == nil
}

func TestTheHubsKeysRotateWithoutJoiningAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.believe("a")
	r.believe("b")
	r.until("both clusters are known to trust the hub", func() bool { return len(r.trust().Behind) == 0 })
	before := *r.hub.Trust

	r.rotate((*keyring.Keys).Begin)
	overlap := *r.hub.Trust
	if len(overlap.HubKeys) != 2 || !slices.Equal(overlap.HubKeys[0], before.HubKeys[0]) || !strings.HasPrefix(overlap.CA, before.CA) || overlap.CA == before.CA {
		t.Fatalf("while keys are rotated clusters are told to trust %d keys and %d bytes of authorities", len(overlap.HubKeys), len(overlap.CA))
	}
	if behind := r.trust().Behind; !slices.Equal(behind, []string{"a", "b"}) {
		t.Errorf("before anybody heard of it %q are behind", behind)
	}
	r.believe("a") // with what it trusted before; b is away
	r.until("a is known to trust the next keys", func() bool { return slices.Equal(r.trust().Behind, []string{"b"}) })
	if !r.signedBy("a", overlap.SigningKeys()[:1]) || !r.signedBy("a", overlap.SigningKeys()[1:]) {
		t.Error("while keys are rotated a bundle is not signed with each")
	}
	if asked := r.trust(); asked.Clusters != 2 || !asked.Trust.Equal(overlap) {
		t.Errorf("the hub says %+v", asked)
	}

	r.rotate((*keyring.Keys).Finish)
	if now := *r.hub.Trust; len(now.HubKeys) != 1 || slices.Equal(now.HubKeys[0], before.HubKeys[0]) || strings.Contains(now.CA, before.CA) {
		t.Error("the old keys are still trusted")
	}
	r.believe("a")
	if b, _ := r.bundle("a"); b.Generation < 3 {
		t.Errorf("generation %d: each step is a new one", b.Generation)
	}
	b := r.creds["b"]
	if c, err := natsgo.Connect(b.Servers[0], natsgo.UserJWTAndSeed(b.JWT, b.Seed), roots(b.Trust)); err == nil {
		c.Close()
		t.Error("who trusts the old authority alone still connects")
	}
	b.CA = r.hub.Trust.CA
	r.creds["b"] = b
	if r.signedBy("b", before.SigningKeys()) || !r.signedBy("b", r.hub.Trust.SigningKeys()) {
		t.Error("what the hub publishes now is not signed with the new key alone")
	}
}

// A new key of the fleet ends what the old one opens: on the bus, in the store, and of what agents say from then on.
func TestANewFleetKeyEndsWhatTheOldOneOpens(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, nil, twoClusters(), func(r *rig) { r.grace = 10 * time.Millisecond })
	r.join("a", "b")
	old := map[string]protocol.Bundle{}
	for _, name := range []string{"a", "b"} {
		old[name] = r.await(name, "published", func(protocol.Bundle) bool { return true })
	}
	must(0, r.keys.Begin(keyring.Fleet))
	r.restart(nil)
	for _, name := range []string{"a", "b"} {
		r.report(name, func(rep *protocol.Report) { rep.Generation, rep.Digest = old[name].Generation, old[name].Digest() }) // sealed to the old key
		r.until("its report is heard", func() bool {
			c, _ := r.hub.State().Get(name)
			return c.Report != nil
		})
		b := r.await(name, "with new blobs", func(b protocol.Bundle) bool {
			return b.Generation > old[name].Generation && appOf(b, "web").Blob.ID() != appOf(old[name], "web").Blob.ID()
		})
		if appOf(b, "web").Blob.Digest != appOf(old[name], "web").Blob.Digest || r.lines(name, b, "web") == "" {
			t.Errorf("web of %s = %+v", name, appOf(b, "web"))
		}
		r.believe(name)
	}
	r.until("the old blobs are gone from the bus", func() bool {
		blobs := must(r.hub.Bus.Holdings(t.Context())).Blobs
		for _, b := range old {
			for _, a := range b.Apps {
				if blobs[a.Blob.ID()] {
					return false
				}
			}
		}
		return true
	})
	must(0, r.keys.Finish(keyring.Fleet))
	r.restart(nil)
	b, _ := r.bundle("a")
	if r.lines("a", b, "web") == "" || r.keys.Former != nil {
		t.Error("after the rotation web of a is empty, or the old key is still in use")
	}
	r.push("more", map[string]string{"apps/web/base/config.yaml": configMap("web", "two")})
	r.await("a", "the next commit", func(b protocol.Bundle) bool { return strings.Contains(r.lines("a", b, "web"), `"two"`) })
	r.report("a", func(rep *protocol.Report) { rep.Seq, rep.Agent.Kubernetes = 9, "v1.99.0" })
	r.until("what the agent says with the new key", func() bool {
		c, _ := r.hub.State().Get("a")
		return c.Report != nil && c.Report.Agent.Kubernetes == "v1.99.0"
	})
}

// connects says whether a JWT connects.
func (r *rig) connects(jwt, seed string) bool {
	r.t.Helper()
	c, err := natsgo.Connect("tls://"+r.addr, natsgo.UserJWTAndSeed(jwt, seed), roots(*r.hub.Trust))
	if err == nil {
		c.Close()
	} else if !errors.Is(err, natsgo.ErrAuthorization) {
		r.t.Errorf("it is refused with %v", err)
	}
	return err == nil
}

// While the account key is rotated the hub asks agents to renew, and each goes on with what it has until it
// did. Afterwards
// what the key before has signed is worth nothing.
func TestTheAccountKeyRotatesWithoutJoiningAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	identity := must(nkeys.FromSeed(must(os.ReadFile(filepath.Join(r.data, "keys", "account.nk")))))
	signedBy := []nkeys.KeyPair{identity}
	for round := range 2 { // from the identity key of the account, and from a signing key
		before := map[string]protocol.Credential{"a": r.creds["a"], "b": r.creds["b"]}
		token := r.token("a", hub.TokenOptions{Replace: true})
		must(0, r.keys.Begin(keyring.Account))
		r.restart(nil)
		signedBy = append(signedBy, must(nkeys.FromSeed(must(os.ReadFile(filepath.Join(r.data, "keys", "account-signing.nk.next"))))))
		if moving := r.ids.Joins().Moving; !slices.Equal(moving, []string{"a", "b"}) {
			t.Fatalf("round %d: %q have a credential of the key before", round, moving)
		}
		for _, name := range []string{"a", "b"} {
			c := must(r.dial(r.creds[name].Trust, r.creds[name].JWT, r.creds[name].Seed, name))
			asked := must(c.SubscribeSync(protocol.AskSubject(name)))
			must(0, c.Flush())
			r.agent(name) // says hello with the credential before
			if _, err := asked.NextMsg(patience); err != nil {
				t.Fatalf("round %d: the agent of %s is not asked to renew: %v", round, name, err)
			}
			c.Close()
			next := r.renew(name)
			r.await(name, "it is served meanwhile", func(protocol.Bundle) bool { return true })
			r.use(name, next)
		}
		r.until("all have moved", func() bool { return len(r.ids.Joins().Moving) == 0 })
		if !r.connects(token.JWT, token.Seed) {
			t.Errorf("round %d: a join token of the key before does not connect while it is rotated", round)
		}

		must(0, r.keys.Finish(keyring.Account))
		r.restart(nil)
		subject := fmt.Sprint("after round ", round)
		r.push(subject, map[string]string{"apps/extra/config.yaml": configMap("extra", subject)})
		for _, name := range []string{"a", "b"} {
			r.await(name, subject, func(b protocol.Bundle) bool { return b.Revision.Subject == subject })
			r.report(name, func(rep *protocol.Report) { rep.Agent.Identity = subject })
			r.until("it is heard", func() bool { return r.row(name).Agent.Identity == subject })
			if r.connects(before[name].JWT, before[name].Seed) {
				t.Errorf("round %d: the credential of %s that the key before has signed connects", round, name)
			}
		}
		if r.connects(token.JWT, token.Seed) {
			t.Errorf("round %d: the join token that the key before has signed connects", round)
		}
		account := must(identity.PublicKey())
		for i, key := range signedBy {
			user := must(nkeys.CreateUser())
			claims := jwt.NewUserClaims(must(user.PublicKey()))
			if i > 0 {
				claims.IssuerAccount = account
			}
			if is, want := r.connects(must(claims.Encode(key)), string(must(user.Seed()))), i == len(signedBy)-1; is != want {
				t.Errorf("round %d: what key %d signs connects: %v", round, i, is)
			}
		}
	}
}
