package credential

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"

	"github.com/drover-dev/drover/protocol"
)

// Vault keeps an agent's identity in the cluster it describes. Save fails with ErrLost if what was read or written
// before has changed since.
type Vault interface {
	// Load gives the credential and the pending keys, each nil if there is none.
	Load(ctx context.Context) (credential, pending []byte, err error)
	// Save writes both at once; nil says that there is none.
	Save(ctx context.Context, credential, pending []byte) error
}

// Keys are the private keys of a credential.
type Keys struct {
	Seed    string `json:"seed,omitempty"`    // NATS user nkey seed
	OpenKey []byte `json:"openKey,omitempty"` // X25519
}

// pending are keys that a credential was asked for. They are stored before it is asked, so that whoever asks again
// after a crash asks for the same.
type pending struct {
	Version int    `json:"version"`
	Token   string `json:"token,omitempty"` // public key of the join token that it is asked with; empty for a renewal
	Keys
	Refused string `json:"refused,omitempty"` // why the hub will never grant it
}

// Identity is who this agent is, and whom it believes: one credential at a time. It is safe for concurrent use.
type Identity struct {
	vault Vault
	log   *slog.Logger

	saving sync.Mutex // held over a request to the vault; taken before mu
	mu     sync.Mutex // guards what follows
	held   held
	here   string // see Here
	epoch  uint64 // see Reach
	frozen bool   // see Freeze
}

// held is what the vault holds.
type held struct {
	credential protocol.Credential // without a cluster, if there is none
	pending    pending
}

// NewIdentity is the identity that vault keeps. Nothing is read before Load.
func NewIdentity(vault Vault, log *slog.Logger) *Identity {
	return &Identity{vault: vault, log: log}
}

// Load reads the identity. A credential that cannot be understood is as good as none: a new token replaces it.
func (i *Identity) Load(ctx context.Context) error {
	i.saving.Lock()
	defer i.saving.Unlock()
	credential, asked, err := i.vault.Load(ctx)
	if err != nil {
		return err
	}
	var h held
	if credential != nil {
		if h.credential, err = protocol.DecodeCredential(credential); err != nil {
			i.log.Warn("the stored credential cannot be used; the cluster has to join again", "err", err)
		}
	}
	if json.Unmarshal(asked, &h.pending) != nil { // the error might quote a seed; and new keys are soon made
		h.pending = pending{}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.held = h
	return nil
}

// Credential is the current one. Without one, before the cluster has joined, it names no cluster.
func (i *Identity) Credential() protocol.Credential {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.held.credential
}

// Reach notes that a bundle of an epoch was accepted: a hub of an older one has been taken over from.
func (i *Identity) Reach(epoch uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.epoch = max(i.epoch, epoch)
}

// Epoch is the newest epoch that a bundle was accepted of, as far as Reach was told.
func (i *Identity) Epoch() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.epoch
}

// Joined says whether there is a credential.
func (i *Identity) Joined() bool { return i.Credential().Cluster != "" }

// Renewing says whether a renewal was begun whose outcome is not known.
func (i *Identity) Renewing() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.held.credential.Cluster != "" && i.held.pending.Seed != "" && i.held.pending.Token == ""
}

// Refused says why the hub will never take the join token with this public key; "" if that is not known.
func (i *Identity) Refused(token string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if token == "" || i.held.pending.Token != token {
		return ""
	}
	return i.held.pending.Refused
}

// Prepare gives the keys to ask a credential for, with the join token of this public key, or to renew the current one
// if it is empty. Those of an earlier try are given again; new ones are made and stored first.
func (i *Identity) Prepare(ctx context.Context, token string, fresh func() (Keys, error)) (Keys, error) {
	i.mu.Lock()
	p := i.held.pending
	i.mu.Unlock()
	if p.Token == token && p.Seed != "" && len(p.OpenKey) != 0 {
		return p.Keys, nil
	}
	keys, err := fresh()
	if err != nil {
		return Keys{}, err
	}
	err = i.alter(ctx, func(h *held) { h.pending = pending{Version: protocol.Version, Token: token, Keys: keys} })
	return keys, err
}

// Refuse notes that the hub will never take a join token.
func (i *Identity) Refuse(ctx context.Context, token, why string) error {
	return i.alter(ctx, func(h *held) { h.pending = pending{Version: protocol.Version, Token: token, Refused: why} })
}

// Forget throws prepared keys away: the next ones are new.
func (i *Identity) Forget(ctx context.Context) error {
	return i.alter(ctx, func(h *held) { h.pending = pending{} })
}

