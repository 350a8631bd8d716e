package nats

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/nats.go"
)

const (
	// A connection that held and is lost is opened again after up to spreadTime, at random: when a hub restarts, its
	// agents all lose theirs at the same moment. A machine with two cores opens about 2,500 a second (TLS, and the
	// signatures of the credential), so that 5,000 agents are back about as fast as it can, and one is after a second on
	// average. Those that were not admitted come back in steps that double, also at random.
	spreadTime   = 2 * time.Second
	reconnectMin = 250 * time.Millisecond
	// reconnectMax is for a hub that may be away for long, which thousands of agents wait for.
	reconnectMax = 15 * time.Second
	// refusedFactor makes the pauses longer when it was the credential that was refused.
	refusedFactor = 4
	// heldTime is how long a connection must have held to be taken for a good one.
	heldTime = 10 * time.Second
	// After fallbackTries in vain, or fallbackTime, servers of the kind that is not preferred are tried as well.
	fallbackTries = 3
	fallbackTime  = 20 * time.Second

	// dialTimeout is how long it may take to reach a server, and connectTimeout what follows: TLS, and the answer to the
	// credential. Where thousands come back at once that takes long, and who gives up early has made work for nothing: with
	// 5 s a hub on a busy machine was kept from ever getting through.
	dialTimeout    = 5 * time.Second
	connectTimeout = 30 * time.Second
	// warnGap is how often it is warned of another reason for having no session: some name a port that is never the same.
	warnGap = 30 * time.Second
)

// account is as whom to connect, and to whom.
type account struct {
	name, inbox string // inbox is what protocol.InboxPrefix takes
	jwt, seed   string
	trust       protocol.Trust
}

// connect tries the servers in their order. lost is closed when the connection is.
func (s *Session) connect(ctx context.Context, a account, o *outage) (nc *nats.Conn, lost <-chan struct{}, err error) {
	var roots *x509.CertPool // the system's
	if a.trust.CA != "" {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(a.trust.CA)) {
			return nil, nil, errors.New("the CA that the agent was given holds no certificate in PEM: make a new token with `drover agent manifest`")
		}
	}
	var errs []error
	for _, server := range o.choose(a.trust.Servers) {
		nc, lost, err := s.dial(ctx, server, a, roots)
		if err == nil {
			return nc, lost, nil
		}
		errs = append(errs, err)
	}
	return nil, nil, errors.Join(errs...)
}

func (s *Session) dial(ctx context.Context, server string, a account, roots *x509.CertPool) (*nats.Conn, <-chan struct{}, error) {
	u, err := url.Parse(server)
	if err != nil || kind(server) == "" {
		return nil, nil, errors.New("the address of a server of the hub is no tls:// or wss:// URL, and nothing is sent in the clear: see the hub's --advertise")
	}
	d := &dialer{ctx: ctx, proxy: s.proxy}
	lost := make(chan struct{})
	nc, err := nats.Connect(server,
		nats.Name(a.name),
		nats.UserJWTAndSeed(a.jwt, a.seed),
		nats.CustomInboxPrefix(protocol.InboxPrefix(a.inbox)),
		nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}),
		nats.SetCustomDialer(d),
		nats.SkipHostLookup(), // the dialer does it, or the proxy
		nats.IgnoreDiscoveredServers(),
		nats.NoReconnect(), // every connection is a new one, from what the identity holds then
		nats.PingInterval(20*time.Second),
		nats.MaxPingsOutstanding(2),
		nats.Timeout(connectTimeout),
		nats.ClosedHandler(func(*nats.Conn) { close(lost) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.c.Log.Warn("the hub's NATS server complains: see that the credential is this cluster's and has not been revoked", "err", err)
		}),
	)
	if ended := !d.release(); ended && err == nil {
		nc.Close()
		err = ctx.Err()
	}
	if errors.Is(err, nats.ErrNoServers) && d.err != nil {
		err = d.err // which nats.go has made less of
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", u.Redacted(), explain(err))
	}
	return nc, lost, nil
}

// explain says what to do about an error of connecting, where that is not plain.
func explain(err error) error {
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.Is(err, nats.ErrSecureConnWanted):
		return fmt.Errorf("the server offers no TLS, and nothing is sent in the clear: see that this is the hub's NATS server, and who takes TLS off on the way: %w", err)
	case errors.As(err, &unknown):
		return fmt.Errorf("the server's certificate is not from an authority that this agent was told to trust: see "+
			"who opens TLS on the way; if the hub lost its "+
			"keys, bring them back with `drover hub restore`; if its authority was replaced, make a new token with "+
			"`drover agent manifest`: %w", err)
	}
	return err
}

// isForeign says whether the server is not the hub that this agent joined.
func isForeign(err error) bool {
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

// kind is the scheme of a server's URL, or "" if it is none that is taken.
func kind(server string) string {
	if u, err := url.Parse(server); err == nil && (u.Scheme == "tls" || u.Scheme == "wss") {
		return u.Scheme
	}
	return ""
}

// isRefused says whether it was the credential that a server refused.
func isRefused(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) ||
		errors.Is(err, nats.ErrAccountAuthExpired)
}

// outage is what is known of the time without a connection.
type outage struct {
	log   *slog.Logger
	since time.Time // zero while there is none
	tries int       // in vain
	begun time.Time // the connection that holds
	said  string    // the last error that was warned of
	told  time.Time // and when
}

// choose says which servers to try now: those of the preferred kind, which is that of the first, and all when those
// were tried in vain for a while. One WebSocket port that answers is no reason to leave the servers that are about to
// be back.
func (o *outage) choose(servers []string) (out []string) {
	if len(servers) == 0 {
		return nil
	}
	var others []string
	for _, s := range servers {
		if kind(s) == kind(servers[0]) {
			out = append(out, s)
		} else {
			others = append(others, s)
		}
	}
	if o.tries >= fallbackTries || !o.since.IsZero() && time.Since(o.since) > fallbackTime {
		return append(out, others...)
	}
	return out
}

func (o *outage) up() {
	o.begun, o.since, o.said, o.told = time.Now(), time.Time{}, "", time.Time{}
}

func (o *outage) down() {
	if time.Since(o.begun) > heldTime {
		o.tries = 0
	}
}

// pause logs why there is no connection, once for each reason, and waits before the next try.
func (o *outage) pause(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if o.since.IsZero() {
		o.since = time.Now()
	}
	if err == nil {
		err = errors.New("the connection broke")
	}
	level := slog.LevelDebug
	if text := err.Error(); text != o.said && time.Since(o.told) > warnGap {
		o.said, o.told, level = text, time.Now(), slog.LevelWarn
	}
	o.log.Log(ctx, level, "there is no session with the hub; retrying; the cluster keeps what was applied", "err", err)
	d := delay(o.tries)
	if isRefused(err) {
		d *= refusedFactor
	}
	o.tries++
	wait(ctx, d)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// delay is the pause before the next try to connect, after so many in vain.
func delay(tries int) time.Duration {
	if tries == 0 {
		return rand.N(spreadTime)
	}
	d := reconnectMax
	if shift := min(tries-1, 20); reconnectMin<<shift < reconnectMax {
		d = reconnectMin << shift
	}
	return d/2 + rand.N(d/2)
}
