// Package outbound keeps connections that strangers ask for from reaching this machine itself. What a file in Git names
// as a source is fetched by the hub, from where the hub stands: without a bound, anyone who may write a file could have
// it ask services that trust its address, above all those that hand out a cloud machine's credentials. It imports the
// standard library only.
package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

type restricted struct{}

// Restrict gives a context whose connections by Dialer may not lead to this machine, to its link, or to a service for
// cloud machines, except for what is allowed.
func Restrict(ctx context.Context, allowed ...Allowed) context.Context {
	return context.WithValue(ctx, restricted{}, allowed)
}

// Restriction gives what Restrict was called with, for code that cannot pass the context on; ok is false if it was not
// called.
func Restriction(ctx context.Context) (allowed []Allowed, ok bool) {
	allowed, ok = ctx.Value(restricted{}).([]Allowed)
	return allowed, ok
}

// Allowed is an exception from Restrict: addresses, and a port or all of them.
type Allowed struct {
	Addresses netip.Prefix
	Port      uint16 // 0 for every port
}

// ParseAllowed reads an address or a range of addresses, with a port or without: 127.0.0.1:5000, 10.0.0.0/8,
// [::1]:5000, fd00::/8.
func ParseAllowed(s string) (Allowed, error) {
	if to, err := netip.ParseAddrPort(s); err == nil {
		a := to.Addr().Unmap()
		return Allowed{netip.PrefixFrom(a, a.BitLen()), to.Port()}, nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		a = a.Unmap()
		return Allowed{netip.PrefixFrom(a, a.BitLen()), 0}, nil
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return Allowed{p.Masked(), 0}, nil
	}
	return Allowed{}, fmt.Errorf("%.80q is neither an address with or without a port nor a range of addresses: write 127.0.0.1:5000, 10.0.0.5 or 10.0.0.0/8", s)
}

// String is what ParseAllowed reads.
func (a Allowed) String() string {
	switch {
	case a.Port != 0:
		return netip.AddrPortFrom(a.Addresses.Addr(), a.Port).String()
	case a.Addresses.IsSingleIP():
		return a.Addresses.Addr().String()
	}
	return a.Addresses.String()
}

func (a Allowed) includes(to netip.AddrPort) bool {
	return a.Addresses.Contains(to.Addr().Unmap()) && (a.Port == 0 || a.Port == to.Port())
}

// Dialer is a dialer that obeys Restrict.
func Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, ControlContext: control}
}

// control looks at the address that a name led to, just before it is connected to.
func control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	allowed, ok := Restriction(ctx)
	if !ok {
		return nil
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	return check(to, allowed, own, proxies)
}

// check refuses an address that is forbidden, unless it is allowed or that of a proxy: what may be reached through a
// proxy is the proxy's to say. own gives the addresses of this machine, proxies those of its proxies; both are asked
// only where their answer matters.
func check(to netip.AddrPort, allowed []Allowed, own func() []netip.Addr, proxies func() []netip.AddrPort) error {
	to = netip.AddrPortFrom(to.Addr().Unmap().WithZone(""), to.Port())
	if slices.ContainsFunc(allowed, func(a Allowed) bool { return a.includes(to) }) {
		return nil
	}
	mine := own()
	bad := slices.ContainsFunc(append(embedded(to.Addr()), to.Addr()), func(a netip.Addr) bool {
		return forbidden(a) || slices.Contains(mine, a)
	})
	if !bad || slices.Contains(proxies(), to) {
		return nil
	}
	return &ForbiddenError{to.Addr()}
}

// cloud are addresses that are neither of the machine nor of its link, and hand out secrets of cloud machines all the
// same.
var cloud = []netip.Addr{
	netip.MustParseAddr("168.63.129.16"),   // Azure, the wire server
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud, classic
	netip.MustParseAddr("fd00:ec2::254"),   // AWS, instance metadata
	netip.MustParseAddr("fd00:ec2::23"),    // AWS, EKS Pod Identity
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
	netip.MustParseAddr("fd00:42::42"),     // Scaleway
}

// ForbiddenError says that an address may not be connected to.
type ForbiddenError struct{ Addr netip.Addr }

// Error says what was refused.
func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("%s is an address of the hub's own machine or of its surroundings, to which no source may lead", e.Addr)
}

func forbidden(a netip.Addr) bool {
	return a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast() || thisNetwork.Contains(a) || slices.Contains(cloud, a)
}

// thisNetwork is "this host on this network" (RFC 6890), which Linux takes for the machine itself.
var thisNetwork = netip.MustParsePrefix("0.0.0.0/8")

// embedding are the ranges of IPv6 addresses that lead to an IPv4 address, which stands in them from a byte on.
var embedding = []struct {
	in netip.Prefix
	at int
}{
	{netip.MustParsePrefix("::/96"), 12},             // IPv4-compatible (RFC 4291, 2.5.5.1)
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},   // IPv4-translated (RFC 2765)
	{netip.MustParsePrefix("64:ff9b::/96"), 12},      // NAT64 (RFC 6052)
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},    // NAT64 of local use (RFC 8215), with a prefix of 96 bits
	{netip.MustParsePrefix("2002::/16"), 2},          // 6to4 (RFC 3056)
	{netip.MustParsePrefix("2001::/32"), 4},          // Teredo's server (RFC 4380)
	{netip.MustParsePrefix("::200:5efe:0:0/96"), 12}, // ISATAP without a prefix (RFC 5214)
	{netip.MustParsePrefix("fe80::200:5efe:0:0/96"), 12},
}

var teredo = netip.MustParsePrefix("2001::/32")

// embedded are the IPv4 addresses that an IPv6 address leads to through a gateway.
func embedded(a netip.Addr) (out []netip.Addr) {
	if !a.Is6() {
		return nil
	}
	b := a.As16()
	for _, e := range embedding {
		if e.in.Contains(a) {
			out = append(out, netip.AddrFrom4([4]byte(b[e.at:e.at+4])))
		}
	}
	if teredo.Contains(a) { // the client's address is written inverted
		out = append(out, netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}))
	}
	return out
}

// own are the addresses of this machine's interfaces. Where they cannot be listed, what else is forbidden stays so.
func own() []netip.Addr {
	var out []netip.Addr
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, addr.Unmap())
			}
		}
	}
	return out
}

// proxies are the addresses, with ports, of the proxies that the environment names.
func proxies() (out []netip.AddrPort) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		value := os.Getenv(name)
		if value != "" && !strings.Contains(value, "://") {
			value = "http://" + value
		}
		u, err := url.Parse(value)
		if err != nil || u.Hostname() == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		if port == "" {
			port = "1080" // SOCKS
		}
		addrs, err := net.LookupHost(u.Hostname())
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if to, err := netip.ParseAddrPort(net.JoinHostPort(a, port)); err == nil {
				out = append(out, netip.AddrPortFrom(to.Addr().Unmap().WithZone(""), to.Port()))
			}
		}
	}
	return out
}
