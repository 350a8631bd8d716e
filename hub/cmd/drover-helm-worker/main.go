// Command drover-helm-worker renders Helm charts for drover, which starts it when there is one to render and ends it when there is not.
// Nobody starts it by hand.
//
// It is a program of its own because Helm's SDK costs whoever links it, at every start: see package worker. `drover status` does not
// pay for it.
package main

import (
	"fmt"
	"os"

	"github.com/drover-dev/drover/hub/helm/worker"
	"github.com/drover-dev/drover/internal/version"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Printf("drover-helm-worker %s renders Helm charts for drover, which starts it by itself: keep it in the same folder.\n", version.String())
		return
	}
	if err := worker.Serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "drover-helm-worker: %v\n", err)
		os.Exit(1)
	}
}
