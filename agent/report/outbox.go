package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/memory"
	"github.com/drover-dev/drover/internal/shown"
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
	// eventBatch is how many are sent before it is checked that they arrived.
	eventBatch = 200
	// storeDelay is how long events may wait for the hub before they are stored in the cluster, all of them together.
	storeDelay = 5 * time.Second
)

// finalTime is how long the last events and the last report of a term may take together.
const finalTime = 500 * time.Millisecond

// Outbox gathers what the hub is to be told, and tells it when it can be.
type Outbox struct {
	bus  Bus
	keep func(ctx context.Context, journal []byte) error
	end  context.CancelCauseFunc // called when somebody else turns out to lead
	log  *slog.Logger
	poke chan struct{}
	// reported, if not nil, is told of every report that has arrived.
	reported func()
	rest     func()
	shown    *shown.Names

	mu      sync.Mutex // guards what follows
	first   time.Time  // of the changes that no report has told; zero if there are none
	last    time.Time
	urgent  bool
	online  bool
	journal journal
	store   time.Time // when the journal is to be stored, or deleted; zero if what is stored is right
	stored  bool      // there is something stored
	from    uint64    // the events from and to are to be sent again; none, if from is 0
	to      uint64
}

// Config is what an outbox is made of.
type Config struct {
	Cluster  string
	Bus      Bus
	Keep     func(ctx context.Context, journal []byte) error // stores the journal in the cluster, see Store.SaveJournal
	End      context.CancelCauseFunc                         // called when another agent turns out to lead
	Log      *slog.Logger
	Reported func()       // if not nil, told of every report that has arrived
	Rest     func()       // called when nothing has happened for a while; if nil, memory is given back to the machine
	Shown    *shown.Names // knows what declares apps; nil if nobody does
}

// Bus carries reports and events to the hub.
type Bus interface {
	// Report publishes a report.
	Report(ctx context.Context, data []byte) error
	// Record publishes events to the journal. With an error any number of them may have arrived.
	Record(ctx context.Context, events [][]byte) error
}

// New makes an outbox whose journal begins at a time.
func New(c Config, now time.Time) *Outbox {
	rest := c.Rest
	if rest == nil {
		rest = memory.Release
	}
	return &Outbox{bus: c.Bus, keep: c.Keep, end: c.End, log: c.Log, poke: make(chan struct{}, 1),
		journal: newJournal(c.Cluster, now), reported: c.Reported, rest: rest, shown: cmp.Or(c.Shown, shown.New())}
}

// Restore takes up the journal that was stored, before anything is recorded. What cannot be read is said in it.
func (b *Outbox) Restore(data []byte, err error) {
	b.mu.Lock()
	b.stored = len(data) > 0 || err != nil
	if err == nil {
		err = b.journal.restore(data)
	}
	b.mu.Unlock()
	if err != nil {
		b.Record(protocol.Event{Kind: protocol.EventMissing, Message: fmt.Sprintf(
			"what the agent before this one had still to tell is not known, because its Secret cannot be read: %v", err)})
	}
}

func (b *Outbox) wake() {
	select {
	case b.poke <- struct{}{}:
	default:
	}
}

// Changed says that there is something to report.
func (b *Outbox) Changed(urgent bool) {
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

// Record puts an event into the journal.
func (b *Outbox) Record(e protocol.Event) {
	e.Declared = cmp.Or(e.Declared, b.shown.Declared(e.App))
	b.mu.Lock()
	now := time.Now()
	if e.Time.IsZero() {
		e.Time = now
	}
	b.journal.add(e)
	if b.store.IsZero() {
		b.store = now.Add(storeDelay) // it was told by then, as a rule
	}
	b.mu.Unlock()
	b.wake()
	b.write(e)
}

// write logs an event, without what does not concern it.
func (b *Outbox) write(e protocol.Event) {
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

// Replay has the hub told again of the events from and to.
func (b *Outbox) Replay(from, to uint64) {
	b.mu.Lock()
	if b.from == 0 {
		b.from, b.to = max(from, 1), to
	} else {
		b.from, b.to = min(b.from, max(from, 1)), max(b.to, to)
	}
	b.mu.Unlock()
	b.wake()
}

// Connected says whether the hub can be told.
func (b *Outbox) Connected(yes bool) {
	b.mu.Lock()
	b.online = yes
	b.mu.Unlock()
	if yes {
		b.Changed(true) // the hub may have missed anything
	}
}

// Run tells the hub until ctx is done. report gives what is to be reported.
func (b *Outbox) Run(ctx context.Context, report func() []byte) {
	var sent time.Time
	pause := backoff.Backoff{Min: time.Second, Max: 15 * time.Second}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	rested := false
	for ctx.Err() == nil {
		wait, do := b.due(sent)
		switch {
		case do == dutyReport:
			sent = time.Now()
			b.report(ctx, report)
			continue
		case do != dutyNone && b.fulfil(ctx, do):
			pause.Reset()
			continue
		case do != dutyNone:
			wait = min(wait, pause.Next())
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
				b.rest()
			}
		}
	}
}

// duty is what the outbox has to do next.
type duty int

const (
	dutyNone duty = iota
	dutyReport
	dutySend   // events that the hub was not told of
	dutyReplay // events that it asks for again
	dutyStore  // what it was not told of, in the cluster
)

// due says what is to be done now, or how long nothing is.
func (b *Outbox) due(sent time.Time) (wait time.Duration, do duty) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait = time.Hour
	if b.online && !b.first.IsZero() {
		if wait = max(0, time.Until(b.reportAt(sent))); wait == 0 {
			return 0, dutyReport
		}
	}
	if !b.store.IsZero() {
		left := time.Until(b.store)
		if left <= 0 {
			return wait, dutyStore
		}
		wait = min(wait, left)
	}
	switch {
	case b.online && b.journal.waiting():
		return wait, dutySend
	case b.online && b.from > 0:
		return wait, dutyReplay
	}
	return wait, dutyNone
}

