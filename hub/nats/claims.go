package nats

import (
	"errors"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/protocol"
)

// agentJWT allows the user of a credential what protocol.AgentSubjects says, and nothing else.
func (k *Keys) agentJWT(cluster string, cred credential) (string, error) {
	c := jwt.NewUserClaims(cred.User)
	c.Name = cluster
	publish, subscribe := protocol.AgentSubjects(cluster)
	c.Permissions.Pub.Allow.Add(publish...)
	c.Permissions.Sub.Allow.Add(subscribe...)
	c.Limits.Subs = 16 // an agent needs three
	c.Expires = cred.Expires.Unix()
	return c.Encode(k.account)
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
	c.Expires = t.Expires.Add(tokenKept).Unix()
	return c.Encode(k.account)
}

// userCredentials connect the hub itself.
func (k *Keys) userCredentials(pair, account nkeys.KeyPair, name string) (token string, seed []byte, err error) {
	pub, err := pair.PublicKey()
	if err != nil {
		return "", nil, err
	}
	c := jwt.NewUserClaims(pub)
	c.Name = name
	token, err = c.Encode(account)
	seed, err2 := pair.Seed()
	return token, seed, errors.Join(err, err2)
}
