package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/bench/visitor"
)

// visitors is how many agents come back at once.
const visitors = 5000

// storm is a hub that is killed and started again while all of its agents are connected.
type storm struct {
	*fleet
	n        int
	visitors []*visitor.Visitor

	back    []float64 // seconds, by round: from the cut until the last one was back
	limit   []float64 // the same, for bare connections
	answers []float64 // milliseconds, by round: the slowest answer of the API
	anew    []float64 // by round: bundles that were published again
	wrong   []float64 // by round: how often a cluster was shown as anything but connected or offline, or as degraded
	notes   []string
}

// storm measures how agents come back to a hub that was away for a moment.
func (b *bench) storm(ctx context.Context) ([]Line, error) {
	s := &storm{n: visitors}
	if b.opts.Quick {
		s.n = visitors / 10
	}
	t := newTree()
	t.overlay("apps/shop/overlays/storm", "shop", "v0", 1)
	for i := range s.n {
		t.cluster(s.cluster(i), "apps/shop/overlays/storm")
	}
	var err error
	if s.fleet, err = b.newFleet(ctx, "B12", t, 15*time.Minute); err != nil {
		return nil, err
	}
	defer s.fleet.close()
	if err := s.arrive(ctx); err != nil {
		return nil, err
	}
	for i := range b.rounds(3, 1) {
		if err := s.round(ctx); err != nil {
			return nil, fmt.Errorf("round %d: %w", i+1, err)
		}
		if err := s.bare(ctx); err != nil {
			return nil, fmt.Errorf("round %d, bare connections: %w", i+1, err)
		}
		b.said.now("B12", "round %d: back after %.1f s, bare connections %.1f s; %s", i+1, s.back[i], s.limit[i], s.notes[i])
	}
	return s.lines(), nil
}

func (s *storm) cluster(i int) string { return fmt.Sprintf("visitor-%04d", i) }

// each does something for every agent, some at a time, until the first error.
func (s *storm) each(atOnce int, do func(i int) error) error {
	slots := make(chan struct{}, atOnce)
	errs := make([]error, s.n)
	var wg sync.WaitGroup
	for i := range s.n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(i)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// arrive has every cluster join, and report once.
func (s *storm) arrive(ctx context.Context) error {
	s.visitors = make([]*visitor.Visitor, s.n)
	s.closers = append(s.closers, func() {
		_ = s.each(64, func(i int) error { // closing is no error
			if s.visitors[i] != nil {
				s.visitors[i].Close()
			}
			return nil
		})
	})
	var mu sync.Mutex // guards joined and the progress
	joined := 0
	err := s.each(16, func(i int) error {
		token, err := s.fleet.hub.joinToken(ctx, s.cluster(i))
		if err != nil {
			return err
		}
		data, err := json.Marshal(token)
		if err != nil {
			return err
		}
		file := filepath.Join(s.dir, s.cluster(i)+".join")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
		if s.visitors[i], err = visitor.Visit(ctx, s.cluster(i), file); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		joined++
		s.bench.said.then(s.name, "%d of %d agents joined", joined, s.n)
		return nil
	})
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, 5*patience)
	defer cancel()
	if err := s.each(s.n, func(i int) error { return s.visitors[i].Settled(waiting) }); err != nil {
		return err
	}
	return s.fleet.hub.until(ctx, "hear of all agents", 5*patience, func() (bool, error) {
		seen, err := s.look(ctx)
		s.bench.said.then(s.name, "%d of %d agents are shown connected, %d as they should be", seen.connected, s.n, seen.good)
		return err == nil && seen.good == s.n && seen.connected == s.n, err
	})
}

// seen is what the API says of the fleet.
type seen struct {
	connected, good int
	wrong           []string
}

func (s *storm) look(ctx context.Context) (seen, error) {
	var fleet struct{ Clusters []row }
	var out seen
	if err := s.fleet.hub.ask(ctx, http.MethodGet, "/api/v1/clusters", &fleet); err != nil {
		return out, err
	}
	for _, r := range fleet.Clusters {
		if r.State == "connected" {
			out.connected++
		}
		switch {
		case r.State != "connected" && r.State != "offline", r.Health == string(protocol.HealthDegraded):
			out.wrong = append(out.wrong, r.State+" "+r.Health+" "+r.Message)
		case r.Synced && r.Health == string(protocol.HealthCurrent):
			out.good++
		}
	}
	return out, nil
}