// reportAt is when the next report is due. b.mu is held.
func (b *Outbox) reportAt(sent time.Time) time.Time {
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
	return at
}

// fulfil does a duty that is not to report, and says whether it could.
func (b *Outbox) fulfil(ctx context.Context, do duty) bool {
	switch do {
	case dutySend:
		return b.send(ctx)
	case dutyReplay:
		return b.resend(ctx)
	}
	return b.save(ctx)
}

// report publishes a report. If that fails there is something to report, still.
func (b *Outbox) report(ctx context.Context, report func() []byte) {
	b.mu.Lock()
	b.first, b.urgent = time.Time{}, false
	b.mu.Unlock()
	if err := b.bus.Report(ctx, report()); err != nil && ctx.Err() == nil {
		b.log.Warn("a report did not reach the hub; it is sent again by itself", "err", err)
		b.Changed(false)
	} else if err == nil && b.reported != nil {
		b.reported()
	}
}

// send publishes a batch of events, and says whether they arrived. If not they are kept, in the same order.
func (b *Outbox) send(ctx context.Context) bool {
	b.mu.Lock()
	lines, noted := b.journal.batch(eventBatch)
	b.mu.Unlock()
	if b.publish(ctx, lines) != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.arrived(lines, noted)
	if !b.journal.waiting() {
		b.store = time.Time{}
		if b.stored {
			b.store = time.Now()
		}
	}
	return true
}

// resend publishes a batch of the events that the hub asks for again, and says whether they arrived.
func (b *Outbox) resend(ctx context.Context) bool {
	b.mu.Lock()
	from, to := b.from, b.to
	lines := b.journal.again(from, to, eventBatch)
	b.mu.Unlock()
	if b.publish(ctx, lines) != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.from != from || b.to != to: // it asked for more meanwhile
	case len(lines) == 0 || lines[len(lines)-1].seq >= to:
		b.from = 0
	default:
		b.from = lines[len(lines)-1].seq + 1
	}
	return true
}

func (b *Outbox) publish(ctx context.Context, lines []entry) error {
	batch := make([][]byte, len(lines))
	for i, l := range lines {
		batch[i] = l.data
	}
	return b.bus.Record(ctx, batch)
}

// save stores in the cluster what the hub was not told of, or deletes what is stored when it was. It says whether it
// could.
func (b *Outbox) save(ctx context.Context) bool {
	b.mu.Lock()
	data := b.journal.stored()
	b.store = time.Time{}
	b.mu.Unlock()
	err := b.keep(ctx, data)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.stored = data != nil
		return true
	}
	if b.store.IsZero() {
		b.store = time.Now().Add(storeDelay)
	}
	switch {
	case errors.Is(err, agent.ErrLost):
		b.end(err)
	case ctx.Err() == nil:
		b.log.Warn("what the hub has yet to be told cannot be stored in the cluster; keeping it in memory, retrying", "err", err)
	}
	return false
}

// Finish says goodbye: what can be sent is, and what cannot is stored for the agent after this one.
func (b *Outbox) Finish(ctx context.Context, report func() []byte) {
	if b.isOnline() {
		quick, cancel := context.WithTimeout(ctx, finalTime)
		defer cancel()
		for b.waits() && b.send(quick) {
		}
		b.report(quick, report)
	}
	b.mu.Lock()
	stale := !b.store.IsZero()
	b.mu.Unlock()
	if stale {
		b.save(ctx)
	}
}

func (b *Outbox) waits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.journal.waiting()
}

func (b *Outbox) isOnline() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online
}
