package nats

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/nats/identity"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/hub/nats/server"
	"github.com/drover-dev/drover/hub/nats/streams"
	"github.com/drover-dev/drover/protocol"
)

// putTimeout is how long the bus may take to acknowledge one batch.
const putTimeout = 30 * time.Second

// prepareTimeout is how long the bus may take to make one bucket. While a cluster of servers has no leader yet, nobody
// answers: then it is better to ask again than to wait.
const prepareTimeout = 5 * time.Second

// prepareTry is how long one try may take: a server that takes new claims meanwhile may lose the request.
const prepareTry = time.Second

// Bus is a hub.Bus on NATS JetStream.
type Bus struct {
	conn       *natsgo.Conn   // as the hub, in the account with JetStream
	agents     *natsgo.Conn   // in the account of the agents: what they ask, and what they are asked
	system     *natsgo.Conn   // in the system account: who is connected
	server     *server.Server // the embedded one, or nil
	keys       *keyring.Keys
	account    string // of the agents
	url        string // for people; "" for the embedded server
	js         jetstream.JetStream
	ids        *identity.Identities
	replicas   int
	log        *slog.Logger
	open       [][]byte              // the hub's X25519 private keys, which agents seal to what they say; the newest first
	headerKeys [][]byte              // of protocol.HeaderAuth: the current one; while the secret is rotated, the one before
	told       limits.Once           // what the log has
	latest     map[string]uint64     // by cluster: sequence of the last report; Listen's goroutine owns it
	read       atomic.Uint64         // stream sequence of the last event of the journal that was read
	back       chan struct{}         // the connection came back
	remind     chan struct{}         // external servers may not know who is revoked
	refusal    atomic.Pointer[error] // why the last try to connect failed
	claiming   sync.Mutex            // one account at a time, so that an older one never comes after a newer one
	peers      *peers
	serving    atomic.Bool // this hub acts for the fleet; see hub.Peers
	standby    bool        // see Options
	options    Options
	retired    bool          // the streams of an older release are gone; guarded by claiming
	relinks    bool          // leaf nodes are to connect again; the same
	met        atomic.Uint64 // the connection, counted from 1, on which other hubs were asked for last
	guard      *streams.Guard
	meter      *limits.Meter
	said       limits.Speech // what clusters may still say
	pause      time.Duration // for which a cluster that says or reads too much is cut off
	closed     context.Context
	quit       context.CancelFunc
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
	var open, headers [][]byte
	for _, secret := range [][]byte{o.Keys.Secret, o.Keys.Former} {
		if secret == nil {
			continue
		}
		private, _, err := protocol.HubOpenKey(secret)
		if err != nil {
			return nil, err
		}
		header, err := protocol.HeaderKeyOf(secret)
		if err != nil {
			return nil, err
		}
		open, headers = append(open, private), append(headers, header)
	}
	b := &Bus{latest: map[string]uint64{}, guard: streams.NewGuard(), meter: limits.NewMeter(), open: open, headerKeys: headers,
		ids: o.IDs, keys: o.Keys, server: o.Server, account: account, url: redact(o.URL), replicas: max(o.Replicas, 1),
		log: o.Log, back: make(chan struct{}, 1), remind: make(chan struct{}, 1)}
	b.standby, b.options, b.pause = o.Standby, o, limits.FloodPause
	b.serving.Store(!o.Standby)
	b.closed, b.quit = context.WithCancel(context.Background())
	if b.system, err = b.dial(o, as{keyring.LoginSystem, "drover-hub-system"}, b.returned); err != nil {
		b.Close()
		return nil, err
	}
	if o.Server == nil && b.system.IsConnected() { // or else it is when that connects
		if err := b.introduce(); err != nil {
			o.Log.Warn("the NATS servers have not been told of the hub's account yet; it is tried again", "err", err)
		}
	}
	if b.conn, err = b.dial(o, as{keyring.LoginHub, "drover-hub"}, b.wake); err != nil {
		b.Close()
		return nil, err
	}
	if b.agents, err = b.dial(o, as{keyring.LoginDesk, "drover-hub-desk"}, b.wake); err != nil {
		b.Close()
		return nil, err
	}
	if b.peers, err = b.openPeers(o); err != nil {
		b.Close()
		return nil, err
	}
	if o.Server == nil {
		if err := b.watchServers(); err != nil {
			b.Close()
			return nil, err
		}
	}
	if b.js, err = jetstream.New(b.conn, jetstream.WithPublishAsyncMaxPending(4096)); err != nil {
		b.Close()
		return nil, err
	}
	o.IDs.Reach(func(cluster string, a protocol.Ask) error { return b.Ask(context.Background(), cluster, a) })
	return b, nil
}

// as is as whom the hub connects, and the name that servers show for that.
type as struct {
	login keyring.Login
	name  string
}

// dial connects; up is called whenever that succeeds.
func (b *Bus) dial(o Options, who as, up func(), more ...natsgo.Option) (*natsgo.Conn, error) {
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
				b.log.Warn("the connection to NATS is lost; it is tried again", "server", redact(o.URL), "err", err)
			}
		}),
		natsgo.ReconnectErrHandler(func(_ *natsgo.Conn, err error) { b.refusal.Store(&err) }),
		natsgo.ConnectHandler(func(*natsgo.Conn) { up() }),
		natsgo.ReconnectHandler(func(c *natsgo.Conn) {
			b.log.Info("connected to NATS again", "server", c.ConnectedUrlRedacted())
			up()
		}),
		natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { b.log.Warn("NATS", "err", err) }),
	}
	if o.Server != nil {
		opts = append(opts, natsgo.InProcessServer(o.Server)) // asks for no TLS within the process
	} else {
		opts = append(opts, natsgo.Secure(clientTLS(o.CA))) // a server that offers none is refused
	}
	c, err := natsgo.Connect(o.URL, append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w: check --nats-url, and that the server trusts this hub "+
			"(`drover hub nats-config` prints what it needs)", redact(o.URL), err)
	}
	if !c.IsConnected() {
		b.log.Warn("NATS cannot be reached yet; it is tried again. Agents keep healing meanwhile", "server", redact(o.URL))
	}
	return c, nil
}

