package bounds

import (
	"errors"
	"net"
	"net/url"
	"testing"

	"github.com/drover-dev/drover/internal/outbound"
)

// go-git's ssh dials without a context: whether it may reach this machine has to survive the way through its proxy
// options.
func TestSSHIsDialedAsTheContextSays(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	allowed, err := outbound.ParseAllowed(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, c := range map[string]struct {
		url       string
		forbidden bool
	}{
		"the repository itself":  {ProxyFor(ctx, "ssh", "").URL, false},
		"a source":               {ProxyFor(outbound.Restrict(ctx), "ssh", "").URL, true},
		"a source at an allowed": {ProxyFor(outbound.Restrict(ctx, allowed), "ssh", "").URL, false},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		d, err := newDirectDialer(u, nil)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := d.Dial("tcp", l.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
		var refused *outbound.ForbiddenError
		if got := errors.As(err, &refused); got != c.forbidden || !got && err != nil {
			t.Errorf("%s: %v, want forbidden to be %t", name, err, c.forbidden)
		}
	}
	if got := ProxyFor(ctx, "https", "").URL; got != "" {
		t.Errorf("https has the proxy %q", got)
	}
}
