package credentials

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	defaultAPI   = "https://api.github.com"
	renewBefore  = 5 * time.Minute // a token is good for an hour
	assertionFor = 9 * time.Minute // GitHub takes ten at most
	apiTimeout   = 30 * time.Second
	maxAnswer    = 1 << 20 // bytes
)

// tokens are those of the installations of apps, until shortly before they expire.
type tokens struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]token
}

type token struct {
	text    string
	expires time.Time
}

// of gives a token that is good for some minutes at least. While one is asked for, others wait: it may be the same.
func (t *tokens) of(ctx context.Context, app GitHubApp, ca string) (string, error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%d %d %q %q", app.ID, app.Installation, app.PrivateKey, app.API))
	t.mu.Lock()
	defer t.mu.Unlock()
	if have, ok := t.known[key]; ok && time.Until(have.expires) > renewBefore {
		return have.text, nil
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	got, err := app.exchange(ctx, ca)
	if err != nil {
		return "", err
	}
	if t.known == nil || len(t.known) > 100 {
		t.known = map[[sha256.Size]byte]token{}
	}
	t.known[key] = got
	return got.text, nil
}

// exchange gets a token for the app's assertion of who it is.
func (a GitHubApp) exchange(ctx context.Context, ca string) (token, error) {
	assertion, err := a.assertion(time.Now())
	if err != nil {
		return token{}, err
	}
	api := a.API
	if api == "" {
		api = defaultAPI
	}
	target := fmt.Sprintf("%s/app/installations/%d/access_tokens", strings.TrimSuffix(api, "/"), a.Installation)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, nil)
	if err != nil {
		return token{}, errors.New("api is no address: write it as https://api.github.com")
	}
	req.Header.Set("Authorization", "Bearer "+assertion)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "drover")
	client, done, err := clientFor(ca)
	if err != nil {
		return token{}, err
	}
	defer done()
	answer, err := client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return token{}, fmt.Errorf("GitHub's API at %s cannot be reached: %w: check api, and the network", api, err)
	}
	defer func() { _ = answer.Body.Close() }()
	return read(answer, api)
}

// read takes the token out of an answer.
func read(answer *http.Response, api string) (token, error) {
	switch answer.StatusCode {
	case http.StatusCreated:
	case http.StatusUnauthorized:
		return token{}, fmt.Errorf("GitHub's API at %s does not know the app: check id and privateKey, and this machine's clock", api)
	case http.StatusForbidden, http.StatusNotFound:
		return token{}, fmt.Errorf("GitHub's API at %s gives the app no such installation (%d): check installation, and that it is not suspended", api, answer.StatusCode)
	default:
		return token{}, fmt.Errorf("GitHub's API at %s answers %d: it is tried again", api, answer.StatusCode)
	}
	var got struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires_at"`
	}
	if json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&got) != nil || got.Token == "" {
		return token{}, fmt.Errorf("GitHub's API at %s answers with no token: check api", api)
	}
	return token{got.Token, got.Expires}, nil
}

// clientFor makes a client that follows no redirects: what it sends is for the API alone.
func clientFor(ca string) (client *http.Client, done func(), err error) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if ca != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM([]byte(ca)) {
			return nil, nil, errors.New("ca has no PEM certificates: correct it")
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: t, CheckRedirect: stay}, t.CloseIdleConnections, nil
}

// assertion is a JSON Web Token (RFC 7519) by which the app says who it is.
func (a GitHubApp) assertion(now time.Time) (string, error) {
	key, err := a.key()
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": fmt.Sprint(a.ID), "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(assertionFor).Unix(), // clocks differ a little
	})
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	out.WriteString(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)))
	out.WriteByte('.')
	out.WriteString(base64.RawURLEncoding.EncodeToString(claims))
	sum := sha256.Sum256(out.Bytes())
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", errors.New("privateKey cannot sign: make a new one in the app's settings")
	}
	out.WriteByte('.')
	out.WriteString(base64.RawURLEncoding.EncodeToString(signature))
	return out.String(), nil
}

// key reads the private key, as GitHub gives it (PKCS #1) or as other tools make of it (PKCS #8).
func (a GitHubApp) key() (*rsa.PrivateKey, error) {
	bad := errors.New("privateKey is no RSA key in PEM: give the one that was downloaded from the app's settings")
	block, _ := pem.Decode([]byte(a.PrivateKey))
	if block == nil {
		return nil, bad
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, bad
	}
	return key, nil
}
