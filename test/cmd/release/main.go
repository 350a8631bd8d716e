// Command release builds a version of Drover into a folder: archives, images, an SBOM and checksums. It pushes nothing
// and tags nothing. `make release VERSION=v0.2.0` calls it; docs/releasing.md says what to do with the result.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/drover-dev/drover/test/release"
)

func main() {
	root := flag.String("root", ".", "the work tree")
	version := flag.String("version", "", "the version, as v0.2.0")
	out := flag.String("out", "dist", "the folder to build into")
	only := flag.String("only", "", "build for these platforms alone, as linux/amd64,darwin/arm64, to try it out")
	check := flag.Bool("check", false, "check whether it can be built, and build nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *root, *version, *out, *only, *check); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, version, out, only string, check bool) error {
	platforms, err := release.ParsePlatforms(only)
	if err != nil {
		return err
	}
	r, err := release.Check(ctx, root, version)
	if err != nil {
		return err
	}
	fmt.Printf("%s is commit %s of %s\n", r.Version, r.Commit, r.Date)
	if check {
		return nil
	}
	if err := r.Build(ctx, release.Options{Dist: out, Platforms: platforms, Log: os.Stdout}); err != nil {
		return err
	}
	fmt.Printf("built into %s; nothing was tagged or published: docs/releasing.md has the next step\n", out)
	return nil
}
