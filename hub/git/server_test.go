package git

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
)

// gitServer serves bare repositories over http, by git's own program.
type gitServer struct {
	*httptest.Server
	dir      string
	password atomic.Value // string; "" asks for no login
	requests atomic.Int64
	broken   atomic.Int64 // status that everything is answered with; 0 for none
	noPacks  atomic.Bool  // branches are listed, but nothing can be fetched
	hang     atomic.Bool
	free     chan struct{} // closed to let hanging requests go
}

func serve(t testing.TB) *gitServer { return serveWith(t, httptest.NewServer) }

func serveWith(t testing.TB, start func(http.Handler) *httptest.Server) *gitServer {
	t.Helper()
	s := &gitServer{dir: t.TempDir(), free: make(chan struct{})}
	s.password.Store("")
	backend := &cgi.Handler{
		Path: filepath.Join(runGit(t, "", "--exec-path"), "git-http-backend"), Root: "/",
		Env:    append(gitEnv(), "GIT_PROJECT_ROOT="+s.dir, "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: &bytes.Buffer{},
	}
	s.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if s.hang.Load() {
			select {
			case <-s.free:
			case <-r.Context().Done():
			}
			return
		}
		if s.noPacks.Load() && r.Method == http.MethodPost {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		if code := s.broken.Load(); code != 0 {
			http.Error(w, "no", int(code))
			return
		}
		user, password, _ := r.BasicAuth()
		if want := s.password.Load().(string); want != "" && password != want && user != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { close(s.free); s.Close() })
	return s
}

// push makes the server serve what r has, at the URL that is returned.
func (s *gitServer) push(r *testRepo, name string, args ...string) string {
	r.Helper()
	bare := filepath.Join(s.dir, name)
	if _, err := os.Stat(bare); err != nil {
		runGit(r, "", "init", "-q", "--bare", "-b", "main", bare)
	}
	r.git(append([]string{"push", "-q", bare, "--all"}, args...)...)
	return s.URL + "/" + name
}

// sshServer is an sshd of this test's own.
type sshServer struct {
	port       int
	key, known string // files
}

// serveSSH starts sshd. Where there is none the test is skipped, except where CI must have one.
func serveSSH(t *testing.T) *sshServer {
	t.Helper()
	const sshd = "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: install openssh-server", sshd)
		}
		t.Skipf("%s is missing: install openssh-server to run this test", sshd)
	}
	dir := t.TempDir()
	s := &sshServer{port: freePort(t), key: filepath.Join(dir, "key"), known: filepath.Join(dir, "known_hosts")}
	for _, key := range []string{s.key, filepath.Join(dir, "host")} {
		run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	}
	public, _ := os.ReadFile(filepath.Join(dir, "host.pub"))
	authorized, _ := os.ReadFile(s.key + ".pub")
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/authorized\nPidFile none\n"+
		"StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"+
		"SetEnv GIT_CONFIG_GLOBAL=/dev/null\n", s.port, dir, dir)
	for name, content := range map[string]string{
		"authorized": string(authorized), "config": config,
		"known_hosts": fmt.Sprintf("[127.0.0.1]:%d %s", s.port, public),
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
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
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

// freePort finds a port below those that the system hands out to clients.
func freePort(t testing.TB) int {
	t.Helper()
	for port := 21000 + os.Getpid()%5000; port < 32000; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// logger returns a log and what was written to it.
func logger() (*slog.Logger, *lockedBuffer) {
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
