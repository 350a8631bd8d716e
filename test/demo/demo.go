package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/test/demo/meter"
	"github.com/drover-dev/drover/test/demo/screen"
	"github.com/drover-dev/drover/test/testenv"
)

// Options say how the story is told.
type Options struct {
	Bin        string    // directory of the programs drover and drover-agent
	Prometheus string    // the program of that name, or its path; where it is missing, the story does without
	Once       bool      // end after the last act, instead of staying up for the reader
	Out        io.Writer // where it is told
}

// story is a demo as it runs.
type story struct {
	Options
	screen *screen.Screen
	begun  time.Time
	work   *testenv.TempDir
	repo   *repository
	hub    *hub
	meter  *meter.Meter
	abort  context.CancelCauseFunc // ends the story when a program of it ends by itself
	shown  figures

	prometheus *process // nil without one, and before its act

	// What the repository asks for at this point of the story.
	head     string // revision
	image    string // of the payment service
	replicas int    // of it, in production

	mu       sync.Mutex // guards what follows
	clusters []*cluster
	staying  bool
}

// act is one part of the story.
type act struct {
	title string
	play  func(context.Context) error
}

func (s *story) acts() []act {
	return []act{
		{"Three clusters converge on one repository", s.converge},
		{"A commit to the shared base: all clusters follow", s.changeBase},
		{"A commit to one overlay: only its clusters follow", s.changeOverlay},
		{"Live edits are healed, and the journal says whose they were", s.heal},
		{"An object removed from Git is pruned", s.prune},
		{"A fourth cluster is registered by adding a folder", s.register},
		{"A migration runs before each release, and one that fails keeps the old version", s.migrate},
		{"A broken kustomization stops only its own app", s.breakOne},
		{"git revert brings it back", s.takeBack},
		{"What the API servers refuse is named, and git revert ends it", s.refuse},
		{"A bad version is stopped in the first wave and taken back, and the right one passes", trial{waves{s}}.play},
		{"A version that looks healthy is stopped in the first wave by a metric", gated{waves{s}}.play},
		{"A commit that would delete too much is held, and approved", mass{s}.play},
		{"The hub is killed: clusters go on healing, and catch up", s.killHub},
	}
}

// Run tells the story on o.Out, and ends when it is told or, without o.Once, when ctx ends after that. The error is not nil
// if an act could not be verified, or ctx ended before; it has been told, too. Nothing that was started is left.
func Run(ctx context.Context, o Options) (err error) {
	s := &story{Options: o, screen: screen.New(o.Out), begun: time.Now(), image: "payment-service:1.4.0", replicas: 3}
	inner, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	s.abort = abort
	err = s.tell(inner)
	if err == nil && !o.Once {
		s.stay(ctx)
	}
	if cleaned := s.clean(); cleaned != nil {
		s.screen.Wrong("clean up: " + cleaned.Error())
		err = errors.Join(err, cleaned)
	}
	return err
}

// tell plays the acts until one fails.
func (s *story) tell(ctx context.Context) error {
	s.screen.Line(s.screen.Bold("Drover: one commit reaches real clusters"))
	s.screen.Note("Every cluster below is a real control plane (kube-apiserver, etcd, controllers); only the machines " +
		"that would run its pods are played. What is ticked was seen at the API servers. Times of commits include git's own.")
	if err := s.prepare(ctx); err != nil {
		s.fail(ctx, "Getting ready", err)
		return err
	}
	acts := s.acts()
	for i, a := range acts {
		number := fmt.Sprintf("[%d/%d]", i+1, len(acts))
		s.screen.Heading(number + " " + a.title)
		if err := a.play(ctx); err != nil {
			s.fail(ctx, fmt.Sprintf("Act %s, %s,", number, a.title), err)
			return err
		}
	}
	if err := s.conclude(ctx); err != nil {
		s.fail(ctx, "The end", err)
		return err
	}
	return nil
}

