package nats

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/hub/nats/servers"
	"github.com/drover-dev/drover/hub/nats/store"
	"github.com/drover-dev/drover/protocol"
)

// Bus is a hub.Bus on NATS JetStream.
type Bus struct {
	*store.Store // what is kept on the streams
	servers      *servers.Servers
	ears         *ears
	peers        *peers
	conn         *natsgo.Conn // as the hub, in the account with JetStream
	agents       *natsgo.Conn // in the account of the agents: what they ask, and what they are asked
	keys         *keyring.Keys
	ids          *identity.Identities
	account      string // of the agents
	url          string // for people; "" for the embedded server
	alone        bool   // the server is part of this process
	log          *slog.Logger
	back         chan struct{}         // the connection came back
	refusal      atomic.Pointer[error] // why the last try to connect failed
	serving      atomic.Bool           // this hub acts for the fleet; see hub.Peers
}

var _ hub.Bus = (*Bus)(nil)

// Options say to which server a Bus connects.
type Options struct {
	Server   *server.Server // the embedded one, or nil
	URL      string         // of an external one (several, separated by commas); tls:// or wss://
	CA       string         // PEM of the authorities its certificate comes from; the system's, if empty
	Replicas int            // of the streams; 0 means 1
	Standby  bool           // it acts for the fleet only when Serve says so, which tells hubs from each other; see hub.Peers
	Keys     *keyring.Keys
	IDs      *identity.Identities
	Log      *slog.Logger
}

// Connect connects to the server. An external server that cannot be reached is no error: the bus waits for it, and
// the log says so.
func Connect(o Options) (*Bus, error) {
	account, err := o.Keys.AgentsAccount()
	if err != nil {
		return nil, err
	}
	open, headers, err := secrets(o.Keys)
	if err != nil {
		return nil, err
	}
	b := &Bus{ids: o.IDs, keys: o.Keys, account: account, url: redact(o.URL), alone: o.Server != nil, log: o.Log,
		back: make(chan struct{}, 1)}
	b.serving.Store(!o.Standby)
	d := dialer{o: o, refusal: &b.refusal}
	b.servers, err = servers.Open(servers.Options{Embedded: o.Server, URL: o.URL, CA: o.CA, Account: account, Keys: o.Keys,
		Revoked: o.IDs.Revoked, Serving: b.serving.Load, Found: b.wake, Log: o.Log},
		func(up func()) (*natsgo.Conn, error) { return d.dial(as{keyring.LoginSystem, "drover-hub-system"}, up) })
	if err == nil {
		b.conn, err = d.dial(as{keyring.LoginHub, "drover-hub"}, b.wake)
	}
	if err == nil {
		b.agents, err = d.dial(as{keyring.LoginDesk, "drover-hub-desk"}, b.wake)
	}
	if err == nil {
		b.peers, err = openPeers(d, account)
	}
	if err == nil {
		b.Store, err = store.New(store.Options{Conn: b.conn, HeaderKeys: headers, Replicas: max(o.Replicas, 1),
			Alone: b.alone, Serving: b.serving.Load, Unmet: func() bool { return b.peers.unmet(b.conn) }, Reach: b.Reach,
			Storage: b.servers.Storage})
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	b.ears = &ears{ids: o.IDs, servers: b.servers, open: open, meter: limits.NewMeter(), pause: limits.FloodPause,
		serving: b.serving.Load, log: o.Log}
	o.IDs.Reach(func(cluster string, a protocol.Ask) error { return b.Ask(context.Background(), cluster, a) })
	return b, nil
}

// secrets gives the keys that agents seal to, and those that vouch for headers: the current ones first, and while the
// fleet's secret is rotated, the ones before.
func secrets(keys *keyring.Keys) (open, headers [][]byte, err error) {
	for _, secret := range [][]byte{keys.Secret, keys.Former} {
		if secret == nil {
			continue
		}
		private, _, err := protocol.HubOpenKey(secret)
		if err != nil {
			return nil, nil, err
		}
		header, err := protocol.HeaderKeyOf(secret)
		if err != nil {
			return nil, nil, err
		}
		open, headers = append(open, private), append(headers, header)
	}
	return open, headers, nil
}

// as is as whom the hub connects, and the name that servers show for that.
type as struct {
	login keyring.Login
	name  string
}

// dialer connects to the servers that Options name.
type dialer struct {
	o       Options
	refusal *atomic.Pointer[error] // why the last try failed
}

// dial connects; up is called whenever that succeeds.
func (d dialer) dial(who as, up func(), more ...natsgo.Option) (*natsgo.Conn, error) {
	o := d.o
	token, seed, err := o.Keys.Credentials(who.login, who.name)
	if err != nil {
		return nil, err
	}
	opts := []natsgo.Option{
		natsgo.Name(who.name), natsgo.UserJWTAndSeed(token, string(seed)), natsgo.MaxReconnects(-1), natsgo.RetryOnFailedConnect(true),
		natsgo.IgnoreAuthErrorAbort(), // servers may not know the account of the hub yet
		natsgo.ReconnectWait(250 * time.Millisecond), natsgo.ReconnectJitter(250*time.Millisecond, time.Second),
		natsgo.ReconnectBufSize(-1), // what cannot be sent now is an error now: the hub tries again by itself
		natsgo.PingInterval(20 * time.Second), natsgo.MaxPingsOutstanding(2),
		natsgo.DisconnectErrHandler(func(_ *natsgo.Conn, err error) {
			if err != nil {
				o.Log.Warn("the connection to NATS is lost; it is tried again", "server", redact(o.URL), "err", err)
			}
		}),
		natsgo.ReconnectErrHandler(func(_ *natsgo.Conn, err error) { d.refusal.Store(&err) }),
		natsgo.ConnectHandler(func(*natsgo.Conn) { up() }),
		natsgo.ReconnectHandler(func(c *natsgo.Conn) {
			o.Log.Info("connected to NATS again", "server", c.ConnectedUrlRedacted())
			up()
		}),
		natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { o.Log.Warn("NATS", "err", err) }),
	}
	if o.Server != nil {
		opts = append(opts, natsgo.InProcessServer(o.Server)) // asks for no TLS within the process
	} else {
		opts = append(opts, natsgo.Secure(servers.TLS(o.CA))) // a server that offers none is refused
	}
	c, err := natsgo.Connect(o.URL, append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w: check --nats-url, and that the server trusts this hub "+
			"(`drover hub nats-config` prints what it needs)", redact(o.URL), err)
	}
	if !c.IsConnected() {
		o.Log.Warn("NATS cannot be reached yet; it is tried again. Agents keep healing meanwhile", "server", redact(o.URL))
	}
	return c, nil
}

