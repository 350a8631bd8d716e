package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// maxCredentials is how many live credentials a cluster may have. Two are usual; a cluster that is brought back from a
// backup again and again has more.
const maxCredentials = 8

// refusal is why a request is not granted, and what to do.
type refusal struct {
	text  string
	final bool // asking again with the same token or credential is of no use
}

func (r refusal) Error() string { return r.text }

func refused(format string, args ...any) error { return refusal{fmt.Sprintf(format, args...), true} }

// refusedForNow is a refusal that may end by itself.
func refusedForNow(format string, args ...any) error {
	return refusal{fmt.Sprintf(format, args...), false}
}

// renewCommand is what a person runs to give a cluster's agent a credential by hand.
func renewCommand(cluster string) string {
	return "`drover agent manifest --cluster " + cluster + "`"
}

// Join decides on a request of the holder of a join token. The answer is nil if that holder did not make it: somebody
// on the bus may have, and who answered would tell the token's holder lies.
func (ids *Identities) Join(user string, data []byte, wanted func(cluster string) error) ([]byte, error) {
	key, err := publicKey(user)
	if err != nil {
		return nil, err
	}
	req, err := protocol.VerifyMessage[protocol.KeyRequest](data, peek[protocol.KeyRequest](data).Cluster, []ed25519.PublicKey{key})
	if err != nil {
		return nil, err
	}
	cred, err := ids.buy(user, req, wanted)
	return ids.answer(req, cred, err)
}

// buy gives the credential that a token buys: the same one whenever the same keys are asked for. The token is marked as
// used before the credential is there, so that a crash in between cannot let it be used twice.
func (ids *Identities) buy(user string, req protocol.KeyRequest, wanted func(string) error) (credential, error) {
	t, known := ids.tokens.get(user)
	if !known {
		return credential{}, refused("this hub does not know the join token: it may have been forgotten long after it expired, or be newer than "+
			"the backup that the hub was restored from; make a new one with %s", renewCommand(req.Cluster))
	}
	if err := checkRequest(req, t.Cluster); err != nil {
		return credential{}, err
	}
	if err := wanted(t.Cluster); err != nil {
		return credential{}, refusedForNow("%v", err)
	}
	changed, err := ids.edit(t.Cluster, func(id *identity, now time.Time) error {
		t, _ = ids.tokens.get(user) // as it is now that this cluster's turn has come
		if err := ids.mayUse(t, id, req, now); err != nil {
			return err
		}
		if t.Used.User == "" {
			t.Used = ids.newCredential(req, now)
			if err := ids.saveToken(t); err != nil {
				return err
			}
		}
		if _, has := id.credential(t.Used.User); has {
			return nil
		}
		if t.Replace {
			id.revoke("", t.Used.Issued, now)
		}
		id.add(t.Used)
		id.ClusterUID = req.ClusterUID
		return nil
	})
	if changed && err == nil && t.Replace {
		ids.CutOrLog()
	}
	return t.Used, err
}

// mayUse says why a token does not buy a credential for the keys of req.
func (ids *Identities) mayUse(t token, id *identity, req protocol.KeyRequest, now time.Time) error {
	live := id.live(now)
	switch {
	case !t.Revoked.IsZero():
		return refused("the join token was revoked on %s: make a new one with %s", date(t.Revoked), renewCommand(t.Cluster))
	case t.Used.User == req.User && bytes.Equal(t.Used.OpenKey, req.OpenKey):
		if _, revoked := id.Revoked[req.User]; revoked || !t.Used.live(now) {
			return refused("the credential that the join token bought on %s was revoked or has expired: make a new token with %s",
				date(t.Used.Issued), renewCommand(t.Cluster))
		}
		return nil
	case t.Used.User != "":
		return refused("the join token was used on %s by another agent (key %.12s…): if that was not yours, run `drover cluster revoke %s`; "+
			"then make a new token with %s", date(t.Used.Issued), t.Used.User, t.Cluster, renewCommand(t.Cluster))
	case !now.Before(t.Expires):
		return refused("the join token expired on %s: make a new one with %s", date(t.Expires), renewCommand(t.Cluster))
	case len(live) > 0 && !t.Replace:
		return refused("cluster %s has an agent whose credential is good until %s: if that one is lost, make a token that replaces it, with "+
			"`drover agent manifest --cluster %s --replace`", t.Cluster, date(live[0].Expires), t.Cluster)
	case ids.usedBefore(req.User):
		return refused("the request names a key that was used before: an agent has to make a new one")
	}
	return nil
}

