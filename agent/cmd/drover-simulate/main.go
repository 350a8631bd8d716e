// Command drover-simulate is the agents of many clusters that do not exist, to see what a hub can carry: see package
// simulate. It asks the hub which clusters wait for an agent, lets those join, and follows the orders on its input.
//
//	drover-simulate --data-dir /var/lib/drover --selector env=simulated
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/simulate"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main for tests. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	f, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case f.version:
		_, _ = fmt.Fprint(stdout, version.Read("drover-simulate", protocol.Version).Text())
		return 0
	}
	if err := simulateAll(ctx, f, stdin, stdout, stderr); err != nil && ctx.Err() == nil {
		_, _ = fmt.Fprintln(stderr, "drover-simulate:", err)
		return 1
	}
	return 0
}

// simulateAll simulates the clusters that are chosen until ctx is done.
func simulateAll(ctx context.Context, f flags, stdin io.Reader, stdout, stderr io.Writer) error {
	h, err := f.hub()
	if err != nil {
		return err
	}
	rows, err := h.clusters(ctx, f.selector)
	if err != nil {
		return err
	}
	names, others := f.choose(rows)
	if len(names) == 0 {
		return fmt.Errorf("no cluster that --selector %q chooses waits for an agent, and %d have one, which is left alone: "+
			"add clusters to the repository, or name the folder of their simulated credentials with --state", f.selector, others)
	}
	_, _ = fmt.Fprintf(stderr, "simulating %d clusters; %d have agents, which are left alone\n", len(names), others)
	var notes io.Writer
	if f.notes == "-" {
		notes = stdout
	} else if f.notes != "" {
		file, err := os.Create(f.notes)
		if err != nil {
			return fmt.Errorf("--notes: %w", err)
		}
		defer func() { _ = file.Close() }() // it was written to as it went
		notes = file
	}
	fleet := simulate.New(simulate.Config{Token: h.joinToken, Notes: notes, Delay: f.delay,
		Vault: func(cluster string) credential.Vault { return f.vault(cluster) }})
	defer fleet.Close()
	go follow(fleet, stdin, stderr)
	go tell(ctx, fleet, stderr)
	if err := joinAll(ctx, fleet, names, f.atOnce); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// joinAll has the agents of clusters join, some at a time, and gives the first errors.
func joinAll(ctx context.Context, fleet *simulate.Fleet, names []string, atOnce int) error {
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	errs := make([]error, len(names))
	for i, name := range names {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = fleet.Add(ctx, name)
		})
	}
	wg.Wait()
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	return errors.Join(errs[:min(len(errs), 5)]...)
}

// follow follows the orders on the input, a line each, until it ends.
func follow(fleet *simulate.Fleet, orders io.Reader, stderr io.Writer) {
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		o, err := simulate.ParseOrder(lines.Text())
		if err == nil {
			err = fleet.Do(o)
		}
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "drover-simulate:", err)
		}
		fleet.Note(lines.Text())
	}
}

// tellGap is how often the counts are told.
const tellGap = 5 * time.Second

// tell tells what the agents did, whenever that is another than before.
func tell(ctx context.Context, fleet *simulate.Fleet, stderr io.Writer) {
	tick := time.NewTicker(tellGap)
	defer tick.Stop()
	var told simulate.Counts
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := fleet.Counts(); now != told {
			told = now
			_, _ = fmt.Fprintf(stderr, "%s %s\n", time.Now().Format(time.TimeOnly), now)
		}
	}
}
