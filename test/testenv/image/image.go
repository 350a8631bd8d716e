// Package image packs static programs as container images, without an engine and without a registry. The same programs
// give the same image, byte for byte. It imports the standard library only.
package image

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

// object is JSON that is put together here.
type object map[string]any

// Docker packs a static program as a container image that runs it: a tar of one layer, a configuration, and the
// manifest that `docker load` and `ctr images import` read. entry is the program's name in the image, name the image's
// with its tag. beside are more programs, whose names may have a folder.
func Docker(program []byte, entry, name string, beside ...Program) ([]byte, error) {
	files := []File{{entry, program, 0o755}}
	for _, p := range beside {
		files = append(files, File{p.Name, p.Data, 0o755})
	}
	layer, err := archive(files, epoch)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(object{
		"architecture": runtime.GOARCH, "os": "linux", "created": epoch.Format(time.RFC3339),
		"config": object{"Entrypoint": []string{"/" + entry}, "User": "65532:65532", "WorkingDir": "/"},
		"rootfs": object{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return nil, err
	}
	configName, layerName := digest(config)+".json", digest(layer)+"/layer.tar"
	manifest, err := json.Marshal([]object{
		{"Config": configName, "RepoTags": []string{name}, "Layers": []string{layerName}},
	})
	if err != nil {
		return nil, err
	}
	return archive([]File{
		{configName, config, 0o644}, {layerName, layer, 0o644}, {"manifest.json", manifest, 0o644},
	}, epoch)
}

// epoch is the time of everything in an image that has no other, so that it depends on the program alone.
var epoch = time.Unix(0, 0).UTC()

// Program is a static program for an image.
type Program struct {
	Name string // seen from the image's root, as plugins/example
	Data []byte
}

// File is a file of an image. A folder has a name that ends with a slash.
type File struct {
	Name string // seen from the image's root
	Data []byte
	Mode int64
}

// User is the user and the group that images run as, and that their folders belong to.
const User = 65532

// archive makes a tar of files.
func archive(files []File, at time.Time) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.Name, Mode: f.Mode, Size: int64(len(f.Data)), ModTime: at, Typeflag: tar.TypeReg}
		if f.Name[len(f.Name)-1] == '/' {
			h.Typeflag, h.Uid, h.Gid = tar.TypeDir, User, User
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := io.Copy(w, bytes.NewReader(f.Data)); err != nil {
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
