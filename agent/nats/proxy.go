package nats

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// dialer opens one connection, through a proxy if there is one for the address. Until release is called the connection
// ends with ctx.
type dialer struct {
	ctx   context.Context
	proxy func(*url.URL) (*url.URL, error)
	stop  func() bool
	err   error // why there is no connection
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.open(network, address)
	d.err = err
	return conn, err
}

func (d *dialer) open(network, address string) (net.Conn, error) {
	proxy, err := d.proxy(&url.URL{Scheme: "https", Host: address})
	if err != nil { // which might quote a password
		return nil, fmt.Errorf("which proxy is for %s cannot be told from HTTPS_PROXY and NO_PROXY", address)
	}
	first := address
	if proxy != nil {
		first = proxyAddress(proxy)
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(d.ctx, network, first)
	if err != nil {
		return nil, err
	}
	d.stop = context.AfterFunc(d.ctx, func() { _ = conn.Close() })
	if proxy == nil {
		return conn, nil
	}
	through, err := tunnel(conn, proxy, address)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("the proxy %s, named by HTTPS_PROXY: %w", proxy.Host, err)
	}
	return through, nil
}

// release lets what was opened outlive the context. It says no if that has ended already.
func (d *dialer) release() bool { return d.stop == nil || d.stop() }

func proxyAddress(proxy *url.URL) string {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	return net.JoinHostPort(proxy.Hostname(), port)
}

// tunnel asks the proxy at the other end of conn for a connection to address (RFC 9110, section 9.3.6).
func tunnel(conn net.Conn, proxy *url.URL, address string) (net.Conn, error) {
	switch proxy.Scheme {
	case "http":
	case "https":
		conn = tls.Client(conn, &tls.Config{ServerName: proxy.Hostname(), MinVersion: tls.VersionTLS12})
	default:
		return nil, fmt.Errorf("proxies of kind %.20q are not supported: name an http:// or https:// one", proxy.Scheme)
	}
	if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, err
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	// A NATS server speaks first: what came behind the proxy's answer is already its.
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, req)
	switch {
	case err != nil:
		return nil, fmt.Errorf("no answer to CONNECT %s: %w", address, err)
	case answer.StatusCode == http.StatusProxyAuthRequired:
		return nil, fmt.Errorf("it wants another user or password than HTTPS_PROXY has")
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it refuses CONNECT %s with %d %s", address, answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	return &tunnelled{Conn: conn, in: in}, conn.SetDeadline(time.Time{})
}

// tunnelled is a connection of which some bytes were read ahead.
type tunnelled struct {
	net.Conn
	in *bufio.Reader
}

func (t *tunnelled) Read(p []byte) (int, error) { return t.in.Read(p) }
