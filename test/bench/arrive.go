package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/simulation"
)

// newcomers is how many agents join one fleet.
const newcomers = 1000

// arrivals has a new fleet's agents join, again and again, and counts those that are left without their bundle. A bundle
// that is published while an agent connects can be missed, so this is about rare events: more rounds tell more.
func (b *bench) arrivals(ctx context.Context) ([]Line, error) {
	n := newcomers
	if b.opts.Quick {
		n = newcomers / 10
	}
	name := fmt.Sprintf("B13-%d ", n)
	var took, left []float64
	var notes []string
	for i := range b.rounds(5, 1) {
		begin := time.Now()
		behind, err := b.arrival(ctx, n)
		if err != nil && behind == 0 {
			return nil, fmt.Errorf("round %d: %w", i+1, err)
		}
		if err != nil {
			notes = append(notes, fmt.Sprintf("round %d: %v", i+1, err))
		}
		took, left = append(took, time.Since(begin).Seconds()), append(left, float64(behind))
		b.said.now("B13", "round %d: %d agents joined in %.1f s, %d left behind", i+1, n, took[i], behind)
	}
	return []Line{
		Line{Name: name + "join", What: fmt.Sprintf("%d agents join a new hub, until all have their bundle and the hub knows it", n),
			Unit: "s",
			Aim:  Aim{Most: 120}, Ours: seriesOf(took...), Notes: notes}.judge(),
		Line{Name: name + "left", What: "agents that were left without their bundle", Aim: Aim{P99: true},
			Ours: seriesOf(left...)}.judge(),
	}, nil
}

// arrival has n agents join a hub of their own, and says how many of them are left behind.
func (b *bench) arrival(ctx context.Context, n int) (left int, err error) {
	s := &storm{n: n}
	t := newTree()
	t.overlay("apps/shop/overlays/storm", "shop", "v0", 1)
	for i := range n {
		t.cluster(s.cluster(i), "apps/shop/overlays/storm")
	}
	if s.fleet, err = b.newFleet(ctx, "B13", t, 15*time.Minute); err != nil {
		return 0, err
	}
	defer s.fleet.close()
	if err = s.arrive(ctx); err == nil || ctx.Err() != nil {
		return 0, err
	}
	if seen, failed := s.look(ctx); failed == nil {
		left = n - seen.good
	}
	return left, err
}

// receivers is how many clusters a commit to a base is for.
const receivers = 10_000

// travel is a fleet of simulated clusters that share an overlay, and so its base.
type travel struct {
	*fleet
	n      int
	config string // the file of the base that is changed, as it was
	agents *simulation.Agents
	bare   *simulation.Bare

	delivered, known, limit []float64 // seconds, by round
	bytes                   int       // of one bundle
	notes                   []string
}

// baseConfig is the file of the base that commits change.
const baseConfig = "apps/shop/base/config.yaml"

// travel measures how long a commit to a base takes until all clusters have it, and until the hub knows that they do.
func (b *bench) travel(ctx context.Context) ([]Line, error) {
	w := &travel{n: receivers}
	if b.opts.Quick {
		w.n = receivers / 50
	}
	t := newTree()
	w.config = t[baseConfig]
	t.overlay("apps/shop/overlays/travel", "shop", "v0", 1)
	for i := range w.n {
		t.cluster(fmt.Sprintf("receiver-%05d", i), "apps/shop/overlays/travel")
	}
	var err error
	if w.fleet, err = b.newFleet(ctx, "B5", t, 15*time.Minute); err != nil {
		return nil, err
	}
	defer w.fleet.close()
	if err := w.join(ctx); err != nil {
		return nil, err
	}
	if w.bare, err = simulation.StartBare(ctx, w.n); err != nil {
		return nil, err
	}
	w.closers = append(w.closers, w.bare.Close)
	for i := range b.rounds(7, 1) {
		if err := w.round(ctx, fmt.Sprintf("level-%d", i+1)); err != nil {
			return nil, fmt.Errorf("round %d: %w", i+1, err)
		}
		b.said.now("B5", "round %d: all have it after %.2f s, the hub knows after %.2f s; bare: %.2f s", i+1, w.delivered[i],
			w.known[i], w.limit[i])
	}
	return w.lines(), nil
}