// round cuts all connections by killing the hub, and waits until all are back and the hub says so.
func (s *storm) round(ctx context.Context) error {
	before := 0
	for _, v := range s.visitors {
		before += v.Bundles()
	}
	cut := time.Now()
	if err := s.fleet.hub.again(); err != nil {
		return err
	}
	watching, stop := context.WithTimeout(ctx, 2*patience)
	defer stop()
	watched := make(chan watch, 1)
	go func() { watched <- s.watch(watching, cut) }()
	took := make([]time.Duration, s.n)
	var mu sync.Mutex // guards back and the progress
	back := 0
	err := s.each(s.n, func(i int) error {
		at, err := s.visitors[i].Back(watching, cut)
		took[i] = at.Sub(cut)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			back++
		}
		s.bench.said.then(s.name, "%d of %d agents are back after %.1f s", back, s.n, time.Since(cut).Seconds())
		return err
	})
	w := <-watched
	if err := errors.Join(err, w.err); err != nil {
		return err
	}
	anew := -before
	for _, v := range s.visitors {
		anew += v.Bundles()
	}
	cpu, err := s.fleet.hub.cpu()
	if err != nil {
		return err
	}
	memory, _, err := s.fleet.hub.memory()
	slices.Sort(took)
	at := func(part float64) float64 { return took[int(part*float64(s.n-1))].Seconds() }
	s.back = append(s.back, at(1))
	s.answers = append(s.answers, float64(w.slowest.Milliseconds()))
	s.anew = append(s.anew, float64(anew))
	s.wrong = append(s.wrong, float64(len(w.wrong)))
	if len(w.wrong) > 0 {
		s.notes = append(s.notes, fmt.Sprintf("shown wrongly %d times, first: %s", len(w.wrong), w.wrong[0]))
	}
	s.notes = append(s.notes, fmt.Sprintf("the first is back %.1f s after the cut, half of them after %.1f s, 90%% after %.1f s; the API answers after %.1f s and shows all "+
		"connected after %.1f s; %d answers, the slowest %d ms; the hub took %.1f s of the processor and holds %.0f MiB",
		at(0), at(0.5), at(0.9), w.first.Seconds(), w.all.Seconds(), w.answers, w.slowest.Milliseconds(), cpu.Seconds(), memory))
	return err
}

// watch is what somebody saw who looked at the fleet again and again.
type watch struct {
	first, all time.Duration // since the cut: the first answer, and the first that showed all connected
	slowest    time.Duration
	answers    int
	wrong      []string // what clusters were shown as that they never were
	err        error
}

// watch looks at the whole fleet ten times a second, until all are shown connected.
func (s *storm) watch(ctx context.Context, cut time.Time) (w watch) {
	for {
		begin := time.Now()
		seen, err := s.look(ctx)
		switch {
		case ctx.Err() != nil:
			w.err = fmt.Errorf("the hub shows %d of %d agents connected", seen.connected, s.n)
			return w
		case err == nil:
			if w.answers++; w.answers == 1 {
				w.first = time.Since(cut)
			}
			w.slowest = max(w.slowest, time.Since(begin))
			w.wrong = append(w.wrong, seen.wrong...)
			if seen.connected == s.n {
				w.all = time.Since(cut)
				return w
			}
		case w.answers > 0:
			w.err = err // it was there, and is gone
			return w
		}
		if w.err = pause(ctx, 100*time.Millisecond); w.err != nil {
			return w
		}
	}
}

// bare opens as many connections, all at once, and again at once those that fail: what coming back costs at the least.
func (s *storm) bare(ctx context.Context) error {
	conns := make([]*nats.Conn, s.n)
	begin := time.Now()
	err := s.each(s.n, func(i int) error {
		cred := s.visitors[i].Credential()
		for ctx.Err() == nil {
			if c, err := connect(cred.Trust, cred.Cluster, cred.JWT, cred.Seed, nats.Timeout(patience)); err == nil {
				conns[i] = c
				return nil
			}
		}
		return context.Cause(ctx)
	})
	s.limit = append(s.limit, time.Since(begin).Seconds())
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
	return err
}

func (s *storm) lines() []Line {
	name := fmt.Sprintf("B12-%d ", s.n)
	return []Line{
		Line{Name: name + "back", What: fmt.Sprintf("the hub is killed and started again: from the cut until the last of %d agents is connected; limit: as many bare connections, opened at once", s.n),
			Unit: "s", Aim: Aim{Most: 15}, Ours: seriesOf(s.back...), Limit: seriesOf(s.limit...), Notes: s.notes}.judge(),
		Line{Name: name + "answers", What: "the slowest answer of the API meanwhile, asked for the whole fleet", Unit: "ms",
			Aim: Aim{P99: true, Most: 1000}, Ours: seriesOf(s.answers...)}.judge(),
		Line{Name: name + "needless", What: "bundles that were published again", Aim: Aim{P99: true}, Ours: seriesOf(s.anew...)}.judge(),
		Line{Name: name + "wrong", What: "how often a cluster was shown as degraded, or as anything but connected or offline",
			Aim: Aim{P99: true}, Ours: seriesOf(s.wrong...)}.judge(),
	}
}
