package oidc

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gosundheit "github.com/AppsFlyer/go-sundheit"
	dex "github.com/dexidp/dex/server"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/dexidp/dex/web"
	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/oidc"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/roles"
	"github.com/drover-dev/drover/internal/outbound"
)

// rotating is a signer of Dex whose key can be replaced.
type rotating struct {
	key atomic.Pointer[rsa.PrivateKey]
	now atomic.Pointer[signer.Signer]
}

func (r *rotating) rotate(t *testing.T) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s, err := signer.NewMockSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	r.key.Store(key)
	r.now.Store(&s)
}

func (r *rotating) Sign(ctx context.Context, payload []byte) (string, error) {
	return (*r.now.Load()).Sign(ctx, payload)
}

func (r *rotating) ValidationKeys(ctx context.Context) ([]*jose.JSONWebKey, error) {
	return (*r.now.Load()).ValidationKeys(ctx)
}

func (r *rotating) Algorithm(ctx context.Context) (jose.SignatureAlgorithm, error) {
	return (*r.now.Load()).Algorithm(ctx)
}

func (r *rotating) Start(context.Context) {}

// provider is Dex with one user, Kilgore Trout of the group authors.
type provider struct {
	t      *testing.T
	server *httptest.Server
	keys   *rotating
	away   atomic.Bool
}

func newProvider(t *testing.T, valid time.Duration) *provider {
	t.Helper()
	p := &provider{t: t, keys: &rotating{}}
	p.keys.rotate(t)
	var d *dex.Server
	p.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		d.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	log := slog.New(slog.DiscardHandler)
	s := memory.New(log)
	err := s.CreateConnector(t.Context(), storage.Connector{ID: "mock", Type: "mockCallback", Name: "Mock"})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"drover", "another"} {
		if err := s.CreateClient(t.Context(), storage.Client{ID: id, Secret: "secret", Name: id,
			RedirectURIs: []string{redirect}}); err != nil {
			t.Fatal(err)
		}
	}
	d, err = dex.NewServer(t.Context(), dex.Config{Issuer: p.server.URL, Storage: s, Logger: log,
		Web: dex.WebConfig{WebFS: web.FS()}, PrometheusRegistry: prometheus.NewRegistry(), HealthChecker: gosundheit.New(),
		SkipApprovalScreen: true, Signer: p.keys, IDTokensValidFor: valid,
		AllowedGrantTypes:  []string{"authorization_code"},
		RefreshTokenPolicy: tokens.NewRefreshStrategy(true, 0, 0, 0, time.Now)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// redirect is where the client of a user waits for the code.
const redirect = "http://127.0.0.1/callback"

// login gives an ID token for a client, by the authorization code flow.
func (p *provider) login(client string) string {
	p.t.Helper()
	c := *p.server.Client()
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	do := func(method, path string, form url.Values) *http.Response {
		req, err := http.NewRequestWithContext(p.t.Context(), method, p.server.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			p.t.Fatal(err)
		}
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.SetBasicAuth(client, "secret")
		}
		resp, err := c.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	asked := do(http.MethodGet, "/auth?"+url.Values{"client_id": {client}, "redirect_uri": {redirect},
		"response_type": {"code"}, "scope": {"openid email profile groups"}, "state": {"x"}}.Encode(), nil)
	to, err := asked.Location()
	if err != nil || to.Query().Get("code") == "" {
		p.t.Fatalf("no code: %s %v", asked.Status, err)
	}
	resp := do(http.MethodPost, "/token", url.Values{"grant_type": {"authorization_code"},
		"code": {to.Query().Get("code")}, "redirect_uri": {redirect}})
	var out struct {
		ID string `json:"id_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.ID == "" {
		p.t.Fatalf("no ID token: %s %v", resp.Status, err)
	}
	return out.ID
}

// users is what the hub knows the provider's users with.
func (p *provider) users(edit func(*oidc.Options)) *oidc.Users {
	p.t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
	o := oidc.Options{Issuer: p.server.URL, ClientID: "drover", Username: "email", Groups: "groups", CA: ca,
		Allowed: []outbound.Allowed{{Addresses: netip.MustParsePrefix("127.0.0.1/32")}}}
	if edit != nil {
		edit(&o)
	}
	u, err := oidc.New(o)
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// none is a store of tokens that has none.
type none struct{}

func (none) Load() (map[string][]byte, error) { return nil, nil }
func (none) Save(map[string][]byte) error     { return nil }

// serve serves the API of a hub for the users of the provider; bindings are its policy.
func serve(t *testing.T, u *oidc.Users, bindings ...access.Binding) func(token string) api.Client {
	t.Helper()
	register, err := people.Open(none{})
	if err != nil {
		t.Fatal(err)
	}
	register.Users = u
	s := &api.Server{State: hub.New("/fleet").State(), People: register, Identities: nobody{},
		Access: roles.Fixed{Is: access.New(nil, bindings, false)}, Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return func(token string) api.Client { return api.Client{URL: server.URL, APIToken: token} }
}

// nobody are no credentials.
type nobody struct{ api.Identities }

func (nobody) Joins() hub.Joins   { return hub.Joins{} }
func (nobody) Clusters() []string { return nil }

func refused(t *testing.T, what string, err error, why string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: %v, want %s", what, err, why)
	}
}

// TestUsersOfDexHaveTheRolesOfTheirGroups: nothing without a binding, also where named tokens have what they had, and
// what the bindings of their groups give.
func TestUsersOfDexHaveTheRolesOfTheirGroups(t *testing.T) {
	t.Parallel()
	p := newProvider(t, time.Hour)
	token := p.login("drover")
	without := serve(t, p.users(nil))
	who, err := api.WhoAmI(t.Context(), without(token))
	if err != nil || who.Kind != "User" || who.Name != "oidc:kilgore@kilgore.trout" ||
		strings.Join(who.Groups, ",") != "authors" || who.Expires.Before(time.Now().Add(50*time.Minute)) {
		t.Fatalf("%+v %v", who, err)
	}
	_, err = without(token).Clusters(t.Context(), "")
	refused(t, "without a binding", err, "may not list clusters")
	with := serve(t, p.users(nil), access.Binding{Name: "authors", Role: access.Viewer,
		Subjects: []access.Subject{{Kind: access.Group, Name: "authors"}}})
	if _, err := with(token).Clusters(t.Context(), ""); err != nil {
		t.Error(err)
	}
	_, err = with(token).Tokens(t.Context())
	refused(t, "more than the role", err, "may not list tokens")
}

// TestTokensThatAreNotForTheHubAreRefused: of another client, with another signature, unsigned, signed with what
// everyone knows, and expired ones.
func TestTokensThatAreNotForTheHubAreRefused(t *testing.T) {
	t.Parallel()
	p := newProvider(t, time.Hour)
	hub := serve(t, p.users(nil))
	good := p.login("drover")
	if _, err := api.WhoAmI(t.Context(), hub(good)); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	header := func(alg string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"JWT"}`))
	}
	public, err := x509.MarshalPKIXPublicKey(p.keys.key.Load().Public())
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	mac.Write([]byte(header("HS256") + "." + parts[1]))
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(header("RS256") + "." + parts[1]))
	forged, err := rsa.SignPKCS1v15(rand.Reader, own, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for what, token := range map[string]string{
		"of another client":      p.login("another"),
		"unsigned":               header("none") + "." + parts[1] + ".",
		"with a shared secret":   header("HS256") + "." + parts[1] + "." + encode(mac.Sum(nil)),
		"of another key":         header("RS256") + "." + parts[1] + "." + encode(forged),
		"with another signature": parts[0] + "." + parts[1] + "." + encode(make([]byte, 256)),
		"without one":            parts[0] + "." + parts[1] + ".",
		"no token":               "ey.a.b",
		"too long":               good + strings.Repeat("A", 64<<10),
	} {
		_, err := api.WhoAmI(t.Context(), hub(token))
		if err == nil {
			t.Errorf("a token %s is accepted", what)
		}
	}
	short := newProvider(t, time.Second)
	brief := serve(t, short.users(nil))
	token := short.login("drover")
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		_, err := api.WhoAmI(t.Context(), brief(token))
		if err != nil {
			refused(t, "expired", err, "expired")
			break
		}
		if time.Now().After(end) {
			t.Fatal("an expired token is accepted")
		}
	}
}