// Renew decides on a request that one of a cluster's live credentials has signed. The answer is nil if none has.
func (ids *Identities) Renew(cluster string, data []byte) ([]byte, error) {
	req, err := protocol.VerifyMessage[protocol.KeyRequest](data, cluster, ids.voices(cluster, time.Now()))
	if err != nil {
		return nil, err
	}
	if err := checkRequest(req, cluster); err != nil {
		return ids.answer(req, credential{}, err)
	}
	var cred credential
	_, err = ids.edit(cluster, func(id *identity, now time.Time) error {
		known, has := id.credential(req.User)
		switch {
		case has && bytes.Equal(known.OpenKey, req.OpenKey):
			cred = known
			return nil
		case req.ClusterUID != "" && id.ClusterUID != "" && req.ClusterUID != id.ClusterUID:
			return refusedForNow("cluster %s joined where kube-system has uid %s, and the request comes from where it "+
				"has %.80s: if that takes its place, "+
				"run `drover cluster accept %[1]s`", cluster, id.ClusterUID, req.ClusterUID)
		case ids.usedBefore(req.User):
			return refused("the request names a key that was used before: an agent has to make a new one")
		case len(id.live(now)) >= maxCredentials:
			return refusedForNow("cluster %s has %d live credentials, and cannot have more until one expires: `drover cluster rotate %s` ends all "+
				"but the newest", cluster, maxCredentials, cluster)
		}
		cred = ids.newCredential(req, now)
		id.add(cred)
		return nil
	})
	return ids.answer(req, cred, err)
}

func (ids *Identities) newCredential(req protocol.KeyRequest, now time.Time) credential {
	return credential{User: req.User, OpenKey: req.OpenKey, Issued: now, Signer: ids.keys.AccountKey(),
		Expires: now.Add(ids.TTL).Truncate(time.Second)}
}

// checkRequest says what is malformed in a request for a credential of cluster.
func checkRequest(req protocol.KeyRequest, cluster string) error {
	if req.Cluster != cluster {
		return refused("the request is malformed: it is for cluster %.80q, and the token for %s", req.Cluster, cluster)
	}
	if _, err := publicKey(req.User); err != nil {
		return refused("the request is malformed: %v", err)
	}
	if err := checkOpenKey(req.OpenKey); err != nil {
		return refused("the request is malformed: %v", err)
	}
	if len(req.Nonce) > protocol.MaxNonce {
		return refused("the request is malformed: its nonce has %d bytes", len(req.Nonce))
	}
	if len(req.ClusterUID) > maxUID {
		return refused("the request is malformed: the uid of the cluster has %d bytes", len(req.ClusterUID))
	}
	return nil
}

// maxUID is how long the uid of an object may be.
const maxUID = 128

// answer is the signed Grant: of cred, or why there is none. It gives err back, for counting.
func (ids *Identities) answer(req protocol.KeyRequest, cred credential, err error) ([]byte, error) {
	g := protocol.Grant{Version: protocol.Version, Cluster: req.Cluster, User: req.User, Issued: cred.Issued, Expires: cred.Expires}
	if err == nil {
		g.JWT, err = ids.keys.AgentJWT(req.Cluster, cred.User, cred.Expires)
	}
	if err == nil {
		var trust protocol.Trust
		trust, err = ids.trust()
		g.Trust = &trust
	}
	var r refusal
	if err != nil {
		if !errors.As(err, &r) { // such as a full disk: the hub's own trouble, and nobody else's business
			r = refusal{text: "the hub cannot grant it now: see its log; it is asked again by itself"}
		}
		g = protocol.Grant{Version: g.Version, Cluster: g.Cluster, User: g.User, Error: r.text, Final: r.final}
	}
	g.Nonce, g.Epoch = req.Nonce, ids.epoch.Load()
	data, failed := protocol.SignMessage(g, ids.keys.Signers...)
	return data, errors.Join(err, failed)
}
