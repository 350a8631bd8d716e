package nats

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

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

// listening follows what agents say, for one call of Listen.
type listening struct {
	bus    *Bus
	ears   *ears
	desk   *desk
	js     jetstream.JetStream
	to     hub.Listener
	call   func(func())      // has something called from Listen's goroutine
	latest map[string]uint64 // by cluster: sequence of the last report; Listen's goroutine owns it
	read   atomic.Uint64     // stream sequence of the last event of the journal that was read
}

// Listen implements hub.Bus. All calls to the listener come from this goroutine.
func (b *Bus) Listen(ctx context.Context, to hub.Listener) error {
	calls := make(chan func(), 4096) // of small things: what agents say is handed on one at a time, see heed
	call := func(f func()) {
		select {
		case calls <- f:
		case <-ctx.Done():
		}
	}
	live := newLinks(b.ears, b.servers, b.account, to)
	if err := live.subscribe(call); err != nil {
		return err
	}
	l := &listening{bus: b, ears: b.ears, js: b.JetStream(), to: to, call: call, latest: map[string]uint64{}}
	desk, err := openDesk(b, to, func(cluster, user string) {
		call(func() { live.learned(cluster, user) })
		l.again(ctx, cluster)
	})
	if err != nil {
		return err
	}
	l.desk = desk
	b.peers.hear(func(p protocol.Presence) { call(func() { to.Peer(p) }) })
	var running sync.WaitGroup
	running.Go(func() { l.retrieve(ctx) })
	running.Go(func() { l.watch(ctx) })
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
			go live.refresh(ctx, call)
		}
	}
}

// retrieve follows the hellos, the reports and the journal: what is retained first, then what comes. It starts over
// when the server loses its consumers.
func (l *listening) retrieve(ctx context.Context) {
	pause := backoff.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	for ctx.Err() == nil {
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		l.bus.log.Debug("reports are not followed; it is tried again", "err", err)
		_ = pause.Wait(ctx, nil)
	}
}

func (l *listening) follow(ctx context.Context) error {
	if err := l.bus.Prepare(ctx); err != nil {
		return err
	}
	reports, err := l.js.OrderedConsumer(ctx, "KV_"+protocol.BucketReport, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy})
	if err != nil {
		return err
	}
	journal, err := l.journal(ctx)
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
	h, err := l.hellos(ctx, onError)
	if err != nil {
		return err
	}
	defer h.Stop()
	l.call(func() { clear(l.latest) }) // the stream may be another one
	r, err := reports.Consume(func(m jetstream.Msg) {
		l.ears.weigh(strings.TrimPrefix(m.Subject(), protocol.ReportSubject("")), len(m.Data()), received(m))
		l.report(ctx, m.Subject(), m.Data(), sequence(m), received(m))
	}, onError, ahead)
	if err != nil {
		return err
	}
	defer r.Stop()
	j, err := journal.Consume(func(m jetstream.Msg) {
		cluster := strings.TrimPrefix(m.Subject(), protocol.JournalSubject(""))
		l.ears.weigh(cluster, len(m.Data()), received(m))
		if meta, err := m.Metadata(); err == nil {
			l.read.Store(meta.Sequence.Stream)
		}
		if event, ok := l.ears.hear(protocol.SpeechEvent, cluster, m.Data(), received(m)); ok {
			heed(ctx, l.call, func() { l.to.Event(cluster, event) })
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
func (l *listening) journal(ctx context.Context) (jetstream.Consumer, error) {
	stream, err := l.js.Stream(ctx, protocol.StreamJournal)
	if err != nil {
		return nil, err
	}
	state := stream.CachedInfo().State
	from := max(state.FirstSeq, 1)
	if state.LastSeq > journalTail {
		from = max(from, state.LastSeq-journalTail)
	}
	if read := l.read.Load(); read <= state.LastSeq { // or else the stream was lost, and is another
		from = max(from, read+1)
	}
	return l.js.OrderedConsumer(ctx, protocol.StreamJournal, jetstream.OrderedConsumerConfig{
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
func (l *listening) hellos(ctx context.Context,
	onError jetstream.PullConsumeOpt) (jetstream.ConsumeContext, error) {
	c, err := l.js.OrderedConsumer(ctx, protocol.StreamHello,
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
		l.desk.hello(strings.TrimPrefix(m.Subject(), protocol.HelloSubject("")), m.Data(), func(bool) {
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
func (l *listening) report(ctx context.Context, subject string, data []byte, number uint64, at time.Time) {
	cluster := strings.TrimPrefix(subject, protocol.ReportSubject(""))
	report, ok := l.ears.hear(protocol.SpeechReport, cluster, data, at)
	if !ok {
		return
	}
	heed(ctx, l.call, func() {
		if number < l.latest[cluster] {
			return
		}
		l.latest[cluster] = number
		l.to.Report(cluster, report, at)
	})
}

// again reads the last report of a cluster whose key was not known when it came.
func (l *listening) again(ctx context.Context, cluster string) {
	s, err := l.js.Stream(ctx, "KV_"+protocol.BucketReport)
	if err != nil {
		return // it is read when reports are followed again
	}
	if m, err := s.GetLastMsgForSubject(ctx, protocol.ReportSubject(cluster)); err == nil {
		l.report(ctx, m.Subject, m.Data, m.Sequence, m.Time)
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

// watch looks at the streams until ctx is done. What was damaged is told, and brought back as after a reconnect.
func (l *listening) watch(ctx context.Context) {
	b := l.bus
	tick := time.NewTicker(limits.LookPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !b.serving.Load() || b.Reach() != nil {
			continue
		}
		l.ears.measure(ctx)
		if what := b.Inspect(ctx); what != "" {
			b.log.Error("the streams on NATS were changed by another client than this hub; restoring them", "what", what)
			l.call(func() { l.to.Damaged(what, time.Now()) })
			b.wake()
		}
	}
}
