package keyring

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/protocol"
)

// AgentJWT allows the user of a credential of cluster what protocol.AgentSubjects says, and nothing else.
func (k *Keys) AgentJWT(cluster, user string, expires time.Time) (string, error) {
	c := jwt.NewUserClaims(user)
	c.Name = cluster
	publish, subscribe := protocol.AgentSubjects(cluster)
	c.Permissions.Pub.Allow.Add(publish...)
	c.Permissions.Sub.Allow.Add(subscribe...)
	c.Limits.Subs, c.Limits.Payload = 16, limits.MaxSaid // an agent needs three
	c.Expires = expires.Unix()
	return k.sign(c, k.account)
}

// TokenJWT allows the holder of a token for cluster what protocol.JoinSubjects says, and nothing else. Its name is no
// cluster's, so that it can never be taken for a credential.
func (k *Keys) TokenJWT(cluster, user string, expires time.Time) (string, error) {
	c := jwt.NewUserClaims(user)
	c.Name = "join " + cluster
	publish, subscribe := protocol.JoinSubjects(user)
	c.Permissions.Pub.Allow.Add(publish...)
	c.Permissions.Sub.Allow.Add(subscribe...)
	c.Limits.Subs, c.Limits.Payload = 4, limits.MaxRequest
	c.Expires = expires.Unix()
	return k.sign(c, k.account)
}

// Login is as what the hub itself connects to the servers.
type Login int

// The logins of the hub.
const (
	// LoginHub may do everything in the account HUB, which has the streams.
	LoginHub Login = iota
	// LoginDesk may hear and answer agents in the account AGENTS.
	LoginDesk
	// LoginFormer may do everything in the account AGENTS, as the hub up to c9a339c did there.
	LoginFormer
	// LoginSystem may do everything in the account SYS: see who is connected, and tell servers of accounts.
	LoginSystem
)

// Credentials connect the hub itself, under a name that servers show.
func (k *Keys) Credentials(as Login, name string) (token string, seed []byte, err error) {
	pair, account, allowed := k.hubUser, k.hub, jwt.NewUserClaims
	switch as {
	case LoginDesk:
		account, allowed = k.account, deskClaims
	case LoginFormer:
		account = k.account
	case LoginSystem:
		pair, account = k.systemUser, k.system
	}
	pub, err := pair.PublicKey()
	if err != nil {
		return "", nil, err
	}
	c := allowed(pub)
	c.Name = name
	token, err = k.signOwn(c, account)
	seed, err2 := pair.Seed()
	return token, seed, errors.Join(err, err2)
}

// Issued is what the JWT of a credential says.
type Issued struct {
	User    string // public NATS user key
	Signer  string // public key that has signed it; "" for the identity key of the account
	Issued  time.Time
	Expires time.Time // never, if zero
}

// ReadJWT gives the credential of cluster that a JWT is. It is an error if this hub's account has not issued it, or for
// another cluster. Whether it is still good is for the caller to see.
func (k *Keys) ReadJWT(token, cluster string) (Issued, error) {
	c, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return Issued{}, fmt.Errorf("the JWT cannot be read: %w", err)
	}
	account, err := k.account.PublicKey()
	if err != nil {
		return Issued{}, err
	}
	signer, ok := k.signed(c, account)
	if !ok || c.Name != cluster {
		return Issued{}, fmt.Errorf("the JWT is no credential of cluster %s that this hub has issued", cluster)
	}
	out := Issued{User: c.Subject, Signer: signer, Issued: time.Unix(c.IssuedAt, 0).UTC()}
	if c.Expires != 0 {
		out.Expires = time.Unix(c.Expires, 0).UTC()
	}
	return out, nil
}
