package identity

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/files"
	"github.com/drover-dev/drover/protocol"
)

const (
	// tokenTTL is how long a join token is good for, where nobody says otherwise.
	tokenTTL = 24 * time.Hour
	// tokenKept is how long a token is remembered after it expired. The JWTs of those that an older release made live
	// as long.
	tokenKept = 30 * 24 * time.Hour
	// tokenRepeat is how long a token that was used still connects: the grant may be lost on the way, and the same
	// request gets it again. Its JWT outlives it by as much.
	tokenRepeat = 10 * time.Minute
)

// token is what the hub keeps of a join token: no secret. One JSON file each, named after the user.
type token struct {
	Cluster string     `json:"cluster"`
	User    string     `json:"user"` // public NATS user key
	Expires time.Time  `json:"expires"`
	Replace bool       `json:"replace,omitempty"` // it takes the place of the credentials there are
	Revoked time.Time  `json:"revoked,omitzero"`
	Used    credential `json:"used,omitzero"` // what it bought
	// Connects is when its JWT expires; zero for a token of an older release.
	Connects time.Time `json:"connects,omitzero"`
}

// connects is when its JWT expires.
func (t token) connects() time.Time {
	if t.Connects.IsZero() {
		return t.Expires.Add(tokenKept)
	}
	return t.Connects
}

// end is when its NATS user ends.
func (t token) end() time.Time {
	switch {
	case !t.Revoked.IsZero():
		return t.Revoked
	case t.Used.User != "":
		return t.Used.Issued.Add(tokenRepeat)
	}
	return t.Expires
}

// forgotten says that the token's time, and the time in which it is explained, is over.
func (t token) forgotten(now time.Time) bool { return now.After(t.Expires.Add(tokenKept)) }

// open says whether it can still be used.
func (t token) open(now time.Time) bool {
	return t.Revoked.IsZero() && t.Used.User == "" && now.Before(t.Expires)
}

// readTokens reads the tokens in dir, and removes those that are forgotten.
func readTokens(dir string, now time.Time) (map[string]token, error) {
	out := map[string]token{}
	err := files.ReadAll(dir, "the join tokens", func(file, name string, data []byte) error {
		var t token
		if err := json.Unmarshal(data, &t); err != nil || t.User != name || protocol.CheckName(t.Cluster) != nil {
			return fmt.Errorf("%s does not hold a join token: bring it back from a backup, or remove it and make a new "+
				"token", file)
		}
		if t.forgotten(now) {
			return os.Remove(file)
		}
		out[name] = t
		return nil
	})
	return out, err
}

// saveToken remembers a token: on disk first.
func (ids *Identities) saveToken(t token) error {
	if err := files.SaveJSON(filepath.Join(ids.tokenDir, t.User+".json"), t); err != nil {
		return err
	}
	ids.mu.Lock()
	ids.tokens[t.User] = t
	ids.mu.Unlock()
	ids.awaitEnd()
	return nil
}

// awaitEnd has the servers told when the next token ends, or a cluster is no longer cut off.
func (ids *Identities) awaitEnd() {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if ids.ending != nil {
		ids.ending.Stop()
	}
	now, next := time.Now(), time.Time{}
	for _, t := range ids.tokens {
		if end := t.end(); end.After(now) && (next.IsZero() || end.Before(next)) {
			next = end
		}
	}
	for cluster, until := range ids.suspended {
		if !until.After(now) {
			delete(ids.suspended, cluster)
		} else if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	if ids.cutOff == nil || next.IsZero() {
		return
	}
	ids.ending = time.AfterFunc(next.Sub(now), func() {
		ids.CutOrLog()
		ids.awaitEnd()
	})
}

// token gives the token of a user key.
func (ids *Identities) token(user string) (token, bool) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	t, ok := ids.tokens[user]
	return t, ok
}

// usedBefore says whether a user key is or was that of a credential or token.
func (ids *Identities) usedBefore(user string) bool {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	_, isToken := ids.tokens[user]
	_, isCredential := ids.byUser[user]
	return isToken || isCredential
}

// revokeTokens ends the tokens of a cluster, also one whose grant could still be asked for again. It is called while
// the cluster's identity is edited.
func (ids *Identities) revokeTokens(cluster string, now time.Time) error {
	ids.mu.Lock()
	var open []token
	for _, t := range ids.tokens {
		if t.Cluster == cluster && t.end().After(now) {
			open = append(open, t)
		}
	}
	ids.mu.Unlock()
	for _, t := range open {
		t.Revoked = now
		if err := ids.saveToken(t); err != nil {
			return err
		}
	}
	return nil
}

// forgetTokens removes tokens whose time is over.
func (ids *Identities) forgetTokens(now time.Time) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	for user, t := range ids.tokens {
		if t.forgotten(now) {
			_ = os.Remove(filepath.Join(ids.tokenDir, user+".json")) // or else at the next start
			delete(ids.tokens, user)
		}
	}
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
			"out. If that one is "+
			"lost, say --replace: the new token takes its place when it is used", cluster, hub.ErrIssued,
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
	ids.forgetTokens(now)
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
