package report

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// wire is a Bus that is there or not, and remembers what it was given.
type wire struct {
	mu      sync.Mutex // guards what follows
	away    bool
	reports []time.Time
	events  []protocol.Event
}

func (w *wire) Report(context.Context, []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return agent.ErrOffline
	}
	w.reports = append(w.reports, time.Now())
	return nil
}

func (w *wire) Record(_ context.Context, events [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return agent.ErrOffline
	}
	for _, data := range events {
		var e protocol.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		w.events = append(w.events, e)
	}
	return nil
}

// drawer is a Store of the journal alone.
type drawer struct {
	mu     sync.Mutex // guards what follows
	kept   []byte
	writes int
	err    error
}

func (d *drawer) SaveJournal(_ context.Context, journal []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	if d.err == nil {
		d.kept = journal
	}
	return d.err
}

func (d *drawer) holds() ([]byte, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept, d.writes
}

func (w *wire) be(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
}

// told gives the reports and events so far, and forgets them.
func (w *wire) told() ([]time.Time, []protocol.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reports, events := w.reports, w.events
	w.reports, w.events = nil, nil
	return reports, events
}

func outboxTest(t *testing.T, f func(t *testing.T, b *Outbox, w *wire)) {
	synctest.Test(t, func(t *testing.T) { term(t, &wire{}, &drawer{}, f) })
}

// term is one agent's turn at leading.
func term(t *testing.T, w *wire, d *drawer, f func(t *testing.T, b *Outbox, w *wire)) {
	ctx, cancel := context.WithCancelCause(t.Context())
	b := New(Config{Cluster: "east-1", Bus: w, Keep: d.SaveJournal, End: cancel, Log: slog.New(slog.DiscardHandler)}, time.Now())
	kept, _ := d.holds()
	b.Restore(kept, nil)
	report := func() []byte { return []byte("{}") }
	var wg sync.WaitGroup
	wg.Go(func() { b.Run(ctx, report) })
	f(t, b, w)
	cancel(nil)
	wg.Wait()
	b.Finish(context.WithoutCancel(ctx), report)
}

func TestReportsAreGathered(t *testing.T) {
	t.Parallel()
	outboxTest(t, func(t *testing.T, b *Outbox, w *wire) {
		b.Connected(true)
		time.Sleep(time.Second)
		w.told()
		for range 20 { // quiet after 200 ms
			b.Changed(false)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if reports, _ := w.told(); len(reports) != 1 {
			t.Errorf("%d reports for a burst, want 1", len(reports))
		}
		for range 300 { // never quiet for 3 s
			b.Changed(false)
			time.Sleep(10 * time.Millisecond)
		}
		if reports, _ := w.told(); len(reports) < 5 || len(reports) > 7 {
			t.Errorf("%d reports in 3 s without rest, want about 6", len(reports))
		}
		time.Sleep(time.Second)
		w.told()
		start := time.Now()
		b.Changed(true)
		time.Sleep(time.Second)
		if reports, _ := w.told(); len(reports) != 1 || reports[0].Sub(start) > 10*time.Millisecond {
			t.Errorf("what people wait for was reported at %v, want at once", reports)
		}
		time.Sleep(time.Hour)
		if reports, _ := w.told(); len(reports) != 0 {
			t.Errorf("%d reports at rest, want 0", len(reports))
		}
	})
}

// drifts records n events.
func drifts(b *Outbox, n int) {
	for range n {
		b.Record(protocol.Event{Kind: protocol.EventDrift, Message: "somebody changed data.key; it is as in Git again"})
	}
}

// chained checks that events follow each other without a gap.
func chained(t *testing.T, events []protocol.Event) {
	t.Helper()
	for i := 1; i < len(events); i++ {
		if e, before := events[i], events[i-1]; e.Prev != before.Seq || e.Seq <= before.Seq {
			t.Fatalf("event %d has the number %d and names %d as the one before, which was %d", i, e.Seq, e.Prev, before.Seq)
		}
	}
}

func TestEventsAreKeptWhileAway(t *testing.T) {
	t.Parallel()
	outboxTest(t, func(t *testing.T, b *Outbox, w *wire) {
		drifts(b, maxUnsent+7)
		time.Sleep(time.Minute)
		if _, events := w.told(); len(events) != 0 {
			t.Fatalf("%d events without a session", len(events))
		}
		w.be(true)
		b.Connected(true)
		time.Sleep(time.Minute)
		w.be(false)
		time.Sleep(time.Minute)
		_, events := w.told()
		if len(events) != maxUnsent+1 || !strings.HasPrefix(events[0].Message, "7 events from ") || events[0].Kind != protocol.EventMissing {
			t.Fatalf("%d events, the first %+v", len(events), events[0])
		}
		chained(t, events)
	})
}

// What the hub has yet to be told outlives the agent that knows it, and is told before what happens later.
func TestTheNextLeaderTellsWhatTheLastOneCouldNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, d := &wire{}, &drawer{}
		term(t, w, d, func(_ *testing.T, b *Outbox, _ *wire) {
			drifts(b, maxUnsent+2)
			time.Sleep(time.Second)
		})
		if _, writes := d.holds(); writes != 1 {
			t.Fatalf("%d writes when the agent ended, want 1", writes)
		}
		term(t, w, d, func(_ *testing.T, b *Outbox, _ *wire) { // one that dies without a word
			drifts(b, 2)
			time.Sleep(time.Minute)
			if _, writes := d.holds(); writes != 2 {
				t.Errorf("%d writes, want one more for what happened since", writes)
			}
		})
		term(t, w, d, func(t *testing.T, b *Outbox, w *wire) {
			drifts(b, 1)
			b.Connected(true)
			time.Sleep(time.Minute)
			_, events := w.told()
			if len(events) != maxUnsent+1 || !strings.HasPrefix(events[0].Message, "5 events from ") {
				t.Fatalf("%d events, the first %+v", len(events), events[0])
			}
			chained(t, events)
		})
		if kept, _ := d.holds(); kept != nil {
			t.Errorf("%d bytes are stored after everything was told", len(kept))
		}
	})
}

func TestTheJournalIsStoredOnlyWhileAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, d := &wire{}, &drawer{}
		term(t, w, d, func(t *testing.T, b *Outbox, w *wire) {
			b.Connected(true)
			for range 100 {
				drifts(b, 1)
				time.Sleep(time.Second)
			}
			if _, writes := d.holds(); writes != 0 {
				t.Fatalf("%d writes with a hub that is told, want 0", writes)
			}
			b.Connected(false)
			w.be(true)
			for range 100 {
				drifts(b, 10)
				time.Sleep(time.Second)
			}
			_, busy := d.holds()
			if busy < 10 || busy > 21 {
				t.Errorf("%d writes in 100 s, want one every %s", busy, storeDelay)
			}
			time.Sleep(storeDelay)
			_, busy = d.holds()
			time.Sleep(time.Hour)
			if _, writes := d.holds(); writes != busy {
				t.Errorf("%d writes while nothing happened, want 0", writes-busy)
			}
			w.be(false)
			b.Connected(true)
			time.Sleep(time.Second)
			if kept, writes := d.holds(); kept != nil || writes != busy+1 {
				t.Errorf("%d bytes stored and %d writes after the hub was told, want one that deletes it", len(kept), writes-busy)
			}
		})
		if _, writes := d.holds(); writes == 0 {
			t.Error("nothing was ever stored")
		}
	})
}

func TestAJournalThatCannotBeStoredIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, d := &wire{}, &drawer{err: errors.New("no")}
		term(t, w, d, func(t *testing.T, b *Outbox, w *wire) {
			drifts(b, 3)
			time.Sleep(time.Minute)
			if _, writes := d.holds(); writes < 2 {
				t.Errorf("%d tries in a minute", writes)
			}
			b.Connected(true)
			time.Sleep(time.Minute)
			if _, events := w.told(); len(events) != 3 {
				t.Errorf("%d events, want 3", len(events))
			}
		})
	})
}

func TestWhoLostTheLeadIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &drawer{err: agent.ErrLost}
		ctx, end := context.WithCancelCause(t.Context())
		b := New(Config{Cluster: "east-1", Bus: &wire{}, Keep: d.SaveJournal, End: end, Log: slog.New(slog.DiscardHandler)}, time.Now())
		drifts(b, 1)
		b.Run(ctx, nil)
		if !errors.Is(context.Cause(ctx), agent.ErrLost) {
			t.Errorf("it ended with %v", context.Cause(ctx))
		}
	})
}

func TestADamagedJournalIsSaidToBe(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]string{"no journal": "x", "a foreign event": "{}\n{\"version\":1,\"cluster\":\"west\"}"} {
		b := New(Config{Cluster: "east-1", Keep: (&drawer{}).SaveJournal, Log: slog.New(slog.DiscardHandler)}, time.Now())
		b.Restore([]byte(stored), nil)
		lines, _ := b.journal.batch(10)
		if len(lines) != 1 || !strings.Contains(string(lines[0].data), "cannot be read") {
			t.Errorf("%s: the journal has %d events that do not say so", name, len(lines))
		}
	}
}

