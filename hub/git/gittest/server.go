package gittest

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// Server serves bare repositories over http, by git's own program.
type Server struct {
	*httptest.Server
	Dir      string
	Password atomic.Value // string; "" asks for no login
	Requests atomic.Int64
	Broken   atomic.Int64 // status that everything is answered with; 0 for none
	NoPacks  atomic.Bool  // branches are listed, but nothing can be fetched
	Hang     atomic.Bool
	free     chan struct{} // closed to let hanging requests go
}

// Serve starts a server over http, which serves nothing yet.
func Serve(t testing.TB) *Server { return ServeWith(t, httptest.NewServer) }

// ServeWith starts a server by a function of package httptest.
func ServeWith(t testing.TB, start func(http.Handler) *httptest.Server) *Server {
	t.Helper()
	s := &Server{Dir: t.TempDir(), free: make(chan struct{})}
	s.Password.Store("")
	backend := &cgi.Handler{
		Path: filepath.Join(Git(t, "", "--exec-path"), "git-http-backend"), Root: "/",
		Env:    append(Env(), "GIT_PROJECT_ROOT="+s.Dir, "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: &bytes.Buffer{},
	}
	s.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Requests.Add(1)
		if s.Hang.Load() {
			select {
			case <-s.free:
			case <-r.Context().Done():
			}
			return
		}
		if s.NoPacks.Load() && r.Method == http.MethodPost {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		if code := s.Broken.Load(); code != 0 {
			http.Error(w, "no", int(code))
			return
		}
		user, password, _ := r.BasicAuth()
		if want := s.Password.Load().(string); want != "" && password != want && user != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { close(s.free); s.Close() })
	return s
}

// Push makes the server serve what r has, at the URL that is returned.
func (s *Server) Push(r *Repo, name string, args ...string) string {
	r.Helper()
	bare := filepath.Join(s.Dir, name)
	if _, err := os.Stat(bare); err != nil {
		Git(r, "", "init", "-q", "--bare", "-b", "main", bare)
	}
	r.Git(append([]string{"push", "-q", bare, "--all"}, args...)...)
	return s.URL + "/" + name
}

// SSHServer is an sshd of this test's own.
type SSHServer struct {
	Port       int
	Key, Known string // files
}

// ServeSSH starts sshd. Where there is none the test is skipped, except where CI must have one.
func ServeSSH(t *testing.T) *SSHServer {
	t.Helper()
	const sshd = "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: install openssh-server", sshd)
		}
		t.Skipf("%s is missing: install openssh-server to run this test", sshd)
	}
	dir := t.TempDir()
	s := &SSHServer{Port: FreePort(t), Key: filepath.Join(dir, "key"), Known: filepath.Join(dir, "known_hosts")}
	for _, key := range []string{s.Key, filepath.Join(dir, "host")} {
		Run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	}
	public, _ := os.ReadFile(filepath.Join(dir, "host.pub"))
	authorized, _ := os.ReadFile(s.Key + ".pub")
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/authorized\nPidFile none\n"+
		"StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"+
		"MaxStartups 100\nSetEnv GIT_CONFIG_GLOBAL=/dev/null\n", s.Port, dir, dir)
	for name, content := range map[string]string{
		"authorized": string(authorized), "config": config,
		"known_hosts": fmt.Sprintf("[127.0.0.1]:%d %s", s.Port, public),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.MkdirAll("/run/sshd", 0o755) // sshd wants it for privilege separation, if it is started as root
	var log bytes.Buffer
	cmd := exec.Command(sshd, "-D", "-e", "-f", filepath.Join(dir, "config"))
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
		if err == nil {
			_ = conn.Close()
			return s
		}
		select {
		case <-ended:
			t.Fatalf("sshd ended: %s", &log)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("sshd does not listen")
		}
	}
}

// FreePort is a port of 127.0.0.1 on which nothing listens.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Run runs a program and returns what it prints.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// Logger returns a log and what was written to it.
func Logger() (*slog.Logger, *lockedBuffer) {
	b := &lockedBuffer{}
	return slog.New(slog.NewTextHandler(b, nil)), b
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
