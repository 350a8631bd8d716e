package nats_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/nats"
)

// through gives the file of a token whose servers are others.
func through(t *testing.T, hub *agenttest.Hub, servers ...string) string {
	t.Helper()
	trust := hub.Trust()
	trust.Servers = servers
	hub.SetTrust(trust)
	return agenttest.WriteToken(t, filepath.Join(t.TempDir(), "join.json"), hub.NewToken(t))
}

// deaf is the address of a port that nobody listens at.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestWebSocketIsUsedWhereNothingElseIsLetOut(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHubWithServer(t, "east-1")
	direct, wss := hub.Trust().Servers[0], hub.WebSocket(t)
	begin := time.Now()
	h := resume(t, &vault{}, through(t, hub, "tls://"+deaf(t), wss))
	h.holds(t, true)
	t.Logf("joined and connected over the fallback after %s", time.Since(begin))
	hub.PublishRaw(t, []byte("one"))
	h.bundle(t, "one")
	if err := h.Report(t.Context(), []byte(`{"version":1,"cluster":"east-1","seq":1}`)); err != nil {
		t.Error(err)
	}
	h.stop()
	// and the other way round
	h = resume(t, &vault{}, through(t, hub, "wss://"+deaf(t), direct))
	h.holds(t, true)
	h.bundle(t, "one")
}

// proxy is an HTTP proxy that does CONNECT, resolves agenttest.Host, and counts.
type proxy struct {
	url string

	mu     sync.Mutex // guards what follows
	target string
	users  []string
	hosts  []string
	status int // with which it refuses, if not zero
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return proxyAt(t, l)
}

func proxyAt(t *testing.T, l net.Listener) *proxy {
	t.Helper()
	p := &proxy{url: l.Addr().String()}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *proxy) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil || req.Method != http.MethodConnect {
		return
	}
	p.mu.Lock()
	p.users, p.hosts = append(p.users, req.Header.Get("Proxy-Authorization")), append(p.hosts, req.Host)
	target, status := p.target, p.status
	p.mu.Unlock()
	if status != 0 {
		_, _ = io.WriteString(conn, fmt.Sprintf("HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n", status))
		return
	}
	out, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer out.Close()
	// A server that speaks first is heard in the same breath as the proxy, as happens on a busy machine.
	answer := append([]byte("HTTP/1.1 200 Connection established\r\n\r\n"), make([]byte, 1024)...)
	head := len(answer) - 1024
	_ = out.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	n, _ := out.Read(answer[head:]) // none, where the client speaks first
	_ = out.SetReadDeadline(time.Time{})
	_, _ = conn.Write(answer[:head+n])
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(conn, out)
}

func (p *proxy) set(target string, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target, p.status = target, status
}

// logged is a log that can be read.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestConnectionsGoThroughTheProxy(t *testing.T) {
	hub := agenttest.NewHubWithServer(t, "east-1")
	direct := strings.TrimPrefix(hub.Trust().Servers[0], "tls://")
	wss := strings.TrimPrefix(hub.WebSocket(t), "wss://")
	p := newProxy(t)
	t.Setenv("HTTPS_PROXY", "http://robin:h3dge@"+p.url)
	t.Setenv("NO_PROXY", "internal.example.com")
	for server, target := range map[string]string{"tls://" + agenttest.Host + ":4222": direct, "wss://" + agenttest.Host: wss} {
		p.set(target, 0)
		h := resume(t, &vault{}, through(t, hub, server))
		h.holds(t, true) // TLS is with the hub itself: the certificate names it, and the proxy has no other
		hub.PublishRaw(t, []byte(server))
		h.bundle(t, server)
		h.stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("robin:h3dge"))
	for i, user := range p.users {
		if host, _, err := net.SplitHostPort(p.hosts[i]); user != want || host != agenttest.Host || err != nil {
			t.Errorf("the proxy was asked for %q as %q (%v)", p.hosts[i], user, err)
		}
	}
	if len(p.users) < 4 {
		t.Errorf("%d connections went through the proxy, want one to join and one to stay of each kind", len(p.users))
	}
}

