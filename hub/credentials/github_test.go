package credentials

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// gitHub plays the one call of GitHub's API that is needed.
type gitHub struct {
	*httptest.Server
	key     *rsa.PrivateKey
	good    time.Duration // how long its tokens are
	tokens  int           // handed out
	problem string        // what is wrong with the last request
}

func newGitHub(t *testing.T) *gitHub {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	g := &gitHub{key: key, good: time.Hour}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.problem = g.check(r); g.problem != "" {
			http.Error(w, g.problem, http.StatusUnauthorized)
			return
		}
		if r.URL.Path != "/app/installations/22/access_tokens" {
			http.NotFound(w, r)
			return
		}
		g.tokens++
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"token": fmt.Sprintf("ghs_%d", g.tokens), "expires_at": time.Now().Add(g.good).UTC()})
	}))
	t.Cleanup(g.Close)
	return g
}

// check verifies the assertion of a request as GitHub documents it.
func (g *gitHub) check(r *http.Request) string {
	assertion, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	parts := strings.Split(assertion, ".")
	if r.Method != http.MethodPost || len(parts) != 3 {
		return "no assertion"
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if rsa.VerifyPKCS1v15(&g.key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return "not signed by the app"
	}
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	data, _ := base64.RawURLEncoding.DecodeString(parts[1])
	now := time.Now().Unix()
	if json.Unmarshal(data, &claims) != nil || claims.Iss != "11" || claims.Iat > now || claims.Exp <= now || claims.Exp-claims.Iat > 600 {
		return "claims " + string(data)
	}
	return ""
}

func (g *gitHub) file(key *rsa.PrivateKey, installation int) string {
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return fmt.Sprintf("urls: [https://github.com/acme]\ngithubApp:\n  id: 11\n  installation: %d\n  api: %s\n  privateKey: |\n    %s\n",
		installation, g.URL, strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    "))
}

func TestAGitHubAppGetsATokenAndRenewsItBeforeItExpires(t *testing.T) {
	g := newGitHub(t)
	f := folder(t, map[string]string{"app.yaml": g.file(g.key, 22)})
	find := func() string {
		t.Helper()
		c, err := f.Find(t.Context(), "https://github.com/acme/shop.git", "", false)
		if err != nil || c.Username != "x-access-token" {
			t.Fatalf("%q, %v (%s)", c.Username, err, g.problem)
		}
		return c.Password
	}
	if a, b := find(), find(); a != "ghs_1" || b != a {
		t.Errorf("tokens %s and %s, want one that is used again", a, b)
	}
	g.good = renewBefore - time.Second
	f.tokens = tokens{}
	if a, b := find(), find(); a != "ghs_2" || b != "ghs_3" {
		t.Errorf("tokens %s and %s: one that is about to expire is to be renewed", a, b)
	}
}

func TestWhatAGitHubAppIsRefusedIsExplained(t *testing.T) {
	g := newGitHub(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{
		"does not know the app":                    g.file(other, 22),
		"gives the app no such installation (404)": g.file(g.key, 23),
		"privateKey is no RSA key":                 "urls: [https://github.com/acme]\ngithubApp: {id: 11, installation: 22, privateKey: nonsense}\n",
		"cannot be reached":                        strings.Replace(g.file(g.key, 22), g.URL, "http://127.0.0.1:1", 1),
	} {
		f := folder(t, map[string]string{"app.yaml": text})
		_, err := f.Find(t.Context(), "https://github.com/acme/shop.git", "", false)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "credential app: ") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
