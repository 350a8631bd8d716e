// Command release builds a version of Drover into a folder (archives, images, charts, an SBOM and checksums) and tags
// its modules in the local repository. It pushes nothing. `make release VERSION=v0.2.0` calls it; docs/releasing.md
// says what to do with the result.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/drover-dev/drover/test/release"
)

func main() {
	root := flag.String("root", ".", "the work tree")
	version := flag.String("version", "", "the version, as v0.2.0")
	out := flag.String("out", "dist", "the folder to build into")
	only := flag.String("only", "", "build for these platforms alone, as linux/amd64,darwin/arm64, and tag nothing")
	rehearse := flag.Bool("rehearse", false, "tag nothing")
	check := flag.Bool("check", false, "check whether it can be built, and build and tag nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *root, *version, *out, *only, *rehearse, *check); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, version, out, only string, rehearse, check bool) error {
	platforms, err := release.ParsePlatforms(only)
	if err != nil {
		return err
	}
	r, err := release.Check(ctx, root, version)
	if err != nil {
		return err
	}
	fmt.Printf("%s is released from commit %s of %s; its tags are on commit %s\n", r.Version, r.Source, r.Date, r.Commit)
	if check {
		return nil
	}
	if err := r.Build(ctx, release.Options{Dist: out, Platforms: platforms, Log: os.Stdout}); err != nil {
		return err
	}
	if rehearse || len(platforms) > 0 {
		fmt.Printf("built into %s; nothing is tagged or pushed\n", out)
		return nil
	}
	if err := r.Tag(ctx); err != nil {
		return err
	}
	tags := r.Tags()
	fmt.Printf("built into %s and tagged; nothing is pushed. To publish it, push the tags of the modules, and then the "+
		"version:\n  git push origin %s\n  git push origin %s\n", out, strings.Join(tags[1:], " "), tags[0])
	return nil
}