// systemAuthority stands for the system's authorities, which a process reads once.
var systemAuthority *agenttest.Authority

func TestTheWayToTheProxyIsEncryptedIfItSaysSo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE says which authorities the system has on Linux alone")
	}
	dir := t.TempDir()
	if systemAuthority == nil {
		systemAuthority = agenttest.NewAuthority(t)
	}
	systemAuthority.Serve(t, dir)
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, []byte(systemAuthority.PEM), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", roots)
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	hub, p := agenttest.NewHub(t, "east-1"), proxyAt(t, l)
	p.set(strings.TrimPrefix(hub.Trust().Servers[0], "tls://"), 0)
	t.Setenv("HTTPS_PROXY", "https://robin:h3dge@"+p.url)
	resume(t, &vault{}, through(t, hub, "tls://"+agenttest.Host+":4222")).holds(t, true)
}

func TestWhatTheProxyRefusesIsSaidWithoutItsPassword(t *testing.T) {
	hub := agenttest.NewHub(t, "east-1")
	p := newProxy(t)
	log := &logged{}
	for _, c := range []struct {
		name, proxy, want string
		status            int
	}{
		{"password", "http://robin:h3dge@" + p.url, "another user or password", http.StatusProxyAuthRequired},
		{"forbidden", "http://robin:h3dge@" + p.url, "403 Forbidden", http.StatusForbidden},
		{"away", "http://robin:h3dge@" + deaf(t), "connection refused", 0},
		{"kind", "socks5://robin:h3dge@" + p.url, `"socks5" are not supported`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("HTTPS_PROXY", c.proxy)
			p.set("", c.status)
			id := credential.NewIdentity(&vault{}, slog.New(slog.NewTextHandler(log, nil)))
			s := nats.New(nats.Config{Identity: id, TokenFile: through(t, hub, "tls://"+agenttest.Host+":4222"), Log: slog.New(slog.NewTextHandler(log, nil))})
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = s.Join(ctx) }) // it fails, as it should
			defer wg.Wait()
			defer cancel()
			h := held{Session: s}
			h.troubled(t, c.want)
			if strings.Contains(h.Trouble()+log.String(), "h3dge") {
				t.Errorf("the password is told:\n%s\n%s", h.Trouble(), log)
			}
		})
	}
}

// Connections that are lost together come back one after the other, and each of them soon.
func TestLostConnectionsAreBackSoonAndNotTogether(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	front := newFront(t, hub.Trust().Servers[0])
	first := resume(t, &vault{}, through(t, hub, "tls://"+front.address))
	first.holds(t, true)
	sessions := make([]*held, 30)
	for i := range sessions {
		sessions[i] = resume(t, first.vault.copy(), "")
		sessions[i].holds(t, true)
	}
	begin := time.Now()
	front.cut()
	var mu sync.Mutex // guards took
	var took []time.Duration
	var wg sync.WaitGroup
	for _, h := range sessions {
		wg.Go(func() {
			for yes := range h.connected {
				if yes {
					mu.Lock()
					defer mu.Unlock()
					took = append(took, time.Since(begin))
					return
				}
			}
		})
	}
	wg.Wait()
	median, last := took[len(took)/2], took[len(took)-1]
	t.Logf("back after %s (the first), %s (the median) and %s (the last of %d)", took[0], median, last, len(took))
	if median > 3*time.Second || last-took[0] < 500*time.Millisecond {
		t.Errorf("the median is back after %s, and the last %s after the first", median, last-took[0])
	}
}

// front forwards connections to a server, and can cut them.
type front struct {
	address string

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func newFront(t *testing.T, server string) *front {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{address: l.Addr().String()}
	t.Cleanup(func() { _ = l.Close(); f.cut() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", u.Host)
			if err != nil {
				_ = in.Close()
				continue
			}
			f.mu.Lock()
			f.conns = append(f.conns, in, out)
			f.mu.Unlock()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		}
	}()
	return f
}

func (f *front) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}