// clientTLS trusts ca (PEM), or the system's authorities if it is empty.
func clientTLS(ca string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(ca))
	}
	return config
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

// Close ends the connections.
func (b *Bus) Close() {
	b.quit()
	b.ids.Reach(nil)
	for _, c := range []*natsgo.Conn{b.conn, b.agents, b.system} {
		if c != nil {
			c.Close()
		}
	}
	if b.peers != nil && b.peers.conn != nil {
		b.peers.conn.Close()
	}
}

// Put implements hub.Bus.
func (b *Bus) Put(ctx context.Context, blobs []model.Packed, bundles []hub.Delivery) (err error) {
	defer func() {
		if err != nil {
			b.guard.Unsure()
		}
		if errors.Is(err, jetstream.ErrNoStreamResponse) { // a stream is gone: who tries again finds it
			err = errors.Join(err, b.prepare(ctx))
		}
	}()
	if err := b.Reach(); err != nil {
		return err
	}
	if b.unmet() {
		return hub.ErrUnmet
	}
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	defer b.guard.Begin()()
	var acks []jetstream.PubAckFuture
	for _, p := range blobs {
		chunks := protocol.Chunks(p.Sealed)
		for i, c := range slices.Backward(chunks) { // number 0 last: where it is, the others are
			ack, err := b.js.PublishMsgAsync(&natsgo.Msg{Subject: protocol.BlobSubject(p.Ref.ID(), i), Data: c})
			if err != nil {
				return fmt.Errorf("publish a blob: %w", err)
			}
			acks = append(acks, ack)
		}
	}
	if err := b.await(ctx, acks); err != nil {
		return fmt.Errorf("publish %d blobs: %w", len(blobs), err)
	}
	acks = acks[:0]
	for _, d := range bundles {
		ack, err := b.js.PublishMsgAsync(&natsgo.Msg{Subject: protocol.DesiredSubject(d.Cluster), Data: d.Sealed,
			Header: b.headers(d)})
		if err != nil {
			return fmt.Errorf("publish the bundle of %s: %w", d.Cluster, err)
		}
		acks = append(acks, ack)
	}
	if err := b.await(ctx, acks); err != nil {
		return fmt.Errorf("publish %d bundles: %w", len(bundles), err)
	}
	return nil
}

// Forget implements hub.Bus.
func (b *Bus) Forget(ctx context.Context, cluster string) error {
	if err := b.Reach(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	for bucket, subject := range map[string]string{protocol.BucketReport: protocol.ReportSubject(cluster),
		protocol.BucketDesired: protocol.DesiredSubject(cluster)} {
		b.guard.Forget(cluster)
		if err := b.discard(ctx, "KV_"+bucket, subject); err != nil {
			return fmt.Errorf("drop what the bucket %s on NATS has of it: %w", bucket, err)
		}
	}
	return nil
}

// await waits until the server has acknowledged everything.
func (b *Bus) await(ctx context.Context, acks []jetstream.PubAckFuture) error {
	for _, a := range acks {
		select {
		case ack := <-a.Ok():
			b.guard.Note(a.Msg().Subject, ack)
		case err := <-a.Err():
			return streams.Full(err)
		case <-ctx.Done():
			return errors.New("the server does not acknowledge in time")
		}
	}
	return nil
}

// Holdings implements hub.Bus. It makes the buckets and the stream first, where they are missing; a hub that does not
// act for the fleet makes none, and finds nothing then.
func (b *Bus) Holdings(ctx context.Context) (hub.Holdings, error) {
	out := hub.Holdings{Generations: map[string]uint64{}, Epochs: map[string]uint64{}, Revisions: map[string]string{},
		Proven: map[string]bool{}, Keys: map[string]string{}, Blobs: map[string]bool{}}
	if err := b.prepare(ctx); err != nil {
		return out, err
	}
	blobs, err := b.js.Stream(ctx, "KV_"+protocol.BucketBlobs)
	if err == nil {
		_, err = b.js.Stream(ctx, "KV_"+protocol.BucketDesired)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) && !b.serving.Load() {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	info, err := blobs.Info(ctx, jetstream.WithSubjectFilter(protocol.BlobSubject("*", 0)))
	if err != nil {
		return out, err
	}
	for subject := range info.State.Subjects {
		parts := strings.Split(subject, ".")
		out.Blobs[parts[len(parts)-2]] = !b.guard.Touched(parts[len(parts)-2])
	}
	return out, b.bundles(ctx, out)
}

// bundles reads the generation and the key of every bundle from its headers.
func (b *Bus) bundles(ctx context.Context, into hub.Holdings) error {
	c, err := b.js.OrderedConsumer(ctx, "KV_"+protocol.BucketDesired, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, HeadersOnly: true})
	if err != nil {
		return err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return err
	}
	for left := info.NumPending; left > 0; {
		batch, err := c.FetchNoWait(1000)
		if err != nil {
			return err
		}
		got := uint64(0)
		for m := range batch.Messages() {
			got++
			if b.guard.Own(m.Subject(), sequence(m)) {
				b.holding(into, strings.TrimPrefix(m.Subject(), protocol.DesiredSubject("")), m.Headers())
			}
		}
		if err := errors.Join(batch.Error(), ctx.Err()); err != nil {
			return err
		}
		left -= min(got, left)
	}
	return nil
}
