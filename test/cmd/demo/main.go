// Command demo shows Drover at work on real control planes, and stays up for the reader to play with.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/drover-dev/drover/test/demo"
)

func main() { os.Exit(run()) }

func run() int {
	bin := flag.String("bin", "../bin", "`directory` of the programs drover and drover-agent")
	prometheus := flag.String("prometheus", "prometheus", "`program` that measures for the gate of a rollout, "+
		"looked for in PATH; where it is missing the gate asks for JSON")
	once := flag.Bool("once", false, "end after the last act: exit code 0 only if everything was verified")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: it takes flags only, not %q\n", flag.Args())
		return 2
	}
	// Whoever reads our output may be ended by the same Ctrl-C, and we have still to say goodbye.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait for the cleaning up
	if demo.Run(ctx, demo.Options{Bin: *bin, Prometheus: *prometheus, Once: *once, Out: os.Stdout}) != nil {
		return 1
	}
	return 0
}
