// Command drover-agent keeps one Kubernetes cluster as its hub's bundles say.
//
// It runs as a pod in the cluster, or anywhere with a kubeconfig:
//
//	drover-agent --join token.json --kubeconfig ~/.kube/config
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

const (
	// Half as much garbage as Go lets pile up by default: the agent rests nearly always, and memory that it used once
	// it does not need again. A hard limit is left to the pod's.
	gcPercent = 50
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main for tests. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr *os.File) int {
	if len(args) > 0 && args[0] == "version" {
		return sayVersion(args[1:], stdout, stderr)
	}
	f, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case f.version:
		return sayVersion(nil, stdout, stderr)
	}
	m, err := build(f, stderr)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "drover-agent:", err)
		return 1
	}
	if err := m.run(ctx); err != nil {
		_, _ = fmt.Fprintln(stderr, "drover-agent:", err)
		return 1
	}
	return 0
}
