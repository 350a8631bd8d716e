package identity

import (
	"fmt"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// saveToken remembers a token: on disk first.
func (ids *Identities) saveToken(t token) error {
	err := ids.tokens.save(t)
	if err == nil {
		ids.cuts.expect(t.end())
	}
	return err
}

// usedBefore says whether a user key is or was that of a credential or token.
func (ids *Identities) usedBefore(user string) bool {
	_, isToken := ids.tokens.get(user)
	_, isCredential := ids.ClusterOf(user)
	return isToken || isCredential
}

// revokeTokens ends the tokens of a cluster, also one whose grant could still be asked for again. It is called while
// the cluster's identity is edited.
func (ids *Identities) revokeTokens(cluster string, now time.Time) error {
	for _, t := range ids.tokens.those(func(t token) bool { return t.Cluster == cluster && t.end().After(now) }) {
		t.Revoked = now
		if err := ids.saveToken(t); err != nil {
			return err
		}
	}
	return nil
}

// Token implements hub.Identities.
func (ids *Identities) Token(cluster string, o hub.TokenOptions) (protocol.JoinToken, error) {
	var none protocol.JoinToken
	if err := protocol.CheckName(cluster); err != nil {
		return none, err
	}
	now := time.Now().UTC().Truncate(time.Second) // as JWTs have it
	if live := ids.live(cluster, now); len(live) > 0 && !o.Replace {
		return none, fmt.Errorf("cluster %s: %w, on %s, and is good until %s: a second agent would lock the first one "+
			"out. If that one is lost, say --replace: the new token takes its place when it is used", cluster, hub.ErrIssued,
			date(live[0].Issued), date(live[0].Expires))
	}
	ttl := o.TTL
	if ttl == 0 {
		ttl = tokenTTL
	}
	t := token{Cluster: cluster, Expires: now.Add(ttl), Replace: o.Replace}
	t.Connects = t.Expires.Add(tokenRepeat)
	out, err := ids.mint(&t)
	if err != nil {
		return none, err
	}
	ids.tokens.forget(now)
	return out, ids.saveToken(t)
}

// mint makes the key of a token, and what its holder gets.
func (ids *Identities) mint(t *token) (protocol.JoinToken, error) {
	var none protocol.JoinToken
	pair, err := nkeys.CreateUser()
	if err != nil {
		return none, err
	}
	if t.User, err = pair.PublicKey(); err != nil {
		return none, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return none, err
	}
	signed, err := ids.keys.TokenJWT(t.Cluster, t.User, t.connects())
	if err != nil {
		return none, err
	}
	trust, err := ids.trust()
	return protocol.JoinToken{Version: protocol.Version, Cluster: t.Cluster, Trust: trust, JWT: signed, Seed: string(seed),
		User: t.User, Expires: t.Expires}, err
}

// RevokeToken ends the join token of a user key, and says whose it is and whether it did: not where no token has that
// key, or it was revoked before. An error says that this is not on disk.
func (ids *Identities) RevokeToken(user string) (cluster string, revoked bool, err error) {
	t, known := ids.tokens.get(user)
	if !known || !t.Revoked.IsZero() {
		return "", false, nil
	}
	t.Revoked = time.Now().UTC()
	return t.Cluster, true, ids.saveToken(t)
}