func TestTheHubIsToldAgain(t *testing.T) {
	t.Parallel()
	outboxTest(t, func(t *testing.T, b *Outbox, w *wire) {
		ask := func(from, to uint64) []protocol.Event {
			w.told()
			b.Replay(from, to)
			time.Sleep(time.Minute)
			_, events := w.told()
			return events
		}
		b.Connected(true)
		drifts(b, maxSent+100)
		time.Sleep(time.Minute)
		_, all := w.told()
		last := all[len(all)-1].Seq
		if got := ask(last-2, last); len(got) != 3 || got[0].Seq != last-2 || !reflect.DeepEqual(got[2], all[len(all)-1]) {
			t.Errorf("it was asked for three events and told %+v", got)
		}
		got := ask(all[90].Seq, last)
		if len(got) != maxSent+1 || got[0].Kind != protocol.EventMissing || !strings.HasPrefix(got[0].Message, "10 events from ") || got[0].Prev != all[89].Seq {
			t.Fatalf("it was asked for more than is kept and told %d events, the first %+v", len(got), got[0])
		}
		chained(t, got)
		if got := ask(all[5].Seq, all[9].Seq); len(got) != 1 || got[0].Kind != protocol.EventMissing || got[0].Seq != all[9].Seq || got[0].Prev != all[4].Seq {
			t.Errorf("it was asked for what is no longer kept and told %+v", got)
		}
		if got := ask(all[0].Seq-10, all[9].Seq); len(got) != 1 || !strings.HasPrefix(got[0].Message, "events from ") {
			t.Errorf("it was asked for another agent's events and told %+v", got)
		}
		if got := ask(last+1000, last+1000); len(got) != 0 || b.journal.seq != last+1000 {
			t.Errorf("the hub knows of event %d, was told %+v, and the next one is %d", last+1000, got, b.journal.seq+1)
		}
		last += 1000
		w.be(true)
		drifts(b, 1)
		if got := ask(last+1, last+1); len(got) != 0 {
			t.Errorf("what was not sent yet is told again: %+v", got)
		}
	})
}

func TestTheJournalStaysSmall(t *testing.T) {
	t.Parallel()
	j := newJournal("east-1", time.Now())
	for range 2 * maxUnsent {
		j.add(protocol.Event{Message: strings.Repeat("m", 1000)})
		lines, noted := j.batch(1)
		j.arrived(lines, noted)
	}
	for range 2 * maxUnsent {
		j.add(protocol.Event{Message: strings.Repeat("m", 1000)})
	}
	if got := j.sent.size + j.unsent.size; got > 1<<20 || j.unsent.size < maxUnsentBytes/2 || j.sent.size < maxSentBytes/2 {
		t.Errorf("it holds %d bytes", got)
	}
	if got := len(j.stored()); got > 1<<20 {
		t.Errorf("it stores %d bytes", got)
	}
}

// Events that are dropped while they are on their way are not lost if they arrive.
func TestWhatArrivesIsNotCountedAsLost(t *testing.T) {
	t.Parallel()
	j := newJournal("east-1", time.Now())
	for range maxUnsent + 3 {
		j.add(protocol.Event{})
	}
	lines, noted := j.batch(eventBatch)
	for range eventBatch + 5 {
		j.add(protocol.Event{})
	}
	j.arrived(lines, noted)
	if j.lost.Count != 5 || j.lost.Prev != lines[len(lines)-1].seq || j.unsent.all[0].prev != j.lost.Seq {
		t.Errorf("lost %+v, next %+v", j.lost, j.unsent.all[0])
	}
}

func TestReportFits(t *testing.T) {
	t.Parallel()
	r := protocol.Report{Version: 1, Cluster: "east-1"}
	for i := range 600 {
		a := protocol.AppReport{Name: "app", Message: strings.Repeat("m", 100)}
		for range MaxProblems {
			a.Problems = append(a.Problems, protocol.Problem{Message: strings.Repeat("p", 300), Object: protocol.ObjectRef{Name: "n"}})
		}
		a.More = i
		r.Apps = append(r.Apps, a)
	}
	data := Fit(r)
	got, err := protocol.DecodeReport(data, "east-1")
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range got.Apps {
		if len(a.Problems)+a.More != MaxProblems+i {
			t.Fatalf("app %d has %d problems and %d more, want %d in all", i, len(a.Problems), a.More, MaxProblems+i)
		}
	}
}
