package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// wire is a Bus that is there or not, and remembers what it was given.
type wire struct {
	Bus

	mu      sync.Mutex // guards what follows
	away    bool
	reports []time.Time
	events  []protocol.Event
}

func (w *wire) Report(context.Context, []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return ErrOffline
	}
	w.reports = append(w.reports, time.Now())
	return nil
}

func (w *wire) Record(_ context.Context, events [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return ErrOffline
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

func outboxTest(t *testing.T, f func(t *testing.T, b *outbox, w *wire)) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		b := newOutbox(w, "east-1", slog.New(slog.DiscardHandler), time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { b.run(ctx, func() []byte { return []byte("{}") }) })
		f(t, b, w)
		cancel()
		wg.Wait()
	})
}

func TestReportsAreGathered(t *testing.T) {
	outboxTest(t, func(t *testing.T, b *outbox, w *wire) {
		b.connected(true)
		time.Sleep(time.Second)
		w.reports = nil
		for range 20 { // quiet after 200 ms
			b.changed(false)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if len(w.reports) != 1 {
			t.Errorf("%d reports for a burst, want 1", len(w.reports))
		}
		w.reports = nil
		for range 300 { // never quiet for 3 s
			b.changed(false)
			time.Sleep(10 * time.Millisecond)
		}
		if n := len(w.reports); n < 5 || n > 7 {
			t.Errorf("%d reports in 3 s without rest, want about 6", n)
		}
		time.Sleep(time.Second)
		w.reports = nil
		start := time.Now()
		b.changed(true)
		time.Sleep(time.Second)
		if len(w.reports) != 1 || w.reports[0].Sub(start) > 10*time.Millisecond {
			t.Errorf("what people wait for was reported after %v, want at once", w.reports)
		}
		w.reports = nil
		time.Sleep(time.Hour)
		if len(w.reports) != 0 {
			t.Errorf("%d reports at rest, want 0", len(w.reports))
		}
	})
}

func TestEventsAreKeptWhileAway(t *testing.T) {
	outboxTest(t, func(t *testing.T, b *outbox, w *wire) {
		for range maxEvents + 7 {
			b.record(protocol.Event{Kind: protocol.EventDrift})
		}
		time.Sleep(time.Minute)
		if len(w.events) != 0 {
			t.Fatalf("%d events without a session", len(w.events))
		}
		w.away = true
		b.connected(true)
		time.Sleep(time.Minute)
		w.mu.Lock()
		w.away = false
		w.mu.Unlock()
		time.Sleep(time.Minute)
		if len(w.events) != maxEvents+1 || !strings.HasPrefix(w.events[0].Message, "7 events") {
			t.Fatalf("%d events, the first %+v", len(w.events), w.events[0])
		}
		for i, e := range w.events[1:] {
			if e.Seq <= w.events[i].Seq {
				t.Errorf("event %d has the number %d after %d", i, e.Seq, w.events[i].Seq)
			}
		}
	})
}

func TestReportFits(t *testing.T) {
	r := protocol.Report{Version: 1, Cluster: "east-1"}
	for i := range 600 {
		a := protocol.AppReport{Name: "app", Message: strings.Repeat("m", 100)}
		for range maxProblems {
			a.Problems = append(a.Problems, protocol.Problem{Message: strings.Repeat("p", 300), Object: protocol.ObjectRef{Name: "n"}})
		}
		a.More = i
		r.Apps = append(r.Apps, a)
	}
	data := fit(r)
	got, err := protocol.DecodeReport(data, "east-1")
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range got.Apps {
		if len(a.Problems)+a.More != maxProblems+i {
			t.Fatalf("app %d has %d problems and %d more, want %d in all", i, len(a.Problems), a.More, maxProblems+i)
		}
	}
}

func TestAcceptance(t *testing.T) {
	b := protocol.Bundle{Version: 1, Cluster: "c", Generation: 5}
	same := accepted{known: true, floor: 5, digest: b.Digest()}
	other := accepted{known: true, floor: 5, digest: "another"}
	for _, c := range []struct {
		name string
		a    accepted
		want error
		ok   bool
	}{
		{"first", accepted{}, nil, true},
		{"newer", accepted{known: true, floor: 4}, nil, true},
		{"same", same, errKnown, false},
		{"older", accepted{known: true, floor: 6}, protocol.ErrSuperseded, false},
		{"older than an app's state, the bundle unknown", accepted{floor: 6}, protocol.ErrSuperseded, false},
		{"as old as an app's state, the bundle unknown", accepted{floor: 5}, nil, true},
		{"another of the same generation", other, nil, false},
	} {
		err := c.a.check(b)
		if (err == nil) != c.ok || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