// Accept makes the prepared keys the current credential, as grant says. by is the trust with which grant was verified;
// token is as in Prepare.
func (i *Identity) Accept(ctx context.Context, grant protocol.Grant, by protocol.Trust, token string) error {
	if grant.Trust != nil {
		if err := CheckTrust(*grant.Trust); err != nil {
			i.log.Warn("the hub granted a credential with a trust that is of no use; the one before is kept", "err", err)
		} else {
			by = *grant.Trust
		}
	}
	return i.alter(ctx, func(h *held) {
		former, p := h.credential, h.pending
		h.credential = protocol.Credential{Version: protocol.Version, Cluster: grant.Cluster, Trust: by, JWT: grant.JWT, Seed: p.Seed, OpenKey: p.OpenKey,
			Issued: grant.Issued, Expires: grant.Expires, Token: cmp.Or(token, former.Token), Place: former.Place}
		if token != "" {
			h.credential.Place = i.place() // who made the token decided for this cluster
		}
		if len(former.OpenKey) != 0 {
			h.credential.Earlier = [][]byte{former.OpenKey}
		}
		h.pending = pending{}
	})
}

// Believe takes up whom the hub says to trust, if that is news.
func (i *Identity) Believe(ctx context.Context, t protocol.Trust) error {
	if i.Credential().Trust.Equal(t) {
		return nil
	}
	return i.alter(ctx, func(h *held) { h.credential.Trust = t })
}

// alter stores what change makes of the identity, and then takes it up.
func (i *Identity) alter(ctx context.Context, change func(*held)) error {
	i.saving.Lock()
	defer i.saving.Unlock()
	i.mu.Lock()
	next := i.held
	i.mu.Unlock()
	change(&next)
	var credential, asked []byte
	var err error
	if next.credential.Cluster != "" {
		credential, err = json.Marshal(next.credential)
	}
	if err == nil && next.pending.Version != 0 {
		asked, err = json.Marshal(next.pending)
	}
	if err == nil {
		err = i.vault.Save(ctx, credential, asked)
	}
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.held = next
	return nil
}

// Unseal opens what is sealed to this cluster, with the credential's key or the one before it.
func (i *Identity) Unseal(sealed []byte) ([]byte, error) {
	c := i.Credential()
	message, err := protocol.Unseal(c.OpenKey, c.Cluster, sealed)
	for _, earlier := range c.Earlier {
		if err == nil {
			break
		}
		if older, err := protocol.Unseal(earlier, c.Cluster, sealed); err == nil {
			return older, nil
		}
	}
	return message, err
}

// Open unseals and verifies a bundle.
func (i *Identity) Open(sealed []byte) (envelope []byte, b protocol.Bundle, err error) {
	if envelope, err = i.Unseal(sealed); err != nil {
		return nil, b, err
	}
	c := i.Credential()
	b, err = protocol.VerifyBundle(envelope, c.Cluster, c.SigningKeys())
	return envelope, b, err
}

// CheckTrust says why an agent cannot live with t, if so: it would have nobody to connect to, to verify or to report to.
func CheckTrust(t protocol.Trust) error {
	if err := t.Check("trust"); err != nil {
		return err
	}
	if len(t.HubOpen) == 0 {
		return errors.New("the trust has no key for reports")
	}
	if t.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CA)) {
		return errors.New("the trust's CA holds no certificate in PEM")
	}
	for _, s := range t.Servers {
		if u, err := url.Parse(s); err != nil || u.Scheme != "tls" && u.Scheme != "wss" || u.Hostname() == "" {
			return fmt.Errorf("the server %.80q is no tls:// or wss:// URL: nothing is sent in the clear; see the hub's --advertise", s)
		}
	}
	return nil
}

// Here says in which cluster the agent is; "" if that is not known.
func (i *Identity) Here(uid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.here = uid
}

// UID is what Here said.
func (i *Identity) UID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.here
}

// place is the cluster that the agent is in; nil if that is not known.
func (i *Identity) place() *protocol.Place {
	if uid := i.UID(); uid != "" {
		return &protocol.Place{UID: uid}
	}
	return nil
}

// Freeze keeps the credential from being renewed while true: the agent of another cluster may be the one that it
// belongs to.
func (i *Identity) Freeze(yes bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.frozen = yes
}

// Frozen says whether the credential is not to be renewed.
func (i *Identity) Frozen() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.frozen
}

// Settle notes to which cluster the credential belongs.
func (i *Identity) Settle(ctx context.Context, p protocol.Place) error {
	return i.alter(ctx, func(h *held) { h.credential.Place = &p })
}

// Misplaced says whether the credential belongs to another cluster than this, and to which. If nobody has noted that
// yet, it is this one.
func (i *Identity) Misplaced(ctx context.Context) (protocol.Place, bool, error) {
	here, belongs := i.UID(), i.Credential().Place
	switch {
	case here == "":
		return protocol.Place{}, false, nil
	case belongs == nil:
		return protocol.Place{}, false, i.Settle(ctx, protocol.Place{UID: here})
	}
	return *belongs, belongs.UID != here, nil
}