// join starts the simulated agents, and waits until all have settled.
func (w *travel) join(ctx context.Context) (err error) {
	begin := time.Now()
	w.agents, err = simulation.Start(simulation.Options{Bin: w.fleet.bench.opts.Bin, DataDir: w.fleet.hub.dataDir,
		Dir: w.dir, Processes: 2, Look: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, w.agents.Close)
	waiting, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	err = w.agents.Await(waiting, "join", func(seen map[string]simulation.Seen) bool {
		n := 0
		for _, s := range seen {
			if s.Settled > 0 {
				n++
			}
		}
		w.fleet.bench.said.then(w.name, "%d of %d agents have joined and settled", n, w.n)
		return n == w.n
	})
	if err != nil {
		return err
	}
	memory, _, err := w.fleet.hub.memory()
	w.notes = append(w.notes, fmt.Sprintf("%d agents joined and settled within %.0f s; the hub holds %.0f MiB then", w.n,
		time.Since(begin).Seconds(), memory))
	if err != nil {
		return err
	}
	return w.hears(ctx)
}

// hears waits until the hub knows that all clusters have what was published for them, and are healthy.
func (w *travel) hears(ctx context.Context) error {
	want := []string{fmt.Sprintf("drover_clusters_health{health=\"current\"} %d\n", w.n), "drover_clusters_unsynced 0\n"}
	return w.fleet.hub.until(ctx, "hear of all clusters", 5*patience, func() (bool, error) {
		text, err := w.fleet.hub.metrics(ctx)
		return err == nil && strings.Contains(text, want[0]) && strings.Contains(text, want[1]), err
	})
}

// metrics asks what Prometheus would.
func (h *hub) metrics(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/metrics", http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("/metrics: %s: %s", resp.Status, text)
	}
	return string(text), err
}

// round commits a change of the base, and measures; then it has as many bare connections get as many bytes.
func (w *travel) round(ctx context.Context, level string) error {
	text := strings.Replace(w.config, "LOG_LEVEL: info", "LOG_LEVEL: "+level, 1)
	commit, err := w.repo.prepare(level, tree{baseConfig: text})
	if err != nil {
		return err
	}
	before := w.agents.Seen()
	begin := time.Now()
	if err := w.repo.move(commit); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, 5*patience)
	defer cancel()
	var last time.Time
	err = w.agents.Await(waiting, "get "+level, func(seen map[string]simulation.Seen) bool {
		last = begin
		for name, s := range seen {
			if s.Generation == before[name].Generation {
				return false
			}
			if s.Accepted.After(last) {
				last, w.bytes = s.Accepted, s.Bytes
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	if err := w.hears(ctx); err != nil {
		return err
	}
	w.known = append(w.known, time.Since(begin).Seconds())
	w.delivered = append(w.delivered, last.Sub(begin).Seconds())
	took, err := w.bare.Deliver(ctx, w.bytes)
	w.limit = append(w.limit, took.Seconds())
	return err
}

func (w *travel) lines() []Line {
	name := fmt.Sprintf("B5-%d ", w.n)
	notes := append(w.notes, fmt.Sprintf("a bundle has %d bytes; the simulated agents share the machine with the hub",
		w.bytes))
	limit := "; limit: as many bare connections without TLS get as many bytes by plain NATS"
	return []Line{
		Line{Name: name + "delivered", Unit: "s", Aim: Aim{Most: 3}, Ours: seriesOf(w.delivered...),
			What: fmt.Sprintf("a commit to the base of one overlay: until all of %d simulated agents have verified their "+
				"bundle", w.n) + limit, Limit: seriesOf(w.limit...), Notes: notes}.judge(),
		Line{Name: name + "known", Unit: "s", Aim: Aim{Most: 3}, Ours: seriesOf(w.known...), Limit: seriesOf(w.limit...),
			What: "the same, until they have fetched and applied what it names, and the hub knows"}.judge(),
	}
}
