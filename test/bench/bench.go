package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// Options say what to measure and where to tell of it.
type Options struct {
	Bin      string         // directory of the programs drover and drover-agent
	Run      *regexp.Regexp // the measures to take, by name; nil for all
	Rounds   int            // rounds of each measure; 0 leaves that to the measure
	Quick    bool           // see that the bench works: few rounds, small fleets
	Progress io.Writer
}

// measure is something to measure. It gives one line or several.
type measure struct {
	name string
	take func(*bench, context.Context) ([]Line, error)
}

func measures(quick bool) []measure {
	commits := func(s size) measure {
		return measure{s.name, func(b *bench, ctx context.Context) ([]Line, error) { return b.commits(ctx, s) }}
	}
	list := []measure{commits(alone), commits(hundred)}
	if !quick { // ten thousand folders are never quick
		list = append(list, commits(thousands))
	}
	return append(list, measure{"B5", (*bench).travel}, measure{"B6", (*bench).fresh}, measure{"B7", (*bench).large}, measure{"B8", (*bench).drift}, measure{"B11", (*bench).rest}, measure{"B12", (*bench).storm},
		measure{"B13", (*bench).arrivals})
}

// bench is one run.
type bench struct {
	opts Options
	dir  string // for everything that is written, removed at the end
	etcd *testenv.Etcd
	said progress

	kubernetes string // the API servers' version, once one was asked
}

// Run takes the measures. The error says that some could not be taken; the report has the others. That Drover falls
// short of an aim is no error.
func Run(ctx context.Context, o Options) (Report, error) {
	begin := time.Now()
	report := Report{Started: begin.UTC(), Quick: o.Quick}
	bin, err := filepath.Abs(o.Bin)
	if err != nil {
		return report, err
	}
	o.Bin = bin
	dir, err := testenv.NewTempDir("bench")
	if err != nil {
		return report, err
	}
	defer func() { _ = dir.Remove() }() // what stays is removed by the next run
	b := &bench{opts: o, dir: dir.Path, said: progress{w: o.Progress, begin: begin}}
	report.Machine = describeMachine(ctx, o.Bin)
	if b.etcd, err = testenv.StartEtcd(ctx, testenv.WithFsync(), testenv.WithLog(o.Progress)); err != nil {
		return report, err
	}
	defer func() { _ = b.etcd.Stop() }() // its data goes with it
	report.Lines, err = b.all(ctx)
	report.Machine.Kubernetes = b.kubernetes
	report.Took = time.Since(begin).Round(time.Second).String()
	return report, err
}

// all takes the measures that were chosen, one after the other.
func (b *bench) all(ctx context.Context) (lines []Line, err error) {
	var errs []error
	for _, m := range measures(b.opts.Quick) {
		if b.opts.Run != nil && !b.opts.Run.MatchString(m.name) {
			continue
		}
		b.said.now(m.name, "begins")
		got, err := m.take(b, ctx)
		if ctx.Err() != nil {
			return lines, context.Cause(ctx)
		}
		if err != nil {
			err = fmt.Errorf("%s could not be measured: %w", m.name, err)
			errs = append(errs, err)
			got = append(got, Line{Name: m.name, Verdict: NotMeasured, Notes: []string{err.Error()}})
		}
		lines = append(lines, got...)
	}
	return lines, errors.Join(errs...)
}

// rounds is how many rounds a measure takes that would take n.
func (b *bench) rounds(n, quick int) int {
	switch {
	case b.opts.Rounds > 0:
		return b.opts.Rounds
	case b.opts.Quick:
		return quick
	}
	return n
}

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
