package waves

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/credentials"
	"github.com/drover-dev/drover/hub/rollouts/gate"
	"github.com/drover-dev/drover/internal/outbound"
)

// metricServer answers both kinds of questions with 0.25, and keeps the Authorization and the X-Team of the last one.
func metricServer(t *testing.T) (s *httptest.Server, last *string) {
	t.Helper()
	last = new(string)
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*last = strings.TrimSpace(r.Header.Get("Authorization") + " " + r.Header.Get("X-Team"))
		if r.URL.Path == "/api/v1/query" {
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"0.25"]}}`)
			return
		}
		fmt.Fprint(w, `{"ratio":0.25}`)
	}))
	t.Cleanup(s.Close)
	return s, last
}

// both asks both kinds of gates at an address with a credential.
func both(t *testing.T, m gate.Metrics, address, credential string) (values [2]any, errs [2]error) {
	t.Helper()
	all, err := m.Ask(t.Context(), rollout.Gate{Address: address, Credential: credential}, "errors")
	if errs[0] = err; err == nil {
		values[0] = all[0]
	}
	values[1], errs[1] = m.Fetch(t.Context(), rollout.Web{URL: address + "/x", Method: "GET", JSONPath: "{$.ratio}",
		Credential: credential, Timeout: time.Minute})
	return values, errs
}

// A file in Git names the address that a gate asks: it reaches this machine only where the hub was told so.
func TestGatesAreBoundAsSourcesAre(t *testing.T) {
	t.Parallel()
	s, _ := metricServer(t)
	other, _ := metricServer(t)
	exception, err := outbound.ParseAllowed(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	none := &credentials.Folder{}
	for name, c := range map[string]struct {
		metrics gate.Metrics
		address string
		reaches bool
	}{
		"without an exception":       {Metrics(none, false, nil), s.URL, false},
		"with one":                   {Metrics(none, false, []outbound.Allowed{exception}), s.URL, true},
		"with one for another port":  {Metrics(none, false, []outbound.Allowed{exception}), other.URL, false},
		"without any restriction":    {Metrics(none, true, nil), s.URL, true},
		"at an address of this link": {Metrics(none, false, []outbound.Allowed{exception}), "http://169.254.169.254", false},
	} {
		values, errs := both(t, c.metrics, c.address, "")
		for i, err := range errs {
			if reached := err == nil && values[i] == 0.25; reached != c.reaches {
				t.Errorf("%s, kind %d: %v, %v; want it to reach the server: %t", name, i, values[i], err, c.reaches)
			}
			if !c.reaches && (err == nil || !strings.Contains(err.Error(), "--allow-source-address")) {
				t.Errorf("%s, kind %d: %v does not say how to allow it", name, i, err)
			}
		}
	}
}

// A credential goes to the addresses that its file names, whatever a gate says.
func TestGatesLogInWhereACredentialSays(t *testing.T) {
	t.Parallel()
	s, last := metricServer(t)
	other, lastOther := metricServer(t)
	dir := t.TempDir()
	file := "urls: ['" + s.URL + "']\ntoken: secret\nheaders: {X-Team: shop}\n"
	if err := os.WriteFile(filepath.Join(dir, "metrics.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	m := Metrics(&credentials.Folder{Dir: dir}, true, nil)
	if _, errs := both(t, m, s.URL, "metrics"); errs != [2]error{} || *last != "Bearer secret shop" {
		t.Errorf("it logs in with %q, %v", *last, errs)
	}
	for _, name := range []string{"metrics", "nosuch"} {
		*lastOther = "nothing"
		_, errs := both(t, m, other.URL, name)
		for i, err := range errs {
			if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), name) {
				t.Errorf("%s, kind %d: %v", name, i, err)
			}
		}
		if *lastOther != "nothing" {
			t.Errorf("%s: another server was asked, with %q", name, *lastOther)
		}
	}
}
