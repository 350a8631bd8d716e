package identity

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Heard is what came of a Hello.
type Heard struct {
	Learned string // user key that the hub did not know before
	Renew   bool   // the agent is to renew: a rotation waits for it, or its credential is of an older release
}

// ErrRevoked marks a Hello with a credential that was revoked, such as the one that the bus has kept since before.
var ErrRevoked = errors.New("was revoked")

// Hello takes in which credential cluster's agent uses now. A credential that this hub has forgotten, but did issue, is
// known again.
func (ids *Identities) Hello(cluster string, data []byte) (Heard, error) {
	var out Heard
	issued, err := ids.keys.ReadJWT(peek[protocol.Hello](data).JWT, cluster)
	if err != nil {
		return out, err
	}
	cred := credential{User: issued.User, Signer: issued.Signer, Issued: issued.Issued, Expires: issued.Expires}
	key, err := publicKey(cred.User)
	if err != nil {
		return out, err
	}
	h, err := protocol.VerifyMessage[protocol.Hello](data, cluster, []ed25519.PublicKey{key})
	if err != nil {
		return out, err
	}
	if err := checkOpenKey(h.OpenKey); err != nil {
		return out, err
	}
	cred.OpenKey = h.OpenKey
	revoked, rotated := false, false // something was, by this Hello
	_, err = ids.edit(cluster, func(id *identity, now time.Time) error {
		if _, banned := id.Revoked[cred.User]; banned {
			return fmt.Errorf("the credential %.12s… %w", cred.User, ErrRevoked)
		}
		if !cred.live(now) {
			return fmt.Errorf("the credential %.12s… expired on %s", cred.User, date(cred.Expires))
		}
		known, has := id.credential(cred.User)
		if !has && !ids.bounds().Ended.IsZero() && ids.bounds().former(cred.Issued) {
			id.ban(cred)
			revoked = true
			return nil
		}
		switch {
		case has:
			cred.Issued, cred.Greeted = known.Issued, known.Greeted
		case cred.Issued.Before(id.Since):
			id.ban(cred)
			revoked = true
			return nil
		default:
			out.Learned = cred.User
		}
		if err := id.greet(cred, h.Time); err != nil {
			return err
		}
		if id.Rotate.IsZero() {
			out.Renew = ids.isFormer(*id, now) || id.moving(ids.keys.AccountKey(), now)
			return nil
		}
		if out.Renew = cred.Issued.Before(id.Rotate); !out.Renew {
			id.revoke(cred.User, cred.Issued, now)
			id.Rotate, rotated = time.Time{}, true
		}
		return nil
	})
	if err != nil {
		return Heard{}, err
	}
	if revoked || rotated {
		ids.CutOrLog()
	}
	if revoked {
		return Heard{}, fmt.Errorf("the credential %.12s… of %s was revoked with all others of that time", cred.User,
			date(cred.Issued))
	}
	return out, nil
}

// greet makes c, which said Hello at a time of its agent's clock, the current credential.
//
// An old Hello may be repeated by anyone on the bus: so going back to a credential, as a cluster does that was restored
// from a backup, takes a later time than that of the last change. The first Hello of a newer credential needs none: the
// agent's clock may have been set back.
func (id *identity) greet(c credential, at time.Time) error {
	current, _ := id.credential(id.Current)
	first := !c.Greeted && c.Issued.After(current.Issued)
	if c.User != id.Current && !first && !at.After(id.Hello) {
		return fmt.Errorf("a Hello of %s is not later than that of %s, which was taken", date(at), date(id.Hello))
	}
	if c.User != id.Current {
		id.Current = c.User
		if at.After(id.Hello) {
			id.Hello = at.UTC()
		}
	}
	c.Greeted = true
	for i := range id.Credentials {
		if id.Credentials[i].User == c.User {
			id.Credentials[i] = c
			return nil
		}
	}
	id.add(c)
	return nil
}
