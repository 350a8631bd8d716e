package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say how long and how the soak runs.
type Options struct {
	Bin       string        // directory of the programs drover and drover-agent
	For       time.Duration // how long; the last round is finished
	Seed      uint64        // the same seed does the same in the same order
	Clusters  int
	Only      []string      // operations to run, one after the other, instead of random ones
	Skip      []string      // operations and slips that are not drawn
	KeepGoing bool          // report a violation and go on
	Patience  time.Duration // for the fleet to come to rest
	Out       io.Writer     // where it is told
}

// active is the slip that the repository is in.
type active struct {
	slip   Slip
	target Target
}

// snapshot is the repository at a commit.
type snapshot struct {
	world *World
	slip  *active
	hash  string
}

// numbers are told while the soak runs.
type numbers struct{ rounds, commits, deletes, held, wrong int }

// soak is one run.
type soak struct {
	Options
	began   time.Time
	fleet   *fleet
	ledger  *Ledger
	world   *World
	slip    *active // nil if Git is as it should be
	slips   []Slip  // all
	drawn   []Slip  // those that are drawn
	ops     []op
	history []snapshot
	acts    int // commits and faults of this round
	found   []string
	known   map[string]bool // lines of violations that were reported

	// What was seen last, by cluster.
	holds              []Hold
	live, extra        map[string]Refs
	generation, before map[string]uint64
	gaps               map[string]bool // where the journal may have gaps

	mu   sync.Mutex // guards what follows
	n    numbers
	does string
}

// Names lists the operations that Options.Only may name, slips with a complication aside: NAME+COMPLICATION.
func Names() []string {
	var out []string
	for _, o := range append(allOps(), mend(), approval()) {
		out = append(out, o.name)
	}
	for _, s := range slips() {
		out = append(out, s.Name)
	}
	return out
}

// Complications lists what a slip may be combined with.
func Complications() []string {
	var out []string
	for _, c := range complications {
		out = append(out, c.name)
	}
	return out
}

func allOps() []op { return slices.Concat(commits(), faults()) }

// Run runs the soak and reports on o.Out. The error is not nil if a violation was found, or something else went wrong;
// it has been reported. Nothing that was started is left.
func Run(ctx context.Context, o Options) (err error) {
	s := &soak{
		Options: o, began: time.Now(), slips: slips(), ops: allOps(), world: newWorld(o.Clusters),
		live: map[string]Refs{}, extra: map[string]Refs{}, generation: map[string]uint64{}, before: map[string]uint64{},
		gaps: map[string]bool{}, known: map[string]bool{},
	}
	s.say("starting control planes")
	told := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(told)
		s.tell(over)
	}()
	err = s.run(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	close(over)
	<-told
	s.report(err)
	if cleaned := s.fleet.stop(); cleaned != nil {
		fmt.Fprintln(o.Out, "clean up:", cleaned)
		err = errors.Join(err, cleaned)
	}
	if err == nil && len(s.found) > 0 {
		err = errors.New("violations were found")
	}
	return err
}

// tell prints a line every few seconds.
func (s *soak) tell(over chan struct{}) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			s.mu.Lock()
			n, does := s.n, s.does
			s.mu.Unlock()
			fmt.Fprintf(s.Out, "%7s  round %d, %d commits, %d deletes, %d held, %d violations: %s\n",
				time.Since(s.began).Round(time.Second), n.rounds, n.commits, n.deletes, n.held, n.wrong, does)
		}
	}
}

// say remembers what the soak does now.
func (s *soak) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.does = fmt.Sprintf(format, args...)
}

func (s *soak) count(f func(*numbers)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.n)
}

// run does everything but cleaning up.
func (s *soak) run(ctx context.Context) (err error) {
	fmt.Fprintf(s.Out, "soak: seed %d, %d clusters\n", s.Seed, s.Clusters)
	for _, name := range slices.Concat(s.Only, s.Skip) {
		if _, err := s.operation(name); err != nil {
			return err
		}
	}
	skipped := func(name string) bool { return slices.Contains(s.Skip, name) }
	s.ops = slices.DeleteFunc(s.ops, func(o op) bool { return skipped(o.name) })
	s.drawn = slices.DeleteFunc(slips(), func(x Slip) bool { return skipped(x.Name) })
	if s.fleet, err = startFleet(ctx, s.Bin, s.world.Clusters, s.Out); err != nil {
		return err
	}
	if err := s.commit("first commit"); err != nil {
		return err
	}
	if err := s.fleet.startHub(); err != nil {
		return err
	}
	for _, c := range s.fleet.clusters {
		if err := s.fleet.join(ctx, c); err != nil {
			return err
		}
	}
	s.say("waiting for the first commit to be delivered")
	if err := s.settle(ctx); err != nil {
		return fmt.Errorf("the first commit: %w", err)
	}
	if len(s.Only) > 0 {
		return s.scenarios(ctx)
	}
	return s.rounds(ctx)
}

