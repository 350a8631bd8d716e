// Command bench measures Drover against its limits, in one run: see package bench. The exit code is 1 if something could
// not be measured, and 0 otherwise, whatever was measured.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/drover-dev/drover/test/bench"
)

func main() { os.Exit(run()) }

func run() int {
	o := bench.Options{Progress: os.Stderr}
	flag.StringVar(&o.Bin, "bin", "../bin", "`directory` of the programs drover and drover-agent")
	only := flag.String("run", "", "take only the measures whose names match this `regexp`: B1, B2-100, B2-10000, B5, B6, B7, B8, B11, B12, B13")
	flag.IntVar(&o.Rounds, "rounds", 0, "rounds of each measure (0: as many as each needs)")
	flag.BoolVar(&o.Quick, "quick", false, "see that the bench works, in less than a minute; the figures mean little")
	out := flag.String("out", "", "`file` to write the result to, as JSON")
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if flag.NArg() > 0 {
		err = fmt.Errorf("it takes flags only, not %q", flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	if o.Run = pattern; *only == "" {
		o.Run = nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := bench.Run(ctx, o)
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "bench: stopped")
		return 1
	}
	code := 0
	for _, e := range []error{err, report.Write(os.Stdout), write(*out, report)} {
		if e != nil {
			fmt.Fprintln(os.Stderr, "bench:", e)
			code = 1
		}
	}
	return code
}

// write keeps a report as JSON, if there is a file to keep it in.
func write(file string, report bench.Report) error {
	if file == "" {
		return nil
	}
	data, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
