package credential_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/protocol"
)

// vault keeps an identity in memory, and counts the saves.
type vault struct {
	mu                  sync.Mutex // guards what follows
	credential, pending []byte
	saves               int
	err                 error // of every request, if not nil
}

func (v *vault) Load(context.Context) (credential, pending []byte, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.credential, v.pending, v.err
}

func (v *vault) Save(_ context.Context, credential, pending []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err != nil {
		return v.err
	}
	v.credential, v.pending = credential, pending
	v.saves++
	return nil
}

func (v *vault) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

// load is the identity that v keeps, as the next process reads it, and what it logs.
func load(t testing.TB, v *vault) (*credential.Identity, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	id := credential.NewIdentity(v, slog.New(slog.NewTextHandler(log, nil)))
	if err := id.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return id, log
}

// hub is who grants credentials in these tests.
type hub struct {
	protocol.Trust
	signer ed25519.PrivateKey
}

func newHub(t testing.TB) hub {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, open, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	servers := []string{"tls://hub.example:4222"}
	return hub{protocol.Trust{Servers: servers, HubKeys: [][]byte{public}, HubOpen: open}, private}
}

// grant is a credential of 30 days, granted at a time.
func (h hub) grant(jwt string, at time.Time) protocol.Grant {
	end := at.AddDate(0, 0, 30)
	return protocol.Grant{Version: protocol.Version, Cluster: "east-1", JWT: jwt, Issued: at, Expires: end}
}

// keys makes new keys whose seed is the name given.
func keys(t testing.TB, seed string) func() (credential.Keys, error) {
	return func() (credential.Keys, error) {
		private, _, err := protocol.NewOpenKey()
		return credential.Keys{Seed: seed, OpenKey: private}, err
	}
}

// join has id ask for a credential with a token and get it.
func (h hub) join(t testing.TB, id *credential.Identity, token string) credential.Keys {
	t.Helper()
	k, err := id.Prepare(t.Context(), token, keys(t, "seed of "+token))
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Accept(t.Context(), h.grant("jwt of "+token, issued), h.Trust, token); err != nil {
		t.Fatal(err)
	}
	return k
}

// renew has id renew its credential.
func (h hub) renew(t testing.TB, id *credential.Identity, name string) credential.Keys {
	t.Helper()
	k, err := id.Prepare(t.Context(), "", keys(t, "seed of "+name))
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Accept(t.Context(), h.grant("jwt of "+name, issued.Add(20*24*time.Hour)), h.Trust, ""); err != nil {
		t.Fatal(err)
	}
	return k
}

var issued = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// sameJSON fails the test if both are not the same once they are stored.
func sameJSON(t testing.TB, what string, got, want any) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, w) {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}
