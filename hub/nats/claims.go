package nats

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/protocol"
)

// maxSaid is the most that one message of an agent may have, in bytes.
const maxSaid = 1 << 20

// agentJWT allows the user of a credential what protocol.AgentSubjects says, and nothing else.
func (k *Keys) agentJWT(cluster string, cred credential) (string, error) {
	c := jwt.NewUserClaims(cred.User)
	c.Name = cluster
	publish, subscribe := protocol.AgentSubjects(cluster)
	c.Permissions.Pub.Allow.Add(publish...)
	c.Permissions.Sub.Allow.Add(subscribe...)
	c.Limits.Subs, c.Limits.Payload = 16, maxSaid // an agent needs three
	c.Expires = cred.Expires.Unix()
	return k.sign(c, k.account)
}

// tokenJWT allows the holder of a token what protocol.JoinSubjects says, and nothing else. Its name is no cluster's, so
// that it can never be taken for a credential.
func (k *Keys) tokenJWT(t token) (string, error) {
	c := jwt.NewUserClaims(t.User)
	c.Name = "join " + t.Cluster
	publish, subscribe := protocol.JoinSubjects(t.User)
	c.Permissions.Pub.Allow.Add(publish...)
	c.Permissions.Sub.Allow.Add(subscribe...)
	c.Limits.Subs, c.Limits.Payload = 4, maxRequest
	c.Expires = t.connects().Unix()
	return k.sign(c, k.account)
}

// userCredentials connect the hub itself, which may do in an account what allowed says; everything, if that is nil.
func (k *Keys) userCredentials(
	pair, account nkeys.KeyPair, name string, allowed func(user string) *jwt.UserClaims,
) (token string, seed []byte, err error) {
	pub, err := pair.PublicKey()
	if err != nil {
		return "", nil, err
	}
	if allowed == nil {
		allowed = jwt.NewUserClaims
	}
	c := allowed(pub)
	c.Name = name
	token, err = k.signOwn(c, account)
	seed, err2 := pair.Seed()
	return token, seed, errors.Join(err, err2)
}

// readJWT gives the credential of cluster that a JWT is, but for its open key. It is an error if this hub's account has
// not issued it, or for another cluster. Whether it is still good is for the caller to see.
func (k *Keys) readJWT(token, cluster string) (credential, error) {
	c, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return credential{}, fmt.Errorf("the JWT cannot be read: %w", err)
	}
	account, err := k.account.PublicKey()
	if err != nil {
		return credential{}, err
	}
	signer, ok := k.signed(c, account)
	if !ok || c.Name != cluster {
		return credential{}, fmt.Errorf("the JWT is no credential of cluster %s that this hub has issued", cluster)
	}
	out := credential{User: c.Subject, Signer: signer, Issued: time.Unix(c.IssuedAt, 0).UTC()}
	if c.Expires != 0 {
		out.Expires = time.Unix(c.Expires, 0).UTC()
	}
	return out, nil
}