// prepare makes a temporary directory and builds what is missing.
func (s *story) prepare(ctx context.Context) (err error) {
	for _, name := range []string{"drover", "drover-agent"} {
		if _, err := os.Stat(filepath.Join(s.Bin, name)); err != nil {
			return fmt.Errorf("%w: build it with `make build`, or start the demo with `make demo`", err)
		}
	}
	if s.work, err = testenv.NewTempDir("demo"); err != nil {
		return err
	}
	if s.meter, err = meter.Open(s.Prometheus); err != nil {
		return err
	}
	began := time.Now()
	if _, err := testenv.Binaries(ctx, s.screen, "etcd", "kube-apiserver", "kube-controller-manager"); err != nil {
		return err
	}
	if took := time.Since(began); took > time.Second {
		s.screen.Saw(took, "etcd, kube-apiserver and kube-controller-manager are built; the next demo finds them")
	}
	return nil
}

// ended hears of a program that ended by itself.
func (s *story) ended(p *process) {
	s.mu.Lock()
	staying := s.staying
	s.mu.Unlock()
	if !staying {
		s.abort(&programEnded{p})
		return
	}
	s.screen.Wrong(fmt.Sprintf("the %s ended (%s); to start it again:", p.Name, p.ending()))
	s.plain(strings.Join(p.args, " "))
}

// programEnded is why a story ends that a program has left.
type programEnded struct{ p *process }

// Error says which program ended, and how.
func (e *programEnded) Error() string {
	return fmt.Sprintf("the %s ended by itself (%s)", e.p.Name, e.p.ending())
}

// add takes a cluster in, so that it is cleaned up whatever comes.
func (s *story) add(c *cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clusters = append(s.clusters, c)
}

// fail tells where the story ended and why, with the end of the programs' logs.
func (s *story) fail(ctx context.Context, where string, err error) {
	s.screen.Line("")
	programs := s.programs()
	if ctx.Err() != nil {
		err = context.Cause(ctx) // whatever else was said follows from it
		var left *programEnded
		if !errors.As(err, &left) {
			s.screen.Wrong(fmt.Sprintf("%s was ended after %s: %s.", where, screen.Duration(time.Since(s.begun)), err))
			return
		}
		programs = []*process{left.p}
	}
	s.screen.Wrong(fmt.Sprintf("%s failed after %s.\n%s", where, screen.Duration(time.Since(s.begun)), err))
	for _, p := range programs {
		s.screen.Line("")
		s.screen.Note("The log of the %s ends with:", p.Name)
		s.screen.Line(p.Tail(12))
	}
}

// programs are those of the product that were started.
func (s *story) programs() (all []*process) {
	if s.hub != nil {
		all = append(all, s.hub.process)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clusters {
		if c.agent != nil {
			all = append(all, c.agent)
		}
	}
	return all
}

// clean ends all that was started: the agents, the hub, the control planes.
func (s *story) clean() error {
	if s.work == nil {
		return nil
	}
	began := time.Now()
	s.screen.Line("")
	_ = each(context.Background(), s.clusters, func(_ context.Context, c *cluster) error {
		if c.agent != nil {
			c.agent.Stop(2 * time.Second)
		}
		return nil
	})
	if s.hub != nil {
		s.hub.Stop(3 * time.Second)
	}
	s.prometheus.Stop(5 * time.Second)
	err := each(context.Background(), s.clusters, func(_ context.Context, c *cluster) error { return c.plane.Stop() })
	if s.meter != nil {
		err = errors.Join(err, s.meter.Close())
	}
	err = errors.Join(err, s.work.Remove())
	s.screen.Saw(time.Since(began), "Everything is stopped and removed.")
	return err
}

// each calls f for all items at once. The first error ends the others, and is returned.
func each[T any](ctx context.Context, items []T, f func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make(chan error, len(items))
	for _, item := range items {
		go func() { errs <- f(ctx, item) }()
	}
	var first error
	for range items {
		if err := <-errs; err != nil && first == nil {
			first = err
			cancel(err)
		}
	}
	return first
}