// TestTheProvidersKeysRotate: a token of a new key is accepted without a restart.
func TestTheProvidersKeysRotate(t *testing.T) {
	t.Parallel()
	p := newProvider(t, time.Hour)
	hub := serve(t, p.users(nil))
	for i := range 3 {
		if _, err := api.WhoAmI(t.Context(), hub(p.login("drover"))); err != nil {
			t.Errorf("after %d rotations: %v", i, err)
		}
		p.keys.rotate(t)
	}
}

// TestAProviderMayBeAway: the hub starts without it, says so, and finds it later. One at an address that is not
// allowed is not asked.
func TestAProviderMayBeAway(t *testing.T) {
	t.Parallel()
	p := newProvider(t, time.Hour)
	token := p.login("drover")
	p.away.Store(true)
	hub := serve(t, p.users(nil))
	_, err := api.WhoAmI(t.Context(), hub(token))
	refused(t, "away", err, "the provider cannot be asked")
	p.away.Store(false)
	if _, err := api.WhoAmI(t.Context(), hub(token)); err != nil {
		t.Errorf("back: %v", err)
	}
	kept := serve(t, p.users(func(o *oidc.Options) { o.Allowed = nil }))
	_, err = api.WhoAmI(t.Context(), kept(token))
	refused(t, "at an address of this machine", err, "the provider cannot be asked")
	stranger := serve(t, p.users(func(o *oidc.Options) { o.CA = nil }))
	_, err = api.WhoAmI(t.Context(), stranger(token))
	refused(t, "with another certificate", err, "certificate")
	for _, issuer := range []string{"http://127.0.0.1:1", "127.0.0.1", "https://a:b@c", "https://a?b=c", ""} {
		o := oidc.Options{Issuer: issuer, ClientID: "drover", Username: "email", Groups: "groups"}
		if _, err := oidc.New(o); err == nil {
			t.Errorf("the issuer %q is taken", issuer)
		}
	}
}
