// Command image packs static binaries as a container image: one layer, a configuration, and the manifest that
// `docker load` and `ctr images import` read. It needs no container engine and no registry, and the same binaries give
// the same image, byte for byte.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/drover-dev/drover/test/testenv/image"
)

func main() {
	bin := flag.String("bin", "", "the static binary")
	with := flag.String("with", "", "more binaries, as a,b, seen from the folder of the first one; they have the same places in the image")
	name := flag.String("name", "", "name and tag of the image, as drover-agent:1.0")
	out := flag.String("out", "", "the tar to write")
	flag.Parse()
	if err := run(*bin, *with, *name, *out); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(bin, with, name, out string) error {
	if bin == "" || name == "" || out == "" {
		return fmt.Errorf("it needs -bin, -name and -out")
	}
	program, err := os.ReadFile(bin)
	if err != nil {
		return err
	}
	var beside []image.Program
	for path := range strings.FieldsFuncSeq(with, func(r rune) bool { return r == ',' }) {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(bin), path))
		if err != nil {
			return err
		}
		beside = append(beside, image.Program{Name: path, Data: data})
	}
	packed, err := image.Docker(program, filepath.Base(bin), name, beside...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, packed, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %s, %.1f MB; load it with `docker load -i %s` or `ctr -n k8s.io images import %s`\n",
		out, name, float64(len(packed))/1e6, out, out)
	return nil
}
