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
		w.told()
		for range 20 { // quiet after 200 ms
			b.changed(false)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if reports, _ := w.told(); len(reports) != 1 {
			t.Errorf("%d reports for a burst, want 1", len(reports))
		}
		for range 300 { // never quiet for 3 s
			b.changed(false)
			time.Sleep(10 * time.Millisecond)
		}
		if reports, _ := w.told(); len(reports) < 5 || len(reports) > 7 {
			t.Errorf("%d reports in 3 s without rest, want about 6", len(reports))
		}
		time.Sleep(time.Second)
		w.told()
		start := time.Now()
		b.changed(true)
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

func TestEventsAreKeptWhileAway(t *testing.T) {
	outboxTest(t, func(t *testing.T, b *outbox, w *wire) {
		for range maxEvents + 7 {
			b.record(protocol.Event{Kind: protocol.EventDrift})
		}
		time.Sleep(time.Minute)
		if _, events := w.told(); len(events) != 0 {
			t.Fatalf("%d events without a session", len(events))
		}
		w.be(true)
		b.connected(true)
		time.Sleep(time.Minute)
		w.be(false)
		time.Sleep(time.Minute)
		_, events := w.told()
		if len(events) != maxEvents+1 || !strings.HasPrefix(events[0].Message, "7 events") {
			t.Fatalf("%d events, the first %+v", len(events), events[0])
		}
		for i, e := range events[1:] {
			if e.Seq <= events[i].Seq {
				t.Errorf("event %d has the number %d after %d", i, e.Seq, events[i].Seq)
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
