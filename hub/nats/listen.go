package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// journalTail is how many events are read back when the hub starts.
const journalTail = 2000

// hellosTimeout is how long the retained hellos may take.
const hellosTimeout = 10 * time.Second

// Listen implements hub.Bus. All calls to the listener come from this goroutine.
func (b *Bus) Listen(ctx context.Context, to hub.Listener) error {
	calls := make(chan func(), 4096) // of small things: what agents say is handed on one at a time, see heed
	call := func(f func()) {
		select {
		case calls <- f:
		case <-ctx.Done():
		}
	}
	watch := newLinks(b, to)
	if err := watch.subscribe(call); err != nil {
		return err
	}
	desk, err := b.openDesk(to, func(cluster, user string) {
		call(func() { watch.learned(cluster, user) })
		b.again(ctx, cluster, to, call)
	})
	if err != nil {
		return err
	}
	b.hearPeers(func(p protocol.Presence) { call(func() { to.Peer(p) }) })
	var running sync.WaitGroup
	running.Go(func() { b.retrieve(ctx, desk, to, call) })
	running.Go(func() { b.watch(ctx, to, call) })
	defer func() {
		running.Wait()
		desk.close()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-calls:
			f()
		case <-b.ids.Stirred():
			to.Identities(b.ids.TakeChanged())
		case <-b.back:
			to.Reset()
			if b.serving.Load() {
				for _, cluster := range b.ids.Rotating() {
					b.ids.AskRenew(cluster)
				}
			}
			go watch.refresh(ctx, call)
		}
	}
}

// retrieve follows the hellos, the reports and the journal: what is retained first, then what comes. It starts over
// when the server loses its consumers.
func (b *Bus) retrieve(ctx context.Context, desk *desk, to hub.Listener, call func(func())) {
	pause := backoff.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	for ctx.Err() == nil {
		err := b.follow(ctx, desk, to, call)
		if ctx.Err() != nil {
			return
		}
		b.log.Debug("reports are not followed; it is tried again", "err", err)
		_ = pause.Wait(ctx, nil)
	}
}

func (b *Bus) follow(ctx context.Context, desk *desk, to hub.Listener, call func(func())) error {
	if err := b.prepare(ctx); err != nil {
		return err
	}
	reports, err := b.js.OrderedConsumer(ctx, "KV_"+protocol.BucketReport, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy})
	if err != nil {
		return err
	}
	journal, err := b.journal(ctx)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	onError := jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		select {
		case failed <- err:
		default:
		}
	})
	h, err := b.hellos(ctx, desk, onError)
	if err != nil {
		return err
	}
	defer h.Stop()
	call(func() { clear(b.latest) }) // the stream may be another one
	r, err := reports.Consume(func(m jetstream.Msg) {
		b.weigh(strings.TrimPrefix(m.Subject(), protocol.ReportSubject("")), len(m.Data()), received(m))
		b.report(ctx, m.Subject(), m.Data(), sequence(m), received(m), to, call)
	}, onError, ahead)
	if err != nil {
		return err
	}
	defer r.Stop()
	j, err := journal.Consume(func(m jetstream.Msg) {
		cluster := strings.TrimPrefix(m.Subject(), protocol.JournalSubject(""))
		b.weigh(cluster, len(m.Data()), received(m))
		if meta, err := m.Metadata(); err == nil {
			b.read.Store(meta.Sequence.Stream)
		}
		if event, ok := b.hear(protocol.SpeechEvent, cluster, m.Data(), received(m)); ok {
			heed(ctx, call, func() { to.Event(cluster, event) })
		}
	}, onError, ahead)
	if err != nil {
		return err
	}
	defer j.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// journal gives the events from the last one that was read, or the newest if none was yet.
func (b *Bus) journal(ctx context.Context) (jetstream.Consumer, error) {
	stream, err := b.js.Stream(ctx, protocol.StreamJournal)
	if err != nil {
		return nil, err
	}
	state := stream.CachedInfo().State
	from := max(state.FirstSeq, 1)
	if state.LastSeq > journalTail {
		from = max(from, state.LastSeq-journalTail)
	}
	if read := b.read.Load(); read <= state.LastSeq { // or else the stream was lost, and is another
		from = max(from, read+1)
	}
	return b.js.OrderedConsumer(ctx, protocol.StreamJournal, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from})
}

// ahead is how many bytes of what agents say are read from the server before they are looked at.
const ahead = jetstream.PullMaxBytes(4 << 20)

