package identity

import (
	"maps"
	"slices"
	"time"
)

// credential is what the hub keeps of one credential of a cluster: public parts alone.
type credential struct {
	User    string    `json:"user"`    // public NATS user key
	OpenKey []byte    `json:"openKey"` // X25519 public key
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires,omitzero"`  // of its JWT; never, if zero
	Greeted bool      `json:"greeted,omitempty"` // its agent has said Hello with it
	// Signer is the key that has signed its JWT; empty for the identity key of the account.
	Signer string `json:"signer,omitempty"`
}

func (c credential) live(now time.Time) bool { return c.Expires.IsZero() || now.Before(c.Expires) }

// identity is who a cluster is. One JSON file each.
type identity struct {
	Cluster     string       `json:"cluster"`
	Credentials []credential `json:"credentials,omitempty"` // none of them revoked; newest first
	Current     string       `json:"current,omitempty"`     // user key of the one that said Hello last
	// Hello is the time of the last Hello that changed something, by the agent's clock.
	Hello time.Time `json:"hello,omitzero"`
	// Revoked are the user keys of credentials that were revoked, and when their JWTs expire: until then they are
	// remembered. So are all that were issued before Since: also those that a hub which was restored has forgotten.
	Revoked map[string]time.Time `json:"revoked,omitempty"`
	Since   time.Time            `json:"since,omitzero"`
	// ClusterUID is the uid of kube-system of the cluster that joined, if it is known.
	ClusterUID string `json:"clusterUID,omitempty"`
	// Former are the keys of credentials that ended, newest first.
	Former []former `json:"former,omitempty"`
	// Removed is when a person revoked the cluster, if it has not joined since.
	Removed time.Time `json:"thrownOut,omitzero"`
	// Rotate is when a person asked for a rotation that is not done yet.
	Rotate time.Time `json:"rotate,omitzero"`
}

// current is the credential that the agent uses, as far as is known: the one it said Hello with, or else the newest.
func (id identity) current() (credential, bool) {
	if c, ok := id.credential(id.Current); ok {
		return c, true
	}
	if len(id.Credentials) == 0 {
		return credential{}, false
	}
	return id.Credentials[0], true
}

func (id identity) credential(user string) (credential, bool) {
	i := slices.IndexFunc(id.Credentials, func(c credential) bool { return c.User == user })
	if i < 0 {
		return credential{}, false
	}
	return id.Credentials[i], true
}

// live are the credentials that are good now, newest first.
func (id identity) live(now time.Time) []credential {
	return slices.DeleteFunc(slices.Clone(id.Credentials), func(c credential) bool { return !c.live(now) })
}

// add takes in a credential.
func (id *identity) add(c credential) {
	id.Credentials = append(id.Credentials, c)
	slices.SortStableFunc(id.Credentials, func(a, b credential) int { return b.Issued.Compare(a.Issued) })
	id.Removed = time.Time{}
}

// revoke ends all credentials but one, and those issued before since that are not known; keep may be empty.
func (id *identity) revoke(keep string, since, now time.Time) {
	id.Since = since
	id.Credentials = slices.DeleteFunc(id.Credentials, func(c credential) bool {
		if c.User == keep {
			return false
		}
		id.ban(c)
		id.retire(c, now)
		return true
	})
	if id.Current != keep {
		id.Current = ""
	}
}

// ban notes that a credential is revoked.
func (id *identity) ban(c credential) {
	if id.Revoked == nil {
		id.Revoked = map[string]time.Time{}
	}
	id.Revoked[c.User] = c.Expires
}

// forget drops what can do nothing any more: revoked JWTs that have expired, and expired credentials but for the
// current one, which tells since when its agent is locked out.
func (id *identity) forget(now time.Time) {
	maps.DeleteFunc(id.Revoked, func(_ string, expires time.Time) bool { return !credential{Expires: expires}.live(now) })
	current, _ := id.current()
	id.Credentials = slices.DeleteFunc(id.Credentials, func(c credential) bool {
		if c.live(now) || c.User == current.User {
			return false
		}
		id.retire(c, c.Expires)
		return true
	})
	id.forgetFormer(now)
}

func (id identity) clone() identity {
	id.Credentials, id.Former = slices.Clone(id.Credentials), slices.Clone(id.Former)
	id.Revoked = maps.Clone(id.Revoked)
	return id
}

// moving says whether the credential that the agent uses was signed by another key than the newest one of the accounts.
func (id identity) moving(newest string, now time.Time) bool {
	c, ok := id.current()
	return ok && c.live(now) && c.Signer != newest
}
