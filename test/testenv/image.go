package testenv

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"runtime"
	"time"
)

// PackImage packs a static program as a container image that runs it: a tar of one layer, a configuration, and the
// manifest that `docker load` and `ctr images import` read. entry is the program's name in the image, name the image's
// with its tag. beside are more programs, whose names may have a folder. The same programs give the same image, byte for byte.
func PackImage(program []byte, entry, name string, beside ...Program) ([]byte, error) {
	files := []packed{{entry, program, 0o755}}
	for _, p := range beside {
		files = append(files, packed{p.Name, p.Data, 0o755})
	}
	layer, err := archive(files)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(Object{
		"architecture": runtime.GOARCH, "os": "linux", "created": epoch.Format(time.RFC3339),
		"config": Object{"Entrypoint": []string{"/" + entry}, "User": "65532:65532", "WorkingDir": "/"},
		"rootfs": Object{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return nil, err
	}
	configName, layerName := digest(config)+".json", digest(layer)+"/layer.tar"
	manifest, err := json.Marshal([]Object{{"Config": configName, "RepoTags": []string{name}, "Layers": []string{layerName}}})
	if err != nil {
		return nil, err
	}
	return archive([]packed{{configName, config, 0o644}, {layerName, layer, 0o644}, {"manifest.json", manifest, 0o644}})
}

// epoch is the time of everything in an image, so that it depends on the program alone.
var epoch = time.Unix(0, 0).UTC()

// Program is a static program for an image.
type Program struct {
	Name string // seen from the image's root, as plugins/example
	Data []byte
}

// packed is a file in an image.
type packed struct {
	name string
	data []byte
	mode int64
}

// archive makes a tar of files.
func archive(files []packed) ([]byte, error) {
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
	err := w.Close()
	return buf.Bytes(), err
}

// digest returns the SHA-256 of data in hexadecimal.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
