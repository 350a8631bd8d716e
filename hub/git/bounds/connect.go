package bounds

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	"golang.org/x/net/proxy"

	"github.com/drover-dev/drover/internal/outbound"
)

const (
	// DialTimeout is how long it may take to connect.
	DialTimeout = 30 * time.Second
	// silence is how long a server may send nothing. git sends a sign of life every five seconds while
	// it prepares a pack (uploadpack.keepAlive in git-config(1)).
	silence = 2 * time.Minute
	// sshDialer is a made-up kind of proxy, because go-git's ssh has no other place to say how to dial. The host of its
	// URL says whether the connection is restricted (see package outbound), and its query what is allowed all the same.
	sshDialer = "drover-direct"
	strangers = "strangers"
)

// quietConn is a connection that breaks when nothing is received for some time. Without that, a server
// that hangs would be waited for until the hub is restarted: go-git sets no time limits.
type quietConn struct {
	net.Conn
	most time.Duration
}

func (c quietConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.most)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c quietConn) Write(p []byte) (int, error) { // an answer is waited for from now on
	if err := c.SetDeadline(time.Now().Add(c.most)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// directDialer dials as the proxy variables of the environment say, restricted or not.
type directDialer struct {
	restricted bool
	allowed    []outbound.Allowed
	meter      *meter // nil does not count
}

// newDirectDialer reads the URL that ProxyFor wrote.
func newDirectDialer(u *url.URL, _ proxy.Dialer) (proxy.Dialer, error) {
	d := directDialer{restricted: u.Host == strangers}
	if m, ok := meters.Load(u.Query().Get("meter")); ok {
		d.meter = m.(*meter)
	}
	for _, text := range u.Query()["allow"] {
		a, err := outbound.ParseAllowed(text)
		if err != nil {
			return nil, err
		}
		d.allowed = append(d.allowed, a)
	}
	return d, nil
}

func (d directDialer) Dial(network, addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, addr)
}

func (d directDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.restricted {
		ctx = outbound.Restrict(ctx, d.allowed...)
	}
	ctx, cancel := context.WithTimeout(ctx, DialTimeout)
	defer cancel()
	dialer := proxy.FromEnvironmentUsing(outbound.Dialer(DialTimeout))
	conn, err := dialer.(proxy.ContextDialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if d.meter != nil {
		conn = meteredConn{conn, d.meter}
	}
	return quietConn{conn, silence}, nil
}

// LimitTransports makes go-git's connections break when they hang. go-git keeps its transports in
// variables of the package, and nothing else in the hub uses them.
var LimitTransports = sync.OnceFunc(func() {
	t := http.DefaultTransport.(*http.Transport).Clone()
	dial := outbound.Dialer(DialTimeout).DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return quietConn{conn, silence}, nil
	}
	c := newBoundedHTTP(t)
	client.InstallProtocol("http", c)
	client.InstallProtocol("https", c)
	proxy.RegisterDialerType(sshDialer, newDirectDialer)
})

// ProxyFor returns what go-git is to be told of proxies. It takes those for http from the environment. meter is the
// number of what counts the bytes that are received over ssh; "" for none.
func ProxyFor(ctx context.Context, scheme, meter string) transport.ProxyOptions {
	if scheme != "ssh" {
		return transport.ProxyOptions{}
	}
	u := url.URL{Scheme: sshDialer}
	query := url.Values{}
	if meter != "" {
		query.Set("meter", meter)
	}
	if allowed, restricted := outbound.Restriction(ctx); restricted {
		for _, a := range allowed {
			query.Add("allow", a.String())
		}
		u.Host = strangers
	} else {
		u.Host = "own"
	}
	u.RawQuery = query.Encode()
	return transport.ProxyOptions{URL: u.String()}
}
