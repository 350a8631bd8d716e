// Package outbound keeps connections that strangers ask for from reaching this machine itself. What a file in Git names as a source is
// fetched by the hub, from where the hub stands: without a bound, whoever may write a file could have it ask services that trust its
// address, above all those that hand out a cloud machine's credentials. It imports the standard library only.
package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

type restricted struct{}

// Restrict gives a context whose connections by Dialer may not lead to this machine, to its link, or to a service for cloud machines.
func Restrict(ctx context.Context) context.Context { return context.WithValue(ctx, restricted{}, true) }

// Dialer is a dialer that obeys Restrict.
func Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, ControlContext: control}
}

// Check refuses a host, an address or a name, that Restrict forbids, for those whose connections Dialer does not make. A name that
// cannot be resolved is not refused: there is nothing to connect to.
func Check(ctx context.Context, host string) error {
	if ctx.Value(restricted{}) == nil || proxied(host) {
		return nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", strings.Trim(host, "[]"))
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if err := forbidden(a); err != nil {
			return err
		}
	}
	return nil
}

// control looks at the address that a name led to, just before it is connected to.
func control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if ctx.Value(restricted{}) == nil {
		return nil
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	if proxied(to.Addr().String()) {
		return nil // what may be reached through a proxy is the proxy's to say
	}
	return forbidden(to.Addr())
}

// cloud are addresses that are neither of the machine nor of its link, and hand out secrets of cloud machines all the same.
var cloud = []netip.Addr{
	netip.MustParseAddr("168.63.129.16"), // Azure
	netip.MustParseAddr("fd00:ec2::254"), // AWS
	netip.MustParseAddr("fd20:ce::254"),  // Google Cloud
}

// ForbiddenError says that an address may not be connected to.
type ForbiddenError struct{ Addr netip.Addr }

// Error says what was refused.
func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("%s is an address of the hub's own machine or of its surroundings, to which no source may lead", e.Addr)
}

func forbidden(a netip.Addr) error {
	a = a.Unmap()
	bad := a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast()
	for _, c := range cloud {
		bad = bad || a == c
	}
	if bad {
		return &ForbiddenError{a}
	}
	return nil
}

// proxied says whether a host is a proxy that the environment names.
func proxied(host string) bool {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		value := os.Getenv(name)
		if value != "" && !strings.Contains(value, "://") {
			value = "http://" + value
		}
		u, err := url.Parse(value)
		if err != nil || u.Hostname() == "" {
			continue
		}
		if u.Hostname() == host {
			return true
		}
		addrs, err := net.LookupHost(u.Hostname())
		for _, a := range addrs {
			if err == nil && a == host {
				return true
			}
		}
	}
	return false
}
