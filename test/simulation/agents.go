package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent/simulate"
	"github.com/drover-dev/drover/test/testenv"
)

// Options say which agents to simulate.
type Options struct {
	Bin       string // directory of the program drover-simulate
	DataDir   string // of the hub
	Dir       string // for what the processes write; it exists
	Processes int
	Delay     time.Duration // until an app is healthy
	Look      time.Duration // how often what the agents saw is read; 20 ms, if zero
}

// Seen is what the agent of a cluster saw last.
type Seen struct {
	Online     bool
	Generation uint64            // accepted
	Accepted   time.Time         // and when
	Bytes      int               // of it, sealed
	Apps       map[string]string // of it: their digests
	Settled    uint64            // the generation of which it told last that nothing is on its way
	Bad        string            // and the apps that were not healthy then
}

// Agents are simulated agents, and what they saw. They are safe for concurrent use.
type Agents struct {
	parts []*part
	stop  chan struct{}
	wg    sync.WaitGroup

	mu    sync.Mutex // guards what follows
	seen  map[string]Seen
	notes []simulate.Note
	moved chan struct{} // closed when more was read
}

// part is one process.
type part struct {
	process *testenv.Process
	orders  *os.File // its input
	notes   *os.File // what its agents saw
	begun   []byte   // a line that is not whole yet
	done    int      // orders that are in force; guarded by Agents.mu
}

// Start starts the processes. Their agents join after that.
func Start(o Options) (*Agents, error) {
	a := &Agents{stop: make(chan struct{}), seen: map[string]Seen{}, moved: make(chan struct{})}
	if o.Look == 0 {
		o.Look = 20 * time.Millisecond
	}
	for i := range o.Processes {
		p, err := startPart(o, i+1)
		if err != nil {
			a.Close()
			return nil, err
		}
		a.parts = append(a.parts, p)
		a.wg.Go(func() { a.follow(p, o.Look) })
	}
	return a, nil
}

func startPart(o Options, n int) (*part, error) {
	name := fmt.Sprintf("drover-simulate-%d", n)
	file := filepath.Join(o.Dir, name+".jsonl")
	notes, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	in, orders, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, notes.Close())
	}
	defer func() { _ = in.Close() }() // the process has its own
	p := &part{orders: orders, notes: notes}
	p.process, err = testenv.StartProcessReading(in, name, filepath.Join(o.Dir, name+".log"), nil,
		filepath.Join(o.Bin, "drover-simulate"), "--data-dir", o.DataDir, "--notes", file, "--delay", o.Delay.String(),
		"--at-once", "32", fmt.Sprintf("--shard=%d/%d", n, o.Processes))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: build it with `make build`", err), notes.Close(), orders.Close())
	}
	return p, nil
}

// Close ends the processes.
func (a *Agents) Close() {
	var wg sync.WaitGroup
	for _, p := range a.parts {
		wg.Go(func() { p.process.Stop(20 * time.Second) })
	}
	wg.Wait()
	close(a.stop)
	a.wg.Wait()
	for _, p := range a.parts {
		_, _ = p.orders.Close(), p.notes.Close() // nothing is written any more
	}
}

// follow reads what the agents of a process see.
func (a *Agents) follow(p *part, gap time.Duration) {
	tick := time.NewTicker(gap)
	defer tick.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-tick.C:
			a.read(p)
		}
	}
}

// read takes in what was written since the last time.
func (a *Agents) read(p *part) {
	data, err := io.ReadAll(p.notes)
	if err != nil || len(data) == 0 {
		return // it is read the next time
	}
	lines := bytes.SplitAfter(append(p.begun, data...), []byte("\n"))
	p.begun = slices.Clone(lines[len(lines)-1])
	notes := make([]simulate.Note, 0, len(lines)-1)
	for _, line := range lines[:len(lines)-1] {
		var n simulate.Note
		if err := json.Unmarshal(line, &n); err == nil {
			notes = append(notes, n)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range notes {
		a.take(p, n)
	}
	close(a.moved)
	a.moved = make(chan struct{})
}

// take takes a note in. a.mu is held.
func (a *Agents) take(p *part, n simulate.Note) {
	a.notes = append(a.notes, n)
	if n.Kind == simulate.NoteOrder {
		p.done++
		return
	}
	s := a.seen[n.Cluster]
	switch n.Kind {
	case simulate.NoteOnline, simulate.NoteOffline:
		s.Online = n.Kind == simulate.NoteOnline
	case simulate.NoteAccepted:
		s.Generation, s.Accepted, s.Bytes, s.Apps = n.Generation, n.Time, n.Bytes, n.Apps
	case simulate.NoteSettled:
		s.Settled, s.Bad = n.Generation, n.Bad
	}
	a.seen[n.Cluster] = s
}

// Order has all processes follow an order, and returns when they do.
func (a *Agents) Order(ctx context.Context, order string) error {
	a.mu.Lock()
	var want []int
	for _, p := range a.parts {
		want = append(want, p.done+1)
	}
	a.mu.Unlock()
	for _, p := range a.parts {
		if _, err := fmt.Fprintln(p.orders, order); err != nil {
			return fmt.Errorf("give simulated agents the order %.80q: %w", order, err)
		}
	}
	return a.await(ctx, "follow the order "+order[:min(80, len(order))], func() bool {
		for i, p := range a.parts {
			if p.done < want[i] {
				return false
			}
		}
		return true
	})
}

// Await waits until what the agents saw is so. The condition gets what each cluster saw, and must not keep it.
func (a *Agents) Await(ctx context.Context, what string, is func(seen map[string]Seen) bool) error {
	return a.await(ctx, what, func() bool { return is(a.seen) })
}

// await waits until cond, which is called with a.mu held, holds.
func (a *Agents) await(ctx context.Context, what string, cond func() bool) error {
	for {
		a.mu.Lock()
		ok, moved := cond(), a.moved
		a.mu.Unlock()
		if ok {
			return nil
		}
		if err := a.ended(); err != nil {
			return err
		}
		select {
		case <-moved:
		case <-time.After(time.Second): // to see whether a process ended
		case <-ctx.Done():
			return fmt.Errorf("the simulated agents did not %s in time: %w", what, context.Cause(ctx))
		}
	}
}

// ended is an error if a process has ended.
func (a *Agents) ended() error {
	for _, p := range a.parts {
		select {
		case <-p.process.Done():
			return fmt.Errorf("%s ended by itself; its log ends with:\n%s", p.process.Name, p.process.Tail(12))
		default:
		}
	}
	return nil
}

// Seen is what the agents saw last, by cluster.
func (a *Agents) Seen() map[string]Seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make(map[string]Seen, len(a.seen))
	for name, s := range a.seen {
		out[name] = s
	}
	return out
}

// Notes are all that the agents noted since a time, in order.
func (a *Agents) Notes(since time.Time) []simulate.Note {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []simulate.Note
	for _, n := range a.notes {
		if n.Time.After(since) {
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(x, y simulate.Note) int { return x.Time.Compare(y.Time) })
	return out
}

// Processes are those that simulate.
func (a *Agents) Processes() (out []*testenv.Process) {
	for _, p := range a.parts {
		out = append(out, p.process)
	}
	return out
}