// CheckCA says whether the file of a flag holds certificates in PEM.
func CheckCA(flag string, data []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return fmt.Errorf("%s: the file holds no certificate in PEM", flag)
	}
	return nil
}

// redact takes user and password out of a URL, or several.
func redact(urls string) string {
	parts := strings.Split(urls, ",")
	for i, p := range parts {
		if u, err := url.Parse(strings.TrimSpace(p)); err == nil {
			parts[i] = u.Redacted()
		}
	}
	return strings.Join(parts, ",")
}

// Reach says what is wrong if the server cannot be reached now.
func (b *Bus) Reach() error {
	if b.conn.IsConnected() && b.agents.IsConnected() {
		return nil
	}
	why := ""
	if err := b.refusal.Load(); err != nil {
		why = " (" + (*err).Error() + ")"
	}
	return fmt.Errorf("NATS at %s cannot be reached%s: see that it runs, and that --nats-url and --nats-ca are "+
		"right", b.url, why)
}

func (b *Bus) wake() {
	select {
	case b.back <- struct{}{}:
	default:
	}
}

// Revoke cuts users off on all servers; see servers.Servers.Revoke.
func (b *Bus) Revoke(users []string) error { return b.servers.Revoke(users) }

// Close ends the connections.
func (b *Bus) Close() {
	b.ids.Reach(nil)
	for _, c := range []*natsgo.Conn{b.conn, b.agents} {
		if c != nil {
			c.Close()
		}
	}
	if b.servers != nil {
		b.servers.Close()
	}
	if b.peers != nil && b.peers.conn != nil {
		b.peers.conn.Close()
	}
}
