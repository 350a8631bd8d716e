// Command testenv builds the programs that Drover's tests run, and starts control planes to try things on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/drover-dev/drover/test/testenv"
)

const usage = `testenv runs real Kubernetes control planes on this machine.

  testenv build [program ...]   build what the tests run, or only the named programs
  testenv start [flags]         start control planes, print their kubeconfigs, run until Ctrl-C
  testenv path                  print the directory that keeps the built programs
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "testenv:", err)
		os.Exit(1)
	}
}

// run does what args say; results go to out, all else to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(log, usage)
		return errors.New("say what to do: build, start or path")
	}
	switch args[0] {
	case "build":
		paths, err := testenv.Binaries(ctx, log, args[1:]...)
		if err != nil {
			return err
		}
		for _, path := range paths {
			fmt.Fprintln(out, path)
		}
		return nil
	case "start":
		return start(ctx, args[1:], out, log)
	case "path":
		dir, err := testenv.CacheDir()
		if err != nil {
			return err
		}
		fmt.Fprintln(out, dir)
		return nil
	case "help", "-h", "-help", "--help":
		fmt.Fprint(out, usage)
		return nil
	}
	fmt.Fprint(log, usage)
	return fmt.Errorf("unknown command %q", args[0])
}

// start starts control planes and stops them when ctx ends.
func start(ctx context.Context, args []string, out, log io.Writer) (err error) {
	flags := flag.NewFlagSet("testenv start", flag.ContinueOnError)
	flags.SetOutput(log)
	n := flags.Int("n", 1, "how many control `planes` to start")
	controllers := flags.Bool("controllers", false, "run kube-controller-manager in each, so that Deployments make pods")
	nodes := flags.Int("nodes", 0, "how many `nodes` to play in each")
	fsync := flags.Bool("fsync", false, "have etcd wait for its disk, as in real life")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *n < 1 || *nodes < 0 || flags.NArg() > 0 {
		return errors.New("start takes flags only, -n at least 1 and -nodes at least 0")
	}
	opts := []testenv.Option{testenv.WithLog(log), testenv.WithNodes(*nodes)}
	if *controllers {
		opts = append(opts, testenv.WithControllers())
	}
	if *fsync {
		opts = append(opts, testenv.WithFsync())
	}
	var all []*testenv.ControlPlane
	defer func() { err = errors.Join(err, stopAll(all)) }()
	for i := range *n {
		cp, err := testenv.StartControlPlane(ctx, append(opts, testenv.WithName(fmt.Sprintf("cluster-%d", i+1)))...)
		if err != nil {
			return err
		}
		all = append(all, cp)
		fmt.Fprintln(out, cp.Kubeconfig)
	}
	fmt.Fprintln(log, "testenv: running; Ctrl-C stops")
	<-ctx.Done()
	return nil
}

// stopAll stops the control planes, all at once.
func stopAll(all []*testenv.ControlPlane) error {
	errs := make([]error, len(all))
	var stopping sync.WaitGroup
	for i, cp := range all {
		stopping.Go(func() { errs[i] = cp.Stop() })
	}
	stopping.Wait()
	return errors.Join(errs...)
}
