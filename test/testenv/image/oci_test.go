package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
)

// descriptor is how a document of an image names another one.
type descriptor struct {
	MediaType, Digest string
	Size              int
	Platform          struct{ Architecture, OS string }
	Annotations       map[string]string
}

// document is what a test reads of an index, a manifest or a configuration.
type document struct {
	Manifests, Layers []descriptor
	Config            json.RawMessage
	Architecture      string
	Rootfs            struct {
		DiffIDs []string `json:"diff_ids"`
	}
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// follow returns the blob that a descriptor names, after checking that it is that one.
func follow(t *testing.T, files map[string][]byte, d descriptor) []byte {
	t.Helper()
	sum := strings.TrimPrefix(d.Digest, "sha256:")
	blob, ok := files["blobs/sha256/"+sum]
	if !ok || digest(blob) != sum || len(blob) != d.Size {
		t.Fatalf("the blob %s of %d bytes is missing or another one", d.Digest, d.Size)
	}
	return blob
}

func decode(t *testing.T, data []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return d
}

func TestAnOCIArchiveHasEachArchitectureAndEveryDigestIsRight(t *testing.T) {
	t.Parallel()
	i := Image{Name: "drover-hub:1.0", Tag: "1.0", Created: time.Unix(1e9, 0), Entrypoint: []string{"/drover"},
		Labels: map[string]string{"org.opencontainers.image.version": "1.0"}}
	pack := func() []byte {
		data, err := OCI(i, Platform{"amd64", []File{{"drover", []byte("x86"), 0o755}, {"tmp/", nil, 0o1777}}},
			Platform{"arm64", []File{{"drover", []byte("arm"), 0o755}}})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	data := pack()
	if !bytes.Equal(data, pack()) {
		t.Error("two archives of the same programs differ")
	}
	files := untar(t, data)
	if !strings.Contains(string(files["oci-layout"]), "1.0.0") {
		t.Errorf("oci-layout is %q", files["oci-layout"])
	}
	top := decode(t, files["index.json"])
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["io.containerd.image.name"] != "drover-hub:1.0" {
		t.Fatalf("index.json is %s", files["index.json"])
	}
	index := decode(t, follow(t, files, top.Manifests[0]))
	want := map[string]string{"amd64": "x86", "arm64": "arm"}
	if len(index.Manifests) != len(want) {
		t.Fatalf("the index has %d manifests", len(index.Manifests))
	}
	for _, m := range index.Manifests {
		manifest := decode(t, follow(t, files, m))
		var named descriptor
		if err := json.Unmarshal(manifest.Config, &named); err != nil {
			t.Fatal(err)
		}
		config := decode(t, follow(t, files, named))
		unpacked, err := gzip.NewReader(bytes.NewReader(follow(t, files, manifest.Layers[0])))
		if err != nil {
			t.Fatal(err)
		}
		layer, err := io.ReadAll(unpacked)
		if err != nil {
			t.Fatal(err)
		}
		if len(config.Rootfs.DiffIDs) != 1 || config.Rootfs.DiffIDs[0] != "sha256:"+digest(layer) {
			t.Errorf("%s: the configuration names the layer %q", config.Architecture, config.Rootfs.DiffIDs)
		}
		arch := m.Platform.Architecture
		if got := string(untar(t, layer)["drover"]); got != want[arch] || config.Architecture != arch {
			t.Errorf("%s: the program is %q, the configuration is for %s", arch, got, config.Architecture)
		}
	}
}
