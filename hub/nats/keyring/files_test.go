package keyring

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// says holds an error against what it is to say.
func says(t *testing.T, what string, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, which does not say %q", what, err, part)
		}
	}
}

// A key file that was taken for another one is refused when the hub starts, and not when an agent cannot connect.
func TestAKeyOfAnotherKindIsRefused(t *testing.T) {
	t.Parallel()
	short := pem.EncodeToMemory(&pem.Block{Type: signingKeyType, Bytes: make([]byte, 31)})
	for name, with := range map[string]string{
		"signing.key": "fleet.key", "fleet.key": "signing.key", "ca.pem": "operator.nk", "operator.nk": "account.nk",
		"account.nk": "operator.nk", "system.nk": "hub-user.nk", "hub-user.nk": "system.nk", "system-user.nk": "fleet.key",
	} {
		dir := t.TempDir()
		must(Open(dir))
		data := must(os.ReadFile(filepath.Join(dir, with)))
		_ = must(0, os.WriteFile(filepath.Join(dir, name), data, 0o600))
		_, err := Open(dir)
		says(t, name+" with the content of "+with, err, name, "backup")
	}
	dir := t.TempDir()
	must(Open(dir))
	_ = must(0, os.WriteFile(filepath.Join(dir, "signing.key"), short, 0o600))
	_, err := Open(dir)
	says(t, "with a key that is too short", err, "signing.key holds no "+signingKeyType)
}

// A server's certificate is no authority, though it has a key beside it.
func TestACertificateIsNoAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, err := must(Open(dir)).Issue("hub", []string{"hub.example.com"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_ = must(0, os.WriteFile(filepath.Join(dir, "ca.pem"), slices.Concat(key, cert), 0o600))
	_, err = Open(dir)
	says(t, "a certificate in place of the authority", err, "ca.pem: it holds no certificate authority")
}

func TestKeysThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	_ = must(0, os.WriteFile(file, nil, 0o600))
	_, err := Open(filepath.Join(file, "keys"))
	says(t, "below a file", err, "the right to write there")
	dir := t.TempDir()
	_ = must(0, os.Mkdir(filepath.Join(dir, "signing.key"), 0o700))
	_, err = Open(dir)
	says(t, "with a folder in place of a key", err, "signing.key")
}

// What was encrypted with the secret from before is opened with it while the next one takes its place.
func TestTheFormerSecretIsKeptWhileItIsRotated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := must(Open(dir))
	if first.Former != nil {
		t.Error("there is a former secret before any rotation")
	}
	if err := first.Begin(Fleet); err != nil {
		t.Fatal(err)
	}
	between := must(Open(dir))
	if !bytes.Equal(between.Former, first.Secret) || bytes.Equal(between.Secret, first.Secret) {
		t.Error("while it is rotated the former secret is not the first, or the current one is")
	}
	if err := between.Finish(Fleet); err != nil {
		t.Fatal(err)
	}
	if last := must(Open(dir)); last.Former != nil || !bytes.Equal(last.Secret, between.Secret) {
		t.Error("in the end the secret is not the next one alone")
	}
}

func TestTheListOfKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := must(Open(dir))
	at := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	for _, e := range must(os.ReadDir(dir)) {
		_ = must(0, os.Chtimes(filepath.Join(dir, e.Name()), at, at))
	}
	kinds := func(all []Info) (out []Kind) {
		for _, i := range all {
			out = append(out, i.Kind)
		}
		return out
	}
	list := must(k.List())
	if !slices.Equal(kinds(list), Kinds) {
		t.Errorf("the kinds are %q, want %q", kinds(list), Kinds)
	}
	for _, i := range list {
		if i.ID == "" || i.Next || !i.Since.Equal(at) {
			t.Errorf("got %+v, want it since %s", i, at)
		}
	}
	for _, kind := range Kinds {
		if err := k.Begin(kind); err != nil {
			t.Fatal(err)
		}
	}
	both := must(must(Open(dir)).List())
	if len(both) != 2*len(list) {
		t.Fatalf("while all are rotated there are %+v", both)
	}
	for i, current := range list {
		next := both[2*i+1]
		if both[2*i].ID != current.ID || both[2*i].Next || !both[2*i].Since.Equal(at) {
			t.Errorf("the current key is %+v, before it was %+v", both[2*i], current)
		}
		if next.Kind != current.Kind || next.ID == current.ID || !next.Next || !next.Since.After(at) {
			t.Errorf("the next key is %+v, after %+v", next, current)
		}
	}
	for what, err := range map[string]error{"begin": k.Begin("tls"), "finish": k.Finish("tls")} {
		says(t, "to "+what+" a key that is none", err, `no key "tls"`, "operator, account or fleet")
	}
}

