package testenv

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/drover-dev/drover/test/testenv/ports"
)

// GitServer serves Git repositories by Git's smart HTTP, with git's own program for it.
type GitServer struct {
	URL string // of the repository

	server   *http.Server
	requests atomic.Int64
}

// GitServerOption changes how a repository is served.
type GitServerOption func(*gitServing)

// gitServing are the choices of one GitServer.
type gitServing struct{ user, password string }

// WithPassword lets in only who gives this name and password.
func WithPassword(user, password string) GitServerOption {
	return func(g *gitServing) { g.user, g.password = user, password }
}

// ServeGit serves the repository on 127.0.0.1 until Stop. Commits show at once. Pushes are taken by bare repositories.
func ServeGit(r *GitRepo, opts ...GitServerOption) (*GitServer, error) {
	var choice gitServing
	for _, opt := range opts {
		opt(&choice)
	}
	path, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("serve Git: %w: install git", err)
	}
	if r.bare {
		if _, err := r.Git("config", "http.receivepack", "true"); err != nil {
			return nil, err
		}
	}
	ln, err := ports.Listen()
	if err != nil {
		return nil, fmt.Errorf("serve Git: %w", err)
	}
	backend := &cgi.Handler{
		Path: path, Args: []string{"http-backend"}, Stderr: io.Discard,
		Env: append(gitEnv(), "GIT_PROJECT_ROOT="+filepath.Dir(r.Dir), "GIT_HTTP_EXPORT_ALL=1"),
	}
	s := &GitServer{URL: fmt.Sprintf("http://%s/%s", ln.Addr(), filepath.Base(r.Dir))}
	s.server = &http.Server{Handler: s.guard(choice, whole(backend))}
	go s.serve(ln)
	return s, nil
}

// serve answers requests until Stop.
func (s *GitServer) serve(ln net.Listener) {
	if err := s.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		panic(fmt.Sprintf("serve Git at %s: %v", s.URL, err)) // its listener broke, and every later fetch would only hang
	}
}

// Requests returns how many requests have come, refused ones included.
func (s *GitServer) Requests() int { return int(s.requests.Load()) }

// Stop ends the serving, and every connection.
func (s *GitServer) Stop() error { return s.server.Close() }

// guard counts requests, and refuses those without the password if there is one.
func (s *GitServer) guard(choice gitServing, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		user, password, _ := r.BasicAuth()
		if choice != (gitServing{}) && (user != choice.user || subtle.ConstantTimeCompare([]byte(password), []byte(choice.password)) == 0) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "wrong name or password", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// whole hands requests on with their length known: git sends large ones in chunks, which CGI cannot take.
func whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(strings.Join(r.TransferEncoding, ""), "chunked") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		}
		next.ServeHTTP(w, r)
	})
}
