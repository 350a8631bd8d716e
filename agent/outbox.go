package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

const (
	// A report goes out when nothing has changed for quietTime, or busyTime after the first change; one that says
	// what people wait for after urgentTime. In any case reportGap after the last one.
	quietTime  = 50 * time.Millisecond
	busyTime   = 500 * time.Millisecond
	urgentTime = 5 * time.Millisecond
	reportGap  = 100 * time.Millisecond
	// When nothing has happened for restTime, memory that work needed is given back to the machine: an agent rests
	// nearly always, and the garbage collector of a program that rests does not run.
	restTime = 5 * time.Second
	// maxEvents is how many events are kept while there is no session with the hub.
	maxEvents = 1000
	// eventBatch is how many are sent before it is checked that they arrived.
	eventBatch = 200
)

// outbox gathers what the hub is to be told, and tells it when it can be.
type outbox struct {
	bus     Bus
	cluster string
	log     *slog.Logger
	poke    chan struct{}

	mu     sync.Mutex // guards what follows
	first  time.Time  // of the changes that no report has told; zero if there are none
	last   time.Time
	urgent bool
	online bool
	seq    uint64 // of the last event
	events []protocol.Event
	lost   int // events that did not fit
}

func newOutbox(bus Bus, cluster string, log *slog.Logger, now time.Time) *outbox {
	// Events go on rising from one process to the next, as long as the clock does.
	return &outbox{bus: bus, cluster: cluster, log: log, poke: make(chan struct{}, 1), seq: uint64(now.UnixMicro())}
}

func (b *outbox) wake() {
	select {
	case b.poke <- struct{}{}:
	default:
	}
}

// changed says that there is something to report.
func (b *outbox) changed(urgent bool) {
	b.mu.Lock()
	now := time.Now()
	if b.first.IsZero() {
		b.first = now
	}
	b.last = now
	b.urgent = b.urgent || urgent
	b.mu.Unlock()
	b.wake()
}

// record puts an event into the journal.
func (b *outbox) record(e protocol.Event) {
	b.mu.Lock()
	b.seq++
	e.Version, e.Cluster, e.Seq = protocol.Version, b.cluster, b.seq
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if len(b.events) == maxEvents {
		b.events = b.events[1:]
		b.lost++
	}
	b.events = append(b.events, e)
	b.mu.Unlock()
	b.wake()
	b.write(e)
}

// write logs an event, without what does not concern it.
func (b *outbox) write(e protocol.Event) {
	attrs := make([]slog.Attr, 0, 4)
	if e.App != "" {
		attrs = append(attrs, slog.String("app", e.App))
	}
	if e.Object != nil {
		attrs = append(attrs, slog.String("object", e.Object.String()))
	}
	attrs = append(attrs, slog.Uint64("generation", e.Generation), slog.String("message", e.Message))
	b.log.LogAttrs(context.Background(), slog.LevelInfo, string(e.Kind), attrs...)
}

// connected says whether the hub can be told.
func (b *outbox) connected(yes bool) {
	b.mu.Lock()
	b.online = yes
	b.mu.Unlock()
	if yes {
		b.changed(true) // the hub may have missed anything
	}
}

// run tells the hub until ctx is done. report gives what is to be reported.
func (b *outbox) run(ctx context.Context, report func() []byte) {
	var sent time.Time
	pause := backoff.Backoff{Min: time.Second, Max: 15 * time.Second}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	rested := false
	for ctx.Err() == nil {
		wait, events := b.due(sent)
		switch {
		case wait == 0:
			sent = time.Now()
			b.report(ctx, report)
			continue
		case events && !b.send(ctx):
			wait = min(wait, pause.Next())
		case events:
			pause.Reset()
			continue
		}
		if !rested {
			wait = min(wait, restTime)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-b.poke:
			rested = false
		case <-timer.C:
			if !rested && wait == restTime {
				rested = true
				debug.FreeOSMemory()
			}
		}
	}
}

// due says how long the next report has time, and whether there are events to send.
func (b *outbox) due(sent time.Time) (wait time.Duration, events bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.online {
		return time.Hour, false
	}
	if b.first.IsZero() {
		return time.Hour, len(b.events) > 0
	}
	at := b.last.Add(quietTime)
	if limit := b.first.Add(busyTime); at.After(limit) {
		at = limit
	}
	if b.urgent {
		at = b.first.Add(urgentTime)
	}
	if gap := sent.Add(reportGap); at.Before(gap) {
		at = gap
	}
	return max(0, time.Until(at)), len(b.events) > 0
}

// report publishes a report. If that fails there is something to report, still.
func (b *outbox) report(ctx context.Context, report func() []byte) {
	b.mu.Lock()
	b.first, b.urgent = time.Time{}, false
	b.mu.Unlock()
	if err := b.bus.Report(ctx, report()); err != nil && ctx.Err() == nil {
		b.log.Warn("a report did not reach the hub; it is sent again by itself", "err", err)
		b.changed(false)
	}
}

// send publishes a batch of events, and says whether they arrived. If not they are kept, in the same order.
func (b *outbox) send(ctx context.Context) bool {
	b.mu.Lock()
	n := min(len(b.events), eventBatch)
	batch := make([][]byte, 0, n+1)
	last := uint64(0)
	if b.lost > 0 {
		batch = append(batch, b.marshal(b.lossNote()))
	}
	for _, e := range b.events[:n] {
		batch = append(batch, b.marshal(e))
		last = e.Seq
	}
	b.mu.Unlock()
	if err := b.bus.Record(ctx, batch); err != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost = 0
	for len(b.events) > 0 && b.events[0].Seq <= last {
		b.events = b.events[1:]
	}
	if len(b.events) == 0 {
		b.events = nil
	}
	return true
}

// lossNote tells how many events were dropped. It takes the number of the last that was.
func (b *outbox) lossNote() protocol.Event {
	return protocol.Event{Version: protocol.Version, Cluster: b.cluster, Seq: b.events[0].Seq - 1, Time: b.events[0].Time, Kind: protocol.EventFailed,
		Message: count(b.lost, "event") + " before this one were lost, because the hub was away for too long: the report says how things are now"}
}

func (b *outbox) marshal(e protocol.Event) []byte {
	data, err := json.Marshal(e)
	if err != nil {
		panic("agent: an event that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	return data
}

func (b *outbox) isOnline() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online
}