// An operator that is made after the rotation of the account key has servers refuse every user that an identity key has
// signed. The first one cannot: its servers were told otherwise.
func TestANewOperatorIsStrictAfterTheAccountKeyWasRotated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rotate := func(kind Kind) *Keys {
		t.Helper()
		if err := must(Open(dir)).Begin(kind); err != nil {
			t.Fatal(err)
		}
		if err := must(Open(dir)).Finish(kind); err != nil {
			t.Fatal(err)
		}
		return must(Open(dir))
	}
	if c := must(rotate(Operator).Claims(nil)); c.Operators[0].StrictSigningKeyUsage {
		t.Error("an operator is strict before the account key was rotated")
	}
	k := rotate(Account)
	c := must(k.Claims(nil))
	if c.Operators[0].StrictSigningKeyUsage || must(jwt.DecodeAccountClaims(c.HubJWT)).Issuer != c.Operators[0].Subject {
		t.Error("the operator from before became strict, which its servers do not know")
	}
	for as := LoginHub; as <= LoginSystem; as++ {
		token, _, err := k.Credentials(as, "hub")
		if err != nil {
			t.Fatal(err)
		}
		if got := must(jwt.DecodeUserClaims(token)); got.IssuerAccount != "" {
			t.Errorf("login %d is signed by %s, which servers may not know yet", as, got.Issuer)
		}
	}
	k = rotate(Operator)
	c = must(k.Claims(nil))
	operator := must(jwt.DecodeOperatorClaims(c.OperatorJWTs[0]))
	if !operator.StrictSigningKeyUsage || len(operator.SigningKeys) != 1 {
		t.Fatalf("the new operator is %+v", operator)
	}
	for name, token := range map[string]string{"agents": c.AccountJWT, "hub": c.HubJWT, "system": c.SystemJWT} {
		account := must(jwt.DecodeAccountClaims(token))
		if account.Issuer != operator.SigningKeys[0] || !slices.Equal(account.SigningKeys.Keys(), k.SignerNames()) {
			t.Errorf("the account of %s is signed by %s, and its users by %q", name, account.Issuer, account.SigningKeys.Keys())
		}
	}
	want := map[Login]string{LoginHub: c.Hub, LoginDesk: c.Account, LoginFormer: c.Account, LoginSystem: c.System}
	for as, account := range want {
		token, _, err := k.Credentials(as, "hub")
		if err != nil {
			t.Fatal(err)
		}
		if got := must(jwt.DecodeUserClaims(token)); got.IssuerAccount != account || got.Issuer != k.AccountKey() {
			t.Errorf("login %d is of %q, signed by %s", as, got.IssuerAccount, got.Issuer)
		}
	}
	_ = must(0, os.WriteFile(filepath.Join(dir, strictFile), []byte("{"), 0o600))
	_, err := Open(dir)
	says(t, "with a damaged list", err, strictFile, "backup")
}

// Two hubs that share keys share the account of the streams, though no file has its key.
func TestTheAccountOfTheHubFollowsFromThatOfTheAgents(t *testing.T) {
	t.Parallel()
	pair := must(nkeys.CreateAccount())
	one, two := must(hubPair(pair)), must(hubPair(pair))
	other := must(hubPair(must(nkeys.CreateAccount())))
	id := must(one.PublicKey())
	if id != must(two.PublicKey()) || id == must(other.PublicKey()) || id == must(pair.PublicKey()) || id[0] != 'A' {
		t.Errorf("the account is %s", id)
	}
}
