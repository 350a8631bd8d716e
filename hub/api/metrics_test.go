package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/drover-dev/drover/hub"
)

func TestMetricsTakeAToken(t *testing.T) {
	t.Parallel()
	measures := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	s := &Server{State: hub.New("").State(), Token: "secret", Metrics: measures, Log: slog.New(slog.DiscardHandler)}
	api := s.Handler()
	ask := func(h http.Handler, path, token string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		what        string
		h           http.Handler
		path, token string
		want        int
	}{
		{"the API, without a token", api, "/metrics", "", http.StatusUnauthorized},
		{"the API, with another token", api, "/metrics", "guessed", http.StatusUnauthorized},
		{"the API", api, "/metrics", "secret", http.StatusOK},
	} {
		code, text := ask(c.h, c.path, c.token)
		if code != c.want || (text == "up 1\n") != (c.want == http.StatusOK) {
			t.Errorf("%s: %d %q", c.what, code, text)
		}
	}
}