// rounds runs random operations until the time is over, and then brings everything to rest.
func (s *soak) rounds(ctx context.Context) error {
	for n := 1; time.Since(s.began) < s.For; n++ {
		// Its own, so that a round does not depend on the number of draws before.
		r := rand.New(rand.NewPCG(s.Seed, uint64(n)))
		o := s.next(r)
		s.count(func(k *numbers) { k.rounds = n })
		if err := s.try(ctx, o, r); err != nil {
			return err
		}
		if n%8 == 0 {
			if err := s.judged(ctx, "rest", s.quiet(ctx)); err != nil {
				return err
			}
		}
	}
	return s.finish(ctx, rand.New(rand.NewPCG(s.Seed, 0)))
}

// scenarios runs the operations that were named. A slip is taken back after it, unless approve or mend is named next.
func (s *soak) scenarios(ctx context.Context) error {
	for n, name := range s.Only {
		r := rand.New(rand.NewPCG(s.Seed, uint64(n+1)))
		o, err := s.operation(name)
		if err != nil {
			return err
		}
		s.count(func(k *numbers) { k.rounds = n + 1 })
		if err := s.try(ctx, o, r); err != nil {
			return err
		}
		if next := s.Only[min(n+1, len(s.Only)-1)]; s.slip != nil && next != "approve" && next != "mend" {
			if err := s.try(ctx, mend(), r); err != nil {
				return err
			}
		}
	}
	return s.finish(ctx, rand.New(rand.NewPCG(s.Seed, 0)))
}

// finish takes a slip back, approves what is held, and checks that the fleet is at rest.
func (s *soak) finish(ctx context.Context, r *rand.Rand) error {
	if s.slip != nil {
		if err := s.try(ctx, mend(), r); err != nil {
			return err
		}
	}
	if len(s.holds) > 0 {
		if err := s.try(ctx, approval(), r); err != nil {
			return err
		}
	}
	return s.judged(ctx, "rest", s.quiet(ctx))
}

// operation finds an operation by its name.
func (s *soak) operation(name string) (op, error) {
	for _, o := range append(allOps(), mend(), approval()) {
		if o.name == name {
			return o, nil
		}
	}
	slip, with, _ := strings.Cut(name, "+")
	for _, x := range s.slips {
		if x.Name == slip && (with == "" || slices.Contains(Complications(), with)) {
			return slipOp(x, with), nil
		}
	}
	return op{}, fmt.Errorf("there is no operation %q: -list shows them", name)
}

// try runs an operation, brings the fleet to rest and judges.
func (s *soak) try(ctx context.Context, o op, r *rand.Rand) error {
	s.say("%s", o.name)
	s.acts = 0
	err := o.run(ctx, s, r)
	if errors.Is(err, errSkip) {
		err = nil
	}
	if err == nil {
		err = s.settle(ctx)
	}
	return s.judged(ctx, o.name, err)
}

// judged reports a violation, and goes on after it if that is wanted.
func (s *soak) judged(ctx context.Context, name string, err error) error {
	var v *violation
	if !errors.As(err, &v) {
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return err
	}
	s.count(func(n *numbers) { n.wrong++ })
	text := fmt.Sprintf("VIOLATION in %s (commit %s, %s): %s", name, short(s.ledger.now().Hash), s.ledger.now().Op, v)
	for _, line := range v.lines {
		s.known[line] = true
	}
	s.found = append(s.found, text)
	fmt.Fprintln(s.Out, text)
	if !s.KeepGoing {
		return errors.New("stopped at the first violation")
	}
	s.forgive(ctx)
	return nil
}

// forgive takes what the clusters have for what they are to have beyond Git, so that one violation is told once.
func (s *soak) forgive(ctx context.Context) {
	_ = s.fleet.revive(ctx)
	for _, c := range s.fleet.clusters {
		_ = c.audit.read()
		c.audit.take()
		live, err := c.live(ctx)
		if err != nil {
			continue
		}
		wanted := s.ledger.now().Asks[c.name].wanted()
		all, extra := Refs{}, Refs{}
		for r := range live {
			all[r] = true
			if _, ok := wanted[r]; !ok {
				extra[r] = true
			}
		}
		s.ledger.settle(c.name, all, extra)
	}
	clear(s.world.Frozen)
	s.ledger.rest()
}

// report tells how it ended.
func (s *soak) report(err error) {
	n := s.n
	fmt.Fprintf(s.Out, "\nsoak: seed %d, %s, %d rounds, %d commits, %d deletes judged\n", s.Seed,
		time.Since(s.began).Round(time.Second), n.rounds, n.commits, n.deletes)
	for _, text := range s.found {
		fmt.Fprintln(s.Out, text)
	}
	if len(s.found) > 0 || err != nil && s.fleet != nil && s.fleet.hub != nil {
		var all []*program
		all = append(all, s.fleet.hub)
		for _, c := range s.fleet.clusters {
			all = append(all, c.agent)
		}
		for _, p := range all {
			if p != nil && p.process != nil {
				fmt.Fprintf(s.Out, "\nThe log of the %s ends with:\n%s\n", p.name, p.process.Tail(12))
			}
		}
		fmt.Fprintf(s.Out, "\nTo run the same again: -seed %d, or a single operation with -only NAME\n", s.Seed)
	}
	if err != nil {
		fmt.Fprintf(s.Out, "soak: %v\n", err)
	} else if len(s.found) == 0 {
		fmt.Fprintln(s.Out, "soak: no violation")
	}
}
