package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/protocol"
)

// The servers have two accounts for a hub, beside their own. HUB has JetStream and the hub alone; AGENTS has the users
// of all credentials and join tokens, and no JetStream. A server checks what a user publishes to, but never the reply
// subject, to which it and the hub answer with their own rights: an answer reaches what is in the account of who asked,
// and nothing there is a stream or an API. Why it is two and not one for each cluster: docs/decisions/bus-accounts.md.

// services are what agents may ask of, or say to, the streams in HUB.
func services() []jwt.Subject {
	publish, _ := protocol.AgentSubjects("*")
	var out []jwt.Subject
	for _, subject := range publish {
		switch subject {
		// the hub hears these in AGENTS itself
		case protocol.RenewSubject("*"), protocol.HelloSubject("*"), protocol.AnswerSubject("*", "*"):
		default:
			out = append(out, jwt.Subject(subject))
		}
	}
	return out
}

// hubAccount is the account of the hub and its streams.
func hubAccount(key string) *jwt.AccountClaims {
	c := jwt.NewAccountClaims(key)
	c.Name = "HUB"
	l := &c.Limits.JetStreamLimits
	l.MemoryStorage, l.DiskStorage, l.Streams, l.Consumer = jwt.NoLimit, jwt.NoLimit, jwt.NoLimit, jwt.NoLimit
	for _, subject := range services() {
		c.Exports.Add(&jwt.Export{Name: string(subject), Subject: subject, Type: jwt.Service})
	}
	bundles := jwt.Subject(protocol.DesiredSubject("*"))
	c.Exports.Add(&jwt.Export{Name: string(bundles), Subject: bundles, Type: jwt.Stream})
	return c
}

// agentsAccount is the account of credentials and join tokens.
func agentsAccount(key, hub string) *jwt.AccountClaims {
	c := jwt.NewAccountClaims(key)
	c.Name = "AGENTS"
	for _, subject := range services() {
		c.Imports.Add(&jwt.Import{Name: string(subject), Account: hub, Subject: subject, Type: jwt.Service})
	}
	bundles := jwt.Subject(protocol.DesiredSubject("*"))
	c.Imports.Add(&jwt.Import{Name: string(bundles), Account: hub, Subject: bundles, Type: jwt.Stream})
	return c
}

// hubPair is the key of the account HUB. It follows from that of AGENTS, so that hubs that share keys share it, also
// where these come from an older backup.
func hubPair(agents nkeys.KeyPair) (nkeys.KeyPair, error) {
	seed, err := agents.Seed()
	if err != nil {
		return nil, err
	}
	raw, err := hkdf.Key(sha256.New, seed, nil, "drover hub account v1", 32)
	if err != nil {
		return nil, fmt.Errorf("the key of the hub's account: %w", err)
	}
	return nkeys.FromRawSeed(nkeys.PrefixByteAccount, raw)
}

// deskClaims is what the hub may do in AGENTS: hear who asks and who says hello, ask agents, and answer. Its answers
// go to subjects that others name, so whatever is no inbox is denied on top of what the hub itself refuses.
func deskClaims(user string) *jwt.UserClaims {
	c := jwt.NewUserClaims(user)
	c.Permissions.Sub.Allow.Add(protocol.JoinSubject("*"), protocol.RenewSubject("*"), protocol.HelloSubject("*"),
		protocol.AnswerSubject("*", "*"))
	c.Permissions.Pub.Allow.Add(protocol.AskSubject("*"), "*.>")
	c.Permissions.Pub.Deny.Add("$KV.>", "$JS.>", "$SYS.>", "_INBOX.>", "_R_.>", protocol.JournalSubject(">"),
		protocol.HelloSubject(">"), "answer.>",
		protocol.RenewSubject(">"), protocol.JoinSubject(">"), protocol.HubSubject, protocol.HubSubject+".>")
	return c
}

// AgentsAccount is the public key of the account AGENTS, which names the fleet.
func (k *Keys) AgentsAccount() (string, error) { return k.account.PublicKey() }
