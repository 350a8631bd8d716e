package agenttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Host is a name that the server's certificate is for, besides 127.0.0.1. No resolver knows it.
const Host = "hub.example.com"

// operator is who a nats-server believes: an operator with one account for hub and agents, and one for itself.
type operator struct {
	operator, account, system nkeys.KeyPair
	revoked                   []string // user keys
}

func newOperator(t testing.TB) *operator {
	t.Helper()
	o := &operator{}
	for key, make := range map[*nkeys.KeyPair]func() (nkeys.KeyPair, error){&o.operator: nkeys.CreateOperator, &o.account: nkeys.CreateAccount, &o.system: nkeys.CreateAccount} {
		var err error
		if *key, err = make(); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func public(t testing.TB, key nkeys.KeyPair) string {
	t.Helper()
	k, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// config is the part of a nats-server's configuration that says whom it admits.
func (o *operator) config(t testing.TB) string {
	t.Helper()
	op, account, system := jwt.NewOperatorClaims(public(t, o.operator)), jwt.NewAccountClaims(public(t, o.account)), jwt.NewAccountClaims(public(t, o.system))
	op.SystemAccount = public(t, o.system)
	l := &account.Limits.JetStreamLimits
	l.MemoryStorage, l.DiskStorage, l.Streams, l.Consumer = jwt.NoLimit, jwt.NoLimit, jwt.NoLimit, jwt.NoLimit
	for _, user := range o.revoked {
		account.Revoke(user)
	}
	encode := func(c jwt.Claims) string {
		text, err := c.Encode(o.operator)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	return fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {\n %s: %s\n %s: %s\n}\n",
		encode(op), public(t, o.system), public(t, o.account), encode(account), public(t, o.system), encode(system))
}

// user makes the JWT of a user; without publish it may do everything.
func (o *operator) user(t testing.TB, key string, publish, subscribe []string, expires time.Time) string {
	t.Helper()
	c := jwt.NewUserClaims(key)
	c.Name = "test"
	if publish != nil {
		c.Permissions.Pub.Allow, c.Permissions.Sub.Allow = publish, subscribe
	}
	if !expires.IsZero() {
		c.Expires = expires.Unix()
	}
	text, err := c.Encode(o.account)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Authority signs the certificates of servers.
type Authority struct {
	PEM  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes an authority that nobody else knows.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{}
	a.cert, a.key = a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: rand.Text()}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
	return a
}

// sign makes a key and completes and signs its certificate; that of the authority itself, as long as it has none.
func (a *Authority) sign(t testing.TB, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err == nil {
		c, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

// Serve writes a server's certificate and key into dir, and gives the tls block of a nats-server that uses them.
func (a *Authority) Serve(t testing.TB, dir string) string {
	t.Helper()
	cert, key := a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "hub"}, DNSNames: []string{Host}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"server.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}),
		"server.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}),
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("tls { cert_file: %q, key_file: %q }\n", filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key"))
}
