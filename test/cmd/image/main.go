// Command image packs a static binary as a container image: one layer, a configuration, and the manifest that
// `docker load` and `ctr images import` read. It needs no container engine and no registry, and the same binary gives
// the same image, byte for byte.
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

func main() {
	bin := flag.String("bin", "", "the static binary")
	name := flag.String("name", "", "name and tag of the image, as drover-agent:1.0")
	out := flag.String("out", "", "the tar to write")
	flag.Parse()
	if err := run(*bin, *name, *out); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// epoch is the time of everything in the image, so that it depends on the binary alone.
var epoch = time.Unix(0, 0).UTC()

func run(bin, name, out string) error {
	if bin == "" || name == "" || out == "" {
		return fmt.Errorf("it needs -bin, -name and -out")
	}
	program, err := os.ReadFile(bin)
	if err != nil {
		return err
	}
	entry := "/" + filepath.Base(bin)
	layer, err := archive([]file{{entry[1:], program, 0o755}})
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": epoch.Format(time.RFC3339),
		"config": map[string]any{"Entrypoint": []string{entry}, "User": "65532:65532", "WorkingDir": "/"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return err
	}
	configName, layerName := digest(config)+".json", digest(layer)+"/layer.tar"
	manifest, err := json.Marshal([]map[string]any{{"Config": configName, "RepoTags": []string{name}, "Layers": []string{layerName}}})
	if err != nil {
		return err
	}
	image, err := archive([]file{{configName, config, 0o644}, {layerName, layer, 0o644}, {"manifest.json", manifest, 0o644}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, image, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %s, %.1f MB; load it with `docker load -i %s` or `ctr -n k8s.io images import %s`\n",
		out, name, float64(len(image))/1e6, out, out)
	return nil
}

type file struct {
	name string
	data []byte
	mode int64
}

func archive(files []file) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: epoch, Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := io.Copy(w, bytes.NewReader(f.data)); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), w.Close()
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
