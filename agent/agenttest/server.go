package agenttest

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// server is a nats-server as a hub configures it: TLS, and operator mode. It learns of accounts while it runs.
type server struct {
	*testenv.NATS
	operator, system nkeys.KeyPair
	files            *testenv.TempDir // certificate, key, and the accounts that it knows
	admin            *nats.Conn       // a user of the system account

	mu        sync.Mutex // guards what follows
	authority *Authority
	roots     *x509.CertPool // of all authorities that there ever were
	socket    int            // port of the WebSocket listener, if there is one
}

// common is the server of all hubs that have none of their own.
var common struct {
	sync.Mutex
	server *server
}

// commonServer starts the common server at its first call; it ends with the tests.
func commonServer(t testing.TB) *server {
	t.Helper()
	common.Lock()
	defer common.Unlock()
	if common.server == nil {
		s := newServer(t, context.Background())
		testenv.AtEnd(s.stop)
		common.server = s
	}
	return common.server
}

// ownServer starts a server that ends with the test.
func ownServer(t testing.TB) *server {
	t.Helper()
	s := newServer(t, t.Context())
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newServer(t testing.TB, ctx context.Context) *server {
	t.Helper()
	testenv.NeedT(t)
	s := &server{authority: NewAuthority(t), roots: x509.NewCertPool(),
		operator: newKey(t, nkeys.CreateOperator), system: newKey(t, nkeys.CreateAccount)}
	s.roots.AddCert(s.authority.cert)
	var err error
	if s.files, err = testenv.NewTempDir("bus"); err == nil {
		s.NATS, err = testenv.StartNATS(ctx, s.config(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	user := newKey(t, nkeys.CreateUser)
	claims, err := jwt.NewUserClaims(public(t, user)).Encode(s.system)
	if err != nil {
		t.Fatal(err)
	}
	s.admin = s.connect(t, user, claims)
	return s
}

// stop ends the server, and removes what it wrote.
func (s *server) stop() error {
	s.admin.Close()
	return errors.Join(s.Stop(), s.files.Remove())
}

// config is the configuration of the nats-server.
func (s *server) config(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	operator, system := jwt.NewOperatorClaims(public(t, s.operator)), jwt.NewAccountClaims(public(t, s.system))
	operator.SystemAccount = public(t, s.system)
	tls := s.authority.Serve(t, s.files.Path)
	text := fmt.Sprintf("jetstream {}\noperator: %s\nsystem_account: %s\nresolver: {type: full, dir: %q}\n"+
		"resolver_preload: {\n %s: %s\n}\n%s",
		s.sign(t, operator), public(t, s.system), s.files.File("accounts"), public(t, s.system), s.sign(t, system), tls)
	if s.socket != 0 {
		text += fmt.Sprintf("websocket { listen: \"127.0.0.1:%d\"\n %s }\n", s.socket, tls)
	}
	return text
}

// sign signs as the operator does.
func (s *server) sign(t testing.TB, c jwt.Claims) string {
	t.Helper()
	text, err := c.Encode(s.operator)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// reconfigure has the server do as config says after edit, by a restart.
func (s *server) reconfigure(t testing.TB, edit func()) {
	t.Helper()
	s.mu.Lock()
	edit()
	s.mu.Unlock()
	err := s.Configure(s.config(t))
	if err == nil {
		err = s.Restart(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// url is where clients reach the server.
func (s *server) url() string { return fmt.Sprintf("tls://127.0.0.1:%d", s.Port) }

// connect connects a user until the test, or the server, ends.
func (s *server) connect(t testing.TB, user nkeys.KeyPair, claims string) *nats.Conn {
	t.Helper()
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(s.url(), nats.UserJWTAndSeed(claims, string(seed)), nats.ClientTLSConfig(nil, s.pool),
		nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.RetryOnFailedConnect(true), nats.IgnoreAuthErrorAbort())
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

// pool holds all authorities that the server ever used.
func (s *server) pool() (*x509.CertPool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roots.Clone(), nil
}

// account is an account of a server, and so a bus of its own: hub and agents are its users.
type account struct {
	*server
	key     nkeys.KeyPair
	revoked []string // user keys
}

// newAccount has the server know a new account.
func (s *server) newAccount(t testing.TB) *account {
	t.Helper()
	a := &account{server: s, key: newKey(t, nkeys.CreateAccount)}
	a.push(t)
	return a
}

// push tells the server what the account is like.
func (a *account) push(t testing.TB) {
	t.Helper()
	claims := jwt.NewAccountClaims(public(t, a.key))
	l := &claims.Limits.JetStreamLimits
	l.MemoryStorage, l.DiskStorage, l.Streams, l.Consumer = jwt.NoLimit, jwt.NoLimit, jwt.NoLimit, jwt.NoLimit
	for _, user := range a.revoked {
		claims.Revoke(user)
	}
	var answer struct {
		Error *struct{ Description string }
	}
	m, err := a.admin.Request("$SYS.REQ.CLAIMS.UPDATE", []byte(a.sign(t, claims)), 10*time.Second)
	if err == nil {
		err = json.Unmarshal(m.Data, &answer)
	}
	if err == nil && answer.Error != nil {
		err = errors.New(answer.Error.Description)
	}
	if err != nil {
		t.Fatalf("tell the server of an account: %v", err)
	}
}

// user makes the JWT of a user; without publish it may do everything.
func (a *account) user(t testing.TB, key string, publish, subscribe []string, expires time.Time) string {
	t.Helper()
	c := jwt.NewUserClaims(key)
	c.Name = "test"
	if publish != nil {
		c.Permissions.Pub.Allow, c.Permissions.Sub.Allow = publish, subscribe
	}
	if !expires.IsZero() {
		c.Expires = expires.Unix()
	}
	text, err := c.Encode(a.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newKey(t testing.TB, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(t testing.TB, key nkeys.KeyPair) string {
	t.Helper()
	k, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}
