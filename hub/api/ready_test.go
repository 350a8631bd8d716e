package api

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

func TestWhatReadinessDependsOn(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	resolved := hub.SourceStatus{Revision: protocol.Revision{Hash: "rev"}}
	away := resolved
	away.Error, away.ErrorSince = "the host is away", at
	stalled := resolved
	stalled.Stalled, stalled.StalledSince = "the disk is full", at
	standby := resolved
	standby.Withheld = &query.Withheld{Message: "another hub publishes"}
	for name, c := range map[string]struct {
		source     hub.SourceStatus
		repository check
		publishing check
	}{
		"it starts": {hub.SourceStatus{}, check{"repository", "no revision has been resolved since the hub started; " +
			"the first fetch may still be running", ""}, check{"publish", "", ""}},
		"it starts, and cannot fetch": {hub.SourceStatus{Error: "refused", ErrorSince: at},
			check{"repository", "refused (since 2026-01-02T03:04:05Z)", ""}, check{"publish", "", ""}},
		"all is well":     {resolved, check{"repository", "", ""}, check{"publish", "", ""}},
		"no newer commit": {away, check{"repository", "", "the host is away (since 2026-01-02T03:04:05Z)"}, check{"publish", "", ""}},
		"it cannot store": {stalled, check{"repository", "", ""},
			check{"publish", "the disk is full (since 2026-01-02T03:04:05Z)", ""}},
		"a standby": {standby, check{"repository", "", ""}, check{"publish", "", "another hub publishes"}},
	} {
		if got := repository(c.source); got != c.repository {
			t.Errorf("%s: the repository is %+v, want %+v", name, got, c.repository)
		}
		if got := publishing(c.source); got != c.publishing {
			t.Errorf("%s: publishing is %+v, want %+v", name, got, c.publishing)
		}
	}
}

// What is wrong names addresses and paths, so a client without the token learns the names of the checks alone.
func TestReadinessSaysWhatIsWrongToWhoHasTheToken(t *testing.T) {
	t.Parallel()
	s := &Server{State: hub.New("/fleet").State(), Token: "the-token", Checks: Checks{
		Store: func() error { return nil }, Bus: func() error { return errors.New("NATS at\ntls://x cannot be reached") }}}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	ask := func(token string) string {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/readyz", nil)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("the status is %s", res.Status)
		}
		return string(body)
	}
	if got := ask(""); got != "ok     store\nfailed bus\nfailed repository\nok     publish\n" {
		t.Errorf("without the token it says\n%s", got)
	}
	if got := ask("the-token"); !strings.Contains(got, "failed bus: NATS at tls://x cannot be reached\n") ||
		!strings.Contains(got, "failed repository: no revision has been resolved") {
		t.Errorf("with the token it says\n%s", got)
	}
}