// heed has something that is large handed on, and returns when that is done: what agents say waits at the server, and
// not in the hub's memory.
func heed(ctx context.Context, call func(func()), f func()) {
	done := make(chan struct{})
	call(func() {
		defer close(done)
		f()
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// hellos follows the hellos, and returns when the retained ones were processed: who speaks for a cluster has to be
// known before what it said is read.
func (b *Bus) hellos(ctx context.Context, desk *desk,
	onError jetstream.PullConsumeOpt) (jetstream.ConsumeContext, error) {
	c, err := b.js.OrderedConsumer(ctx, protocol.StreamHello,
		jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy})
	if err != nil {
		return nil, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	var left atomic.Int64
	left.Store(int64(info.NumPending))
	drained := make(chan struct{})
	if info.NumPending == 0 {
		close(drained)
	}
	h, err := c.Consume(func(m jetstream.Msg) {
		desk.hello(strings.TrimPrefix(m.Subject(), protocol.HelloSubject("")), m.Data(), func(bool) {
			if left.Add(-1) == 0 {
				close(drained)
			}
		})
	}, onError)
	if err != nil {
		return nil, err
	}
	select {
	case <-drained:
	case <-ctx.Done():
	case <-time.After(hellosTimeout): // the stream was lost meanwhile
	}
	return h, nil
}

// report hands on a report, if it is the cluster's word, and none that the bus took later was handed on before.
func (b *Bus) report(
	ctx context.Context, subject string, data []byte, number uint64, at time.Time, to hub.Listener, call func(func()),
) {
	cluster := strings.TrimPrefix(subject, protocol.ReportSubject(""))
	report, ok := b.hear(protocol.SpeechReport, cluster, data, at)
	if !ok {
		return
	}
	heed(ctx, call, func() {
		if number < b.latest[cluster] {
			return
		}
		b.latest[cluster] = number
		to.Report(cluster, report, at)
	})
}

// again reads the last report of a cluster whose key was not known when it came.
func (b *Bus) again(ctx context.Context, cluster string, to hub.Listener, call func(func())) {
	s, err := b.js.Stream(ctx, "KV_"+protocol.BucketReport)
	if err != nil {
		return // it is read when reports are followed again
	}
	if m, err := s.GetLastMsgForSubject(ctx, protocol.ReportSubject(cluster)); err == nil {
		b.report(ctx, m.Subject, m.Data, m.Sequence, m.Time, to, call)
	}
}

// sequence is the number of a message in its stream.
func sequence(m jetstream.Msg) uint64 {
	if meta, err := m.Metadata(); err == nil {
		return meta.Sequence.Stream
	}
	return 0
}

func received(m jetstream.Msg) time.Time {
	if meta, err := m.Metadata(); err == nil {
		return meta.Timestamp
	}
	return time.Now()
}

// links knows who is connected, from the events of the system account.
type links struct {
	bus  *Bus
	to   hub.Listener
	live map[string]map[string]limits.Connection // by cluster: its connections; those of users that are no cluster's yet under ""
	// While questions are under way, what events said since is kept: it is newer than what will be answered.
	asking  int             // questions under way
	touched map[string]bool // connections that came or went meanwhile
}

func newLinks(b *Bus, to hub.Listener) *links {
	return &links{bus: b, to: to, live: map[string]map[string]limits.Connection{}, touched: map[string]bool{}}
}

func (l *links) subscribe(call func(func())) error {
	hear := func(event string, up bool) error {
		_, err := l.bus.system.Subscribe("$SYS.ACCOUNT."+l.bus.account+"."+event, func(m *natsgo.Msg) {
			var c limits.Connection
			if json.Unmarshal(m.Data, &c) != nil {
				return
			}
			if up && l.bus.meter.Came(c, time.Now()) || !up && l.bus.meter.Went(c, time.Now()) {
				l.bus.flooded(c.Client.User)
			}
			call(func() {
				cluster, _ := l.bus.ids.ClusterOf(c.Client.User)
				l.note(cluster, c, up)
			})
		})
		return err
	}
	if err := hear("CONNECT", true); err != nil {
		return err
	}
	return hear("DISCONNECT", false)
}

// note takes in that a connection came or went. A cluster is connected while any of its connections is.
func (l *links) note(cluster string, c limits.Connection, up bool) {
	if l.asking > 0 {
		l.touched[c.Key()] = true
	}
	was := len(l.live[cluster]) > 0
	at := c.Client.Start
	if up {
		if l.live[cluster] == nil {
			l.live[cluster] = map[string]limits.Connection{}
		}
		l.live[cluster][c.Key()] = c
	} else {
		delete(l.live[cluster], c.Key())
		at = c.Client.Stop // zero where its end was not heard of
	}
	if cluster != "" {
		l.crowd(cluster, c)
	}
	if is := len(l.live[cluster]) > 0; is != was && cluster != "" {
		if at.IsZero() {
			at = time.Now()
		}
		l.to.Link(cluster, is, at)
	}
}

// learned takes in that a user is a cluster's.
func (l *links) learned(cluster, user string) {
	for _, c := range maps.Clone(l.live[""]) {
		if c.Client.User == user {
			l.note("", c, false)
			l.note(cluster, c, true)
		}
	}
}

// refresh asks all servers who is connected: events were missed while the hub was away. Servers that do not
// answer within a second are taken to be gone, with their connections.
func (l *links) refresh(ctx context.Context, call func(func())) {
	call(func() { l.asking++ })
	found, err := l.bus.connections(ctx)
	if err != nil {
		l.bus.log.Debug("who is connected cannot be told", "err", err)
		call(l.asked)
		return
	}
	call(func() { l.replace(found) })
}

// asked ends a question.
func (l *links) asked() {
	if l.asking--; l.asking == 0 {
		clear(l.touched)
	}
}

// replace takes an answer for what is live, but for connections that came or went since it was asked for.
func (l *links) replace(found map[string]map[string]limits.Connection) {
	defer l.asked()
	since := maps.Clone(l.touched)
	for cluster, conns := range l.live {
		for key, c := range conns {
			if _, still := found[cluster][key]; !still && !since[key] {
				l.note(cluster, c, false)
			}
		}
	}
	for cluster, conns := range found {
		for key, c := range conns {
			if !since[key] {
				l.note(cluster, c, true)
			}
		}
	}
}

// connections asks all servers for the connections of agents, by cluster and key. Those of users that are no cluster's
// are under "".
func (b *Bus) connections(ctx context.Context) (map[string]map[string]limits.Connection, error) {
	found := map[string]map[string]limits.Connection{}
	for offset := 0; ; offset += limits.PageSize {
		got, err := b.page(ctx, offset, found)
		if err != nil || got < limits.PageSize {
			return found, err
		}
	}
}

// page asks for one page of connections, and gives the most that any one server had.
func (b *Bus) page(ctx context.Context, offset int, into map[string]map[string]limits.Connection) (int, error) {
	inbox := b.system.NewRespInbox()
	sub, err := b.system.SubscribeSync(inbox)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	ask := fmt.Sprintf(`{"auth":true,"limit":%d,"offset":%d}`, limits.PageSize, offset)
	if err := b.system.PublishRequest("$SYS.REQ.ACCOUNT."+b.account+".CONNZ", inbox, []byte(ask)); err != nil {
		return 0, err
	}
	most := 0
	wait, cancel := context.WithTimeout(ctx, 5*time.Second) // for the first answer
	defer cancel()
	for {
		m, err := sub.NextMsgWithContext(wait)
		if err != nil {
			return most, ctx.Err() // no more servers answer
		}
		n, err := b.listed(m.Data, into)
		if err != nil {
			return 0, err
		}
		most = max(most, n)
		rest, stop := context.WithTimeout(ctx, 4*b.rest())
		defer stop()
		wait = rest
	}
}

func (b *Bus) listed(data []byte, into map[string]map[string]limits.Connection) (int, error) {
	var answer struct {
		Server struct{ ID string }
		Data   struct {
			Connections []struct {
				CID      uint64 `json:"cid"`
				User     string `json:"authorized_user"`
				Start    time.Time
				Received int64 `json:"in_msgs"`
				Sent     int64 `json:"out_bytes"`
			}
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return 0, err
	}
	for _, conn := range answer.Data.Connections {
		cluster, _ := b.ids.ClusterOf(conn.User)
		var c limits.Connection
		c.Server.ID, c.Client.ID, c.Client.User, c.Client.Start = answer.Server.ID, conn.CID, conn.User, conn.Start
		c.Received.Msgs, c.Sent.Bytes = conn.Received, conn.Sent
		if into[cluster] == nil {
			into[cluster] = map[string]limits.Connection{}
		}
		into[cluster][c.Key()] = c
	}
	return len(answer.Data.Connections), nil
}
