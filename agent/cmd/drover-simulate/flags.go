package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// flags are what the command line and the environment say.
type flags struct {
	url, token, ca, dataDir string
	selector, state, notes  string
	shard, shards, atOnce   int
	delay                   time.Duration
	version                 bool
}

const usage = `drover-simulate is the agents of many clusters that do not exist, to see what a hub can carry. Every
agent has a credential and a session of its own, as real ones have; only what the cluster does is made up.

Usage: drover-simulate [flags]

It simulates the clusters that wait for an agent; others are left alone. One process holds several thousand, with an
open file for each; more processes share a fleet with --shard 1/4 to --shard 4/4. It runs until it is stopped.

Orders are read from the input, a line each. CLUSTERS are names or globs, separated by commas; all if left out:

  delay DURATION [CLUSTERS]    apps become healthy so long after they are applied
  fail APP TEXT [CLUSTERS]     content of the app in which the text occurs becomes degraded: fail web web:v2 c00*
  degrade APP [CLUSTERS]       the app is degraded until its content changes
  heal APP [CLUSTERS]          the app is healthy again, and fails no more
  silent, speak [CLUSTERS]     the agents stay connected and report nothing; they report again
  offline, online [CLUSTERS]   the agents close their sessions; they connect again
  reports PER-SECOND           so many reports a second of all agents together, beside those that have news

`

// parseFlags reads the command line. What is wrong with it has been said when it returns an error.
func parseFlags(args []string, stderr io.Writer) (flags, error) {
	f := flags{shard: 1, shards: 1}
	set := flag.NewFlagSet("drover-simulate", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.url, "hub", os.Getenv("DROVER_HUB"),
		"`address` of the hub's API; that of the hub of --data-dir, if empty (environment: DROVER_HUB)")
	set.StringVar(&f.token, "token", os.Getenv("DROVER_TOKEN"),
		"`token` of the hub's API; that of the hub of --data-dir, if empty (environment: DROVER_TOKEN)")
	set.StringVar(&f.ca, "hub-ca", os.Getenv("DROVER_HUB_CA"),
		"`file` of the authorities that the hub's certificate is verified with (environment: DROVER_HUB_CA)")
	set.StringVar(&f.dataDir, "data-dir", os.Getenv("DROVER_DATA_DIR"),
		"data `directory` of a hub on this machine; ~/.local/share/drover, if empty (environment: DROVER_DATA_DIR)")
	set.StringVar(&f.selector, "selector", "",
		"label `selector` of the clusters to simulate; all that wait for an agent, if empty")
	set.StringVar(&f.state, "state", "",
		"`folder` that keeps the credentials, so that the same clusters can be simulated again; none, if empty")
	set.StringVar(&f.notes, "notes", "",
		"`file` for what the agents see, a line of JSON each; - for the output; none, if empty")
	set.IntVar(&f.atOnce, "at-once", 16, "`number` of agents that join at a time")
	set.DurationVar(&f.delay, "delay", 100*time.Millisecond, "how long an app takes to become healthy")
	set.BoolVar(&f.version, "version", false, "print the version and exit")
	set.Func("shard", "which `part` of the clusters to simulate, as 1/4; all of them, if not given", f.take)
	set.Usage = func() {
		_, _ = fmt.Fprint(stderr, usage)
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	var err error
	switch {
	case set.NArg() > 0:
		err = fmt.Errorf("unknown argument %q: it takes flags alone, see --help", set.Arg(0))
	case f.atOnce < 1:
		err = fmt.Errorf("--at-once %d: it is one at least", f.atOnce)
	case f.state != "":
		if err = os.MkdirAll(f.state, 0o700); err != nil {
			err = fmt.Errorf("--state: %w", err)
		}
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "drover-simulate:", err)
	}
	return f, err
}

// take reads which part of the clusters to simulate.
func (f *flags) take(text string) error {
	if _, err := fmt.Sscanf(text, "%d/%d", &f.shard, &f.shards); err != nil || f.shard < 1 || f.shard > f.shards {
		return errors.New("write it as 1/4, the first of four")
	}
	return nil
}

// defaultDataDir is where a hub keeps its data if nobody says otherwise.
func defaultDataDir() string {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "drover")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "drover-data"
	}
	return filepath.Join(home, ".local", "share", "drover")
}

// choose gives the clusters to simulate, and how many others there are with an agent of their own.
func (f flags) choose(rows []row) (names []string, others int) {
	for i, r := range rows {
		switch {
		case i%f.shards != f.shard-1:
		case r.State == stateAwaiting || f.known(r.Name):
			names = append(names, r.Name)
		case r.State != stateReleased:
			others++
		}
	}
	return names, others
}
