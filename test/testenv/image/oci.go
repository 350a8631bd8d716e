package image

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"time"
)

// Media types of the OCI image specification, version 1.1.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// Image is what all architectures of an image have in common.
type Image struct {
	Name       string // with its tag, as drover-hub:0.2.0
	Tag        string
	Created    time.Time
	Entrypoint []string
	Args       []string // what is added to Entrypoint unless the user gives something else
	Env        []string
	WorkingDir string
	Ports      []string          // as 4222/tcp
	Volumes    []string          // folders that are to outlive a container
	Labels     map[string]string // of the image and of its manifests
}

// Platform is the content of an image for one architecture of Linux.
type Platform struct {
	Architecture string // as Go names it
	Files        []File
}

// OCI packs an image for several architectures as an archive in the OCI image layout: index.json names one index, which
// names a manifest for each architecture. `skopeo copy --all oci-archive:FILE …`, `ctr images import` and
// `docker load` read it.
func OCI(i Image, platforms ...Platform) ([]byte, error) {
	l := layout{seen: map[string]bool{}, at: i.Created.UTC()}
	var manifests []object
	for _, p := range platforms {
		m, err := l.manifest(i, p)
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, m)
	}
	index, err := l.json(typeIndex, object{
		"schemaVersion": 2, "mediaType": typeIndex, "manifests": manifests, "annotations": i.Labels,
	})
	if err != nil {
		return nil, err
	}
	index["annotations"] = object{"org.opencontainers.image.ref.name": i.Tag, "io.containerd.image.name": i.Name}
	top, err := json.Marshal(object{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []object{index}})
	if err != nil {
		return nil, err
	}
	files := append([]File{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644}, {"index.json", top, 0o644},
	}, l.blobs...)
	return archive(files, l.at)
}

// layout collects the blobs of an archive, each once.
type layout struct {
	blobs []File
	seen  map[string]bool
	at    time.Time
}

// add stores a blob and returns its descriptor.
func (l *layout) add(mediaType string, data []byte) object {
	sum := digest(data)
	if !l.seen[sum] {
		l.seen[sum] = true
		l.blobs = append(l.blobs, File{"blobs/sha256/" + sum, data, 0o644})
	}
	return object{"mediaType": mediaType, "digest": "sha256:" + sum, "size": len(data)}
}

func (l *layout) json(mediaType string, content object) (object, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	return l.add(mediaType, data), nil
}

// manifest stores the image of one architecture and returns its descriptor.
func (l *layout) manifest(i Image, p Platform) (object, error) {
	layer, err := archive(p.Files, l.at)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(layer); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	created := l.at.Format(time.RFC3339)
	config, err := l.json(typeConfig, object{
		"created": created, "architecture": p.Architecture, "os": "linux",
		"config": object{
			"User": "65532:65532", "Entrypoint": i.Entrypoint, "Cmd": i.Args, "Env": i.Env,
			"WorkingDir": i.WorkingDir, "ExposedPorts": set(i.Ports), "Volumes": set(i.Volumes), "Labels": i.Labels,
		},
		"rootfs":  object{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
		"history": []object{{"created": created, "created_by": "static programs"}},
	})
	if err != nil {
		return nil, err
	}
	m, err := l.json(typeManifest, object{
		"schemaVersion": 2, "mediaType": typeManifest, "config": config,
		"layers": []object{l.add(typeLayer, packed.Bytes())}, "annotations": i.Labels,
	})
	if err != nil {
		return nil, err
	}
	m["platform"] = object{"architecture": p.Architecture, "os": "linux"}
	return m, nil
}

// set is how the specification writes a set.
func set(names []string) object {
	out := object{}
	for _, n := range names {
		out[n] = object{}
	}
	return out
}
