package hub_test

import (
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// What an agent does to be known, over nothing but protocol and nats.go.

// keyPairs are what an agent makes in its cluster.
type keyPairs struct {
	user, seed           string
	openKey, openPrivate []byte
}

func newKeyPairs() (k keyPairs) {
	pair := must(nkeys.CreateUser())
	k.user, k.seed = must(pair.PublicKey()), string(must(pair.Seed()))
	var err error
	k.openPrivate, k.openKey, err = protocol.NewOpenKey()
	if err != nil {
		panic(err)
	}
	return k
}

// signer is the ed25519 key behind the seed of a NATS user.
func signer(seed string) ed25519.PrivateKey {
	_, raw, err := nkeys.DecodeSeed([]byte(seed))
	if err != nil {
		panic(err)
	}
	return ed25519.NewKeyFromSeed(raw)
}

func (k keyPairs) request(cluster string) protocol.KeyRequest {
	return protocol.KeyRequest{Version: protocol.Version, Cluster: cluster, User: k.user, OpenKey: k.openKey}
}

// credential is what an agent makes of a grant for its keys.
func (k keyPairs) credential(g protocol.Grant) protocol.Credential {
	return protocol.Credential{Version: protocol.Version, Cluster: g.Cluster, Trust: *g.Trust, JWT: g.JWT, Seed: k.seed, OpenKey: k.openPrivate,
		Issued: g.Issued, Expires: g.Expires}
}

// dial connects with a user's JWT and seed.
func (r *rig) dial(trust protocol.Trust, jwt, seed, inbox string, opts ...natsgo.Option) (*natsgo.Conn, error) {
	return natsgo.Connect("tls://"+r.addr, append([]natsgo.Option{roots(trust), natsgo.UserJWTAndSeed(jwt, seed), natsgo.CustomInboxPrefix(protocol.InboxPrefix(inbox)),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {})}, opts...)...)
}

// ask sends a signed request until the hub listens, and verifies the grant.
func (r *rig) ask(c *natsgo.Conn, subject string, trust protocol.Trust, seed string, req protocol.KeyRequest) protocol.Grant {
	r.t.Helper()
	data := must(protocol.SignMessage(req, signer(seed)))
	var m *natsgo.Msg
	r.until("the hub answers on "+subject, func() (answered bool) {
		var err error
		m, err = c.Request(subject, data, patience/30)
		return !errors.Is(err, natsgo.ErrNoResponders) && !errors.Is(err, natsgo.ErrTimeout)
	})
	g, err := protocol.VerifyMessage[protocol.Grant](m.Data, req.Cluster, trust.SigningKeys())
	if err != nil || g.User != req.User {
		r.t.Fatalf("the grant: %v, for %s", err, g.User)
	}
	return g
}

// buy asks for a credential with a token.
func (r *rig) buy(t protocol.JoinToken, k keyPairs) protocol.Grant {
	r.t.Helper()
	c, err := r.dial(t.Trust, t.JWT, t.Seed, t.User)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	return r.ask(c, protocol.JoinSubject(t.User), t.Trust, t.Seed, k.request(t.Cluster))
}

// join has the agents of clusters join.
func (r *rig) join(names ...string) {
	r.t.Helper()
	for _, name := range names {
		r.joinWith(must(r.ids.Token(name, hub.TokenOptions{})))
	}
}

func (r *rig) joinWith(t protocol.JoinToken) protocol.Credential {
	r.t.Helper()
	k := newKeyPairs()
	g := r.buy(t, k)
	if g.Error != "" {
		r.t.Fatalf("%s may not join: %s", t.Cluster, g.Error)
	}
	r.creds[t.Cluster] = k.credential(g)
	return r.creds[t.Cluster]
}

// renew gets a cluster's next credential, and does not use it yet.
func (r *rig) renew(name string) protocol.Credential {
	r.t.Helper()
	k := newKeyPairs()
	g := r.ask(r.agent(name), protocol.RenewSubject(name), r.creds[name].Trust, r.creds[name].Seed, k.request(name))
	if g.Error != "" {
		r.t.Fatalf("%s may not renew: %s", name, g.Error)
	}
	return k.credential(g)
}

// agent is the connection of a cluster's agent. The first thing it says is Hello.
func (r *rig) agent(name string) *natsgo.Conn {
	r.t.Helper()
	if c := r.agents[name]; c != nil {
		return c
	}
	cred := r.creds[name]
	c, err := r.dial(cred.Trust, cred.JWT, cred.Seed, name)
	if err != nil {
		r.t.Fatal(err)
	}
	r.agents[name] = c
	r.hello(cred, time.Now())
	return c
}

// use has a cluster's agent connect again, with another credential.
func (r *rig) use(name string, cred protocol.Credential) {
	r.t.Helper()
	r.hangUp(name)
	r.creds[name] = cred
	r.agent(name)
}

// hangUp ends the connection of a cluster's agent.
func (r *rig) hangUp(name string) {
	if c := r.agents[name]; c != nil {
		c.Close()
		delete(r.agents, name)
	}
}

// hello says Hello with a credential, at a time of the agent's clock, over the connection that the cluster's agent has.
func (r *rig) hello(cred protocol.Credential, at time.Time) {
	r.t.Helper()
	h := protocol.Hello{Version: protocol.Version, Cluster: cred.Cluster, Time: at, JWT: cred.JWT, OpenKey: must(protocol.OpenPublic(cred.OpenKey))}
	r.publish(cred.Cluster, protocol.HelloSubject(cred.Cluster), must(protocol.SignMessage(h, signer(cred.Seed))))
}

// say speaks with a credential.
func (r *rig) say(kind protocol.SpeechKind, cred protocol.Credential, payload []byte) {
	r.t.Helper()
	subject := protocol.ReportSubject(cred.Cluster)
	if kind == protocol.SpeechEvent {
		subject = protocol.JournalSubject(cred.Cluster)
	}
	r.publish(cred.Cluster, subject, must(protocol.Speak(kind, cred.Cluster, signer(cred.Seed), cred.HubOpen, payload)))
}

// publish publishes over the connection of a cluster's agent, and returns when the server has it, or has closed the
// connection: the hub may revoke the credential because of what was said.
func (r *rig) publish(name, subject string, data []byte) {
	r.t.Helper()
	c := r.agent(name)
	if err := c.Publish(subject, data); err != nil {
		r.t.Fatal(err)
	}
	if err := c.Flush(); err != nil && !errors.Is(err, natsgo.ErrConnectionClosed) {
		r.t.Fatal(err)
	}
}

// selfMade is a JWT for a cluster from an account that is not the hub's.
func selfMade(t *testing.T, cluster string) string {
	t.Helper()
	claims := jwt.NewUserClaims(newKeyPairs().user)
	claims.Name = cluster
	return must(claims.Encode(must(nkeys.CreateAccount())))
}
