package outbound

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

func TestOnlyStrangersAreKeptFromThisMachine(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dial := func(ctx context.Context) error {
		conn, err := Dialer(5*time.Second).DialContext(ctx, "tcp", l.Addr().String())
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
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
	if err := dial(Restrict(t.Context())); err != nil {
		t.Errorf("to a proxy of this machine: %v", err)
	}
}

func TestWhichAddressesAreForbidden(t *testing.T) {
	ctx := Restrict(t.Context())
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "[::1]": true, "0.0.0.0": true, "::ffff:127.0.0.1": true,
		"169.254.169.254": true, "fe80::1": true, "fd00:ec2::254": true, "168.63.129.16": true, "224.0.0.1": true,
		"10.0.0.1": false, "192.168.1.5": false, "203.0.113.7": false, "2001:db8::1": false, "fd00::1": false,
	} {
		if got := Check(ctx, host) != nil; got != want {
			t.Errorf("%s: forbidden is %t, want %t", host, got, want)
		}
		if err := Check(t.Context(), host); err != nil {
			t.Errorf("%s without a bound: %v", host, err)
		}
	}
}
