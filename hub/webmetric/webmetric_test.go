package webmetric

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/internal/outbound"
	"github.com/drover-dev/drover/internal/race"
)

// patience is for answers that come.
var patience = race.Patience(90 * time.Second)

// upstream answers a path with what it says.
func upstream(t *testing.T, serve func(http.Handler) *httptest.Server) (*httptest.Server, *http.Request) {
	t.Helper()
	seen := &http.Request{}
	s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*seen = http.Request{Method: r.Method, Header: r.Header.Clone(), URL: r.URL, Pattern: string(body)}
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/broken":
			http.Error(w, `{"ok":true}`, http.StatusInternalServerError)
		case "/large":
			_, _ = io.WriteString(w, `"`+strings.Repeat("x", maxAnswer)+`"`)
		case "/half":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"ok":true}`)
		case "/slow":
			<-r.Context().Done()
		case "/deep":
			_, _ = io.WriteString(w, strings.Repeat("[", 100_000))
		case "/html":
			_, _ = io.WriteString(w, "<html>\n\x1b[31m")
		case "/two":
			_, _ = io.WriteString(w, `{"ok":true}{"ok":false}`)
		case "/empty":
		default:
			_, _ = io.WriteString(w, `{"ok":true,"rate":0.25,"none":null,"list":[1,"x"]}`)
		}
	}))
	t.Cleanup(s.Close)
	return s, seen
}

func TestAValueIsTakenOutOfAnAnswer(t *testing.T) {
	t.Parallel()
	s, seen := upstream(t, httptest.NewServer)
	a := &Asker{Local: true, Login: func(_ context.Context, _, name string) (Login, error) {
		return Login{Token: name, Headers: map[string]string{"X-Api-Key": "k"}}, nil
	}}
	fetch := func(path, jsonPath string) string {
		v, err := a.Fetch(t.Context(), rollout.Web{URL: s.URL + path, Method: "GET", JSONPath: jsonPath,
			Credential: "secret", Timeout: patience})
		return fmt.Sprint(v, " ", err)
	}
	for path, want := range map[string]string{"{$.ok}": "true <nil>", "{$.rate}": "0.25 <nil>", "{$.list[1]}": "x <nil>",
		"{$.none}": "<nil> <nil>", "{$.no}": "nothing there"} {
		if got := fetch("/ok", path); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if seen.Header.Get("Authorization") != "Bearer secret" || seen.Header.Get("X-Api-Key") != "k" || seen.Method != "GET" {
		t.Errorf("it asks by %s with %v", seen.Method, seen.Header)
	}
	_, err := a.Fetch(t.Context(), rollout.Web{URL: s.URL + "/x?a=b", Method: "POST", Body: `{"q":1}`,
		Timeout: patience})
	if err != nil || seen.Method != "POST" || seen.Pattern != `{"q":1}` ||
		seen.Header.Get("Content-Type") != "application/json" {
		t.Errorf("it posts %s %v: %v", seen.Pattern, seen.Header, err)
	}
}

func TestWhatAnswersIsHostile(t *testing.T) {
	t.Parallel()
	s, _ := upstream(t, httptest.NewServer)
	a := &Asker{Local: true, Login: func(context.Context, string, string) (Login, error) {
		return Login{Token: "t0ken"},
			nil
	}}
	for path, want := range map[string]string{"/away": "302", "/broken": "500", "/large": "more than 1 MiB",
		"/half": "unexpected EOF", "/slow": "deadline exceeded", "/deep": "no JSON", "/html": "no JSON", "/two": "no JSON",
		"/empty": "no JSON"} {
		timeout := patience
		if path == "/slow" {
			timeout = 100 * time.Millisecond
		}
		v, err := a.Fetch(t.Context(), rollout.Web{URL: s.URL + path, Method: "GET", JSONPath: "{$.ok}",
			Timeout: timeout})
		if err == nil || !strings.Contains(err.Error(), want) || v != nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: %v, %v, want %s", path, v, err, want)
		}
	}
	for _, address := range []string{"ftp://x/", "http://user:pass@127.0.0.1/", "x", "http://", "file:///etc/passwd"} {
		_, err := a.Fetch(t.Context(), rollout.Web{URL: address, Method: "GET", Timeout: patience})
		if err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: %v", address, err)
		}
	}
	_, err := a.Fetch(t.Context(), rollout.Web{URL: "http://127.0.0.1:1/?key=t0p", Method: "GET", Timeout: patience})
	if err == nil || strings.Contains(err.Error(), "t0p") {
		t.Errorf("an error quotes the query of an address: %v", err)
	}
	a.Local = false
	if _, err := a.Fetch(t.Context(), rollout.Web{URL: s.URL, Method: "GET", Timeout: patience}); err == nil {
		t.Error("a file in Git has the hub ask this machine")
	}
	allowed, _ := outbound.ParseAllowed("127.0.0.1")
	a.Allowed = []outbound.Allowed{allowed}
	if _, err := a.Fetch(t.Context(), rollout.Web{URL: s.URL, Method: "GET", Timeout: patience}); err != nil {
		t.Errorf("an address that is allowed: %v", err)
	}
}

// TestServersAreVerified: of https, against the credential's authorities.
func TestServersAreVerified(t *testing.T) {
	t.Parallel()
	s, _ := upstream(t, httptest.NewTLSServer)
	login := Login{}
	a := &Asker{Local: true, Login: func(context.Context, string, string) (Login, error) { return login, nil }}
	w := rollout.Web{URL: s.URL, Method: "GET", JSONPath: "{$.ok}", Timeout: patience}
	if v, err := a.Fetch(t.Context(), w); err == nil {
		t.Errorf("a server of an unknown authority is believed: %v", v)
	}
	login.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	if v, err := a.Fetch(t.Context(), w); err != nil || v != true {
		t.Errorf("with its authority: %v, %v", v, err)
	}
	for _, bad := range []Login{{CA: "no PEM"}, {Certificate: "no PEM", Key: "s3cret"}} {
		login = bad
		if _, err := a.Fetch(t.Context(), w); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("a login that is none: %v", err)
		}
	}
}
