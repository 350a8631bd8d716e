package waves

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// asked is how often the gate has to succeed.
const asked = 10

// service tells the gate of the canaries which share of requests fails.
type service struct {
	*httptest.Server

	mu  sync.Mutex
	all map[string][]time.Time // when it was asked, by target
}

// newService starts one, that ends with the test.
func newService(t *testing.T) *service {
	t.Helper()
	s := &service{all: map[string][]time.Time{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		target := r.URL.Query().Get("target")
		s.all[target] = append(s.all[target], time.Now())
		_, _ = fmt.Fprint(w, `{"share": 0.002}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// times are when it was asked about a commit.
func (s *service) times(target string) (out []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, list := range s.all {
		if len(name) >= 8 && strings.HasPrefix(target, name[:8]) {
			out = append(out, list...)
		}
	}
	return out
}
