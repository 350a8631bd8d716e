package release

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// File is a file of a release.
type File struct {
	Name string
	Data []byte
	// Programs are what is in it, by name, or by architecture and name in an image.
	Programs map[string][]byte
}

// archives packs the programs of each delivery for each platform, with the license and the readme.
func (r Release) archives(built programs, wanted []Platform) ([]File, error) {
	var out []File
	for _, d := range Deliveries {
		for _, p := range d.platforms(wanted) {
			name := fmt.Sprintf("%s_%s_%s_%s", d.Name, r.Number(), p.OS, p.Arch)
			f := File{Name: name + ".tar.gz", Programs: map[string][]byte{}}
			for _, program := range d.Programs {
				f.Programs[program.Name] = built[p][program.Name]
			}
			var err error
			if f.Data, err = r.archive(name, f.Programs); err != nil {
				return nil, err
			}
			out = append(out, f)
		}
	}
	return out, nil
}

// entry is a file in an archive.
type entry struct {
	name string
	data []byte
	mode int64
}

// archive makes a compressed tar of programs.
func (r Release) archive(folder string, programs map[string][]byte) ([]byte, error) {
	var entries []entry
	for name, data := range programs {
		entries = append(entries, entry{name, data, 0o755})
	}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		data, err := os.ReadFile(filepath.Join(r.Root, name))
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name, data, 0o644})
	}
	return r.pack(folder, entries)
}

// pack makes a compressed tar. Owners, times and order are the same each time.
func (r Release) pack(folder string, entries []entry) ([]byte, error) {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	var buf bytes.Buffer
	packed := gzip.NewWriter(&buf)
	w := tar.NewWriter(packed)
	for _, e := range entries {
		h := &tar.Header{Name: path.Join(folder, e.name), Mode: e.mode, Size: int64(len(e.data)), ModTime: r.Date,
			Typeflag: tar.TypeReg}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	err := packed.Close()
	return buf.Bytes(), err
}

// checksums is the file that `sha256sum --check` reads.
func checksums(files []File) File {
	var lines []string
	for _, f := range files {
		lines = append(lines, sum(f.Data)+"  "+f.Name+"\n")
	}
	slices.SortFunc(lines, func(a, b string) int { return cmp.Compare(a[64:], b[64:]) })
	return File{Name: "SHA256SUMS", Data: []byte(strings.Join(lines, ""))}
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
