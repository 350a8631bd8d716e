package release

import (
	"bytes"
	"encoding/pem"
	"maps"
	"slices"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/drover-dev/drover/test/testenv/image"
)

// images packs an image of each delivery, for the architectures of Linux that all of them are built for.
func (r Release) images(built programs) ([]File, error) {
	var out []File
	for _, d := range Deliveries {
		f := File{Name: d.Image + "_" + r.Number() + "_oci.tar", Programs: map[string][]byte{}}
		var platforms []image.Platform
		for _, p := range hubPlatforms {
			if p.OS != "linux" || built[p][d.Programs[0].Name] == nil {
				continue
			}
			content := image.Platform{Architecture: p.Arch, Files: base(d.Image)}
			for _, program := range d.Programs {
				data := built[p][program.Name]
				content.Files = append(content.Files, image.File{Name: program.Name, Data: data, Mode: 0o755})
				f.Programs[p.Arch+"/"+program.Name] = data
			}
			platforms = append(platforms, content)
		}
		if len(platforms) == 0 {
			continue
		}
		var err error
		if f.Data, err = image.OCI(r.image(d), platforms...); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// image is what the architectures of an image have in common.
func (r Release) image(d Delivery) image.Image {
	i := image.Image{
		Name: d.Image + ":" + r.Number(), Tag: r.Number(), Created: r.Date, WorkingDir: "/",
		Entrypoint: []string{"/" + d.Programs[0].Name},
		Labels: map[string]string{
			"org.opencontainers.image.title":    d.Image,
			"org.opencontainers.image.version":  r.Number(),
			"org.opencontainers.image.revision": r.Commit,
			"org.opencontainers.image.created":  r.Date.Format(time.RFC3339),
			"org.opencontainers.image.source":   "https://github.com/drover-dev/drover",
			"org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	if d.Image == "drover-hub" {
		i.Args = []string{"hub"}
		i.Env = []string{"PATH=/", "HOME=" + dataDir, "USER=drover", "DROVER_DATA_DIR=" + dataDir}
		i.Volumes, i.Ports = []string{dataDir}, []string{"4222/tcp", "7780/tcp"}
	}
	return i
}

// dataDir is where the hub's image keeps what must not be lost.
const dataDir = "/var/lib/drover"

// base is what an image has beside the programs. The hub reaches Git and registries by https, so it needs the
// authorities that systems trust; it unpacks into /tmp, and logs in by ssh as a user that has a name.
func base(name string) []image.File {
	if name != "drover-hub" {
		return nil
	}
	return []image.File{
		{Name: "tmp/", Mode: 0o1777},
		{Name: dataDir[1:] + "/", Mode: 0o700},
		{Name: "etc/passwd", Data: []byte("drover:x:65532:65532:drover:" + dataDir + ":/nonexistent\n"), Mode: 0o644},
		{Name: "etc/group", Data: []byte("drover:x:65532:\n"), Mode: 0o644},
		{Name: "etc/ssl/certs/ca-certificates.crt", Data: authorities(), Mode: 0o644},
	}
}

// authorities are those of Mozilla's program, as the module golang.org/x/crypto/x509roots/fallback has them. One with
// constraints that a file of certificates cannot express is left out.
func authorities() []byte {
	all := map[string][]byte{}
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			all[sum(root.Certificate)] = root.Certificate
		}
	}
	var buf bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(all)) {
		buf.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: all[key]}))
	}
	return buf.Bytes()
}
