// Command soak runs random commits, slips, live edits and kills against real control planes and judges every delete:
// see package soak.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/drover-dev/drover/test/soak"
)

func main() { os.Exit(run()) }

func run() int {
	o := soak.Options{Out: os.Stdout}
	flag.StringVar(&o.Bin, "bin", "../bin", "`directory` of the programs drover and drover-agent")
	flag.DurationVar(&o.For, "for", 10*time.Minute, "how long; the last round is finished")
	flag.Uint64Var(&o.Seed, "seed", uint64(time.Now().Unix()), "the same seed runs the same operations")
	flag.IntVar(&o.Clusters, "clusters", 2, "how many control planes")
	flag.BoolVar(&o.KeepGoing, "keep-going", false, "report a violation and go on; the exit code is 1 all the same")
	flag.DurationVar(&o.Patience, "patience", 75*time.Second, "how long the fleet may take to come to rest")
	only := flag.String("only", "", "run these `operations` one after the other instead: NAME[+COMPLICATION][,NAME]")
	skip := flag.String("skip", "", "never draw these `operations` and slips: NAME[,NAME]")
	list := flag.Bool("list", false, "list the operations and complications, and end")
	flag.Parse()
	if flag.NArg() > 0 || o.Clusters < 1 {
		fmt.Fprintf(os.Stderr, "soak: it takes flags only, not %q, and at least one cluster\n", flag.Args())
		return 2
	}
	if *list {
		fmt.Println(strings.Join(soak.Names(), "\n"))
		fmt.Println("\ncomplications of slips:", strings.Join(soak.Complications(), ", "))
		return 0
	}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if *skip != "" {
		o.Skip = strings.Split(*skip, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait for the cleaning up
	if soak.Run(ctx, o) != nil {
		return 1
	}
	return 0
}
