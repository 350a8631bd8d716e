package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func noProxy(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "")
	}
}

func listen(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func TestOnlyStrangersAreKeptFromThisMachine(t *testing.T) {
	noProxy(t)
	to, other := listen(t), listen(t)
	dial := func(ctx context.Context) error {
		conn, err := Dialer(5*time.Second).DialContext(ctx, "tcp", to.String())
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if err := dial(t.Context()); err != nil {
		t.Errorf("without a bound: %v", err)
	}
	var refused *ForbiddenError
	if err := dial(Restrict(t.Context())); !errors.As(err, &refused) {
		t.Errorf("restricted: %v", err)
	}
	allow := func(s string) Allowed {
		a, err := ParseAllowed(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if err := dial(Restrict(t.Context(), allow(to.String()))); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if err := dial(Restrict(t.Context(), allow(other.String()))); !errors.As(err, &refused) {
		t.Errorf("where another port of the same address is allowed: %v", err)
	}
	t.Setenv("HTTPS_PROXY", "http://"+to.String())
	if err := dial(Restrict(t.Context())); err != nil {
		t.Errorf("to a proxy of this machine: %v", err)
	}
	t.Setenv("HTTPS_PROXY", "http://"+other.String())
	if err := dial(Restrict(t.Context())); !errors.As(err, &refused) {
		t.Errorf("to another port than the proxy of this machine has: %v", err)
	}
}

func TestWhichAddressesAreForbidden(t *testing.T) {
	noProxy(t)
	mine := func() []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10")}
	}
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "0.0.0.0": true, "0.1.2.3": true, "::": true, "::ffff:127.0.0.1": true,
		"169.254.169.254": true, "fe80::1": true, "fe80::1%eth0": true, "224.0.0.1": true,
		"168.63.129.16": true, "100.100.100.200": true, "192.0.0.192": true, "fd00:ec2::254": true, "fd00:ec2::23": true, "fd20:ce::254": true, "fd00:42::42": true,
		"192.0.2.10": true, "2001:db8::10": true, // this machine's own
		"::127.0.0.1": true, "::ffff:0:127.0.0.1": true, "64:ff9b::7f00:1": true, "64:ff9b::169.254.169.254": true, "64:ff9b:1::a9fe:a9fe": true,
		"2002:7f00:1::1": true, "2002:a9fe:a9fe::": true, "2001:0:7f00:1::": true, "2001:0:cb00:7107::5601:5601": true, "64:ff9b::192.0.2.10": true,
		"10.0.0.1": false, "192.168.1.5": false, "203.0.113.7": false, "2001:db8::1": false, "fd00::1": false,
		"64:ff9b::203.0.113.7": false, "2002:cb00:7107::": false, "2001:0:cb00:7107::34ff:8ef8": false,
	} {
		err := check(netip.AddrPortFrom(netip.MustParseAddr(host), 443), nil, mine, proxies)
		if got := err != nil; got != want {
			t.Errorf("%s: forbidden is %t, want %t", host, got, want)
		}
	}
}

func TestThisMachinesInterfacesAreAsked(t *testing.T) {
	if list := own(); len(list) == 0 {
		t.Error("no address of this machine is known")
	}
}

func TestParseAllowed(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	for text, c := range map[string]struct {
		want    string // as it is written back
		in, out []netip.AddrPort
	}{
		"127.0.0.1:5000": {"127.0.0.1:5000", []netip.AddrPort{at("127.0.0.1:5000"), at("[::ffff:127.0.0.1]:5000")}, []netip.AddrPort{at("127.0.0.1:5001"), at("127.0.0.2:5000")}},
		"127.0.0.1":      {"127.0.0.1", []netip.AddrPort{at("127.0.0.1:1")}, []netip.AddrPort{at("127.0.0.2:1")}},
		"[::1]:5000":     {"[::1]:5000", []netip.AddrPort{at("[::1]:5000")}, []netip.AddrPort{at("[::1]:1")}},
		"::1":            {"::1", []netip.AddrPort{at("[::1]:1")}, []netip.AddrPort{at("[::2]:1")}},
		"127.1.2.3/8":    {"127.0.0.0/8", []netip.AddrPort{at("127.9.9.9:1")}, []netip.AddrPort{at("128.0.0.1:1")}},
	} {
		a, err := ParseAllowed(text)
		if err != nil || a.String() != c.want {
			t.Errorf("%s: got %s, %v, want %s", text, a, err, c.want)
		}
		for _, to := range c.in {
			if check(to, []Allowed{a}, own, proxies) != nil {
				t.Errorf("%s does not allow %s", text, to)
			}
		}
		for _, to := range c.out {
			if a.includes(to) {
				t.Errorf("%s allows %s", text, to)
			}
		}
	}
	for _, text := range []string{"", "localhost", "localhost:80", "10.0.0.0/33", "10.0.0.1:99999"} {
		if _, err := ParseAllowed(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
