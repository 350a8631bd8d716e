package helm

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// postRender lays overlays over a stream of documents one after the other, each by kustomize, as helm-controller does
// (internal/postrender, Kustomize.Run).
func (r *Renderer) postRender(overlays []model.Overlay) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, stream []byte) ([]byte, error) {
		for i, o := range overlays {
			objects, err := r.Kustomize.Build(ctx, rendering(stream), ".", model.BuildOptions{Overlay: model.Overlay{Patches: o.Patches, Images: o.Images}})
			if err != nil {
				return nil, fmt.Errorf("post-renderer %d: %w", i+1, err)
			}
			var out bytes.Buffer
			for _, o := range objects {
				out.WriteString("---\n")
				out.Write(o.JSON)
				out.WriteByte('\n')
			}
			stream = out.Bytes()
		}
		return stream, nil
	}
}

// renderedFile is the file that a rendering has beside its kustomization.
const renderedFile = "helm-output.yaml"

// rendering is a tree with the rendered text of a chart, and a kustomization that names it.
type rendering []byte

func (r rendering) files() map[string][]byte {
	return map[string][]byte{"kustomization.yaml": []byte("resources: [" + renderedFile + "]\n"), renderedFile: r}
}

// Open implements fs.FS.
func (r rendering) Open(name string) (fs.File, error) {
	info, err := r.Stat(name)
	if err != nil {
		return nil, err
	}
	return openFile{Reader: bytes.NewReader(r.files()[name]), info: info}, nil
}

// ReadFile implements fs.ReadFileFS.
func (r rendering) ReadFile(name string) ([]byte, error) {
	data, ok := r.files()[name]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return data, nil
}

// ReadDir implements fs.ReadDirFS.
func (r rendering) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "list", Path: name, Err: fs.ErrNotExist}
	}
	return []fs.DirEntry{
		fs.FileInfoToDirEntry(fileInfo{renderedFile, len(r)}), fs.FileInfoToDirEntry(fileInfo{"kustomization.yaml", len(r.files()["kustomization.yaml"])}),
	}, nil
}

// Stat implements fs.StatFS.
func (r rendering) Stat(name string) (fs.FileInfo, error) {
	if name == "." {
		return fileInfo{name, -1}, nil
	}
	data, err := r.ReadFile(name)
	return fileInfo{name, len(data)}, err
}

// fileInfo describes a file of a rendering; its folder has the size -1.
type fileInfo struct {
	name string
	size int
}

func (f fileInfo) Name() string       { return f.name }
func (f fileInfo) Size() int64        { return int64(max(f.size, 0)) }
func (f fileInfo) IsDir() bool        { return f.size < 0 }
func (f fileInfo) ModTime() time.Time { return time.Time{} }
func (f fileInfo) Sys() any           { return nil }
func (f fileInfo) Mode() fs.FileMode {
	if f.IsDir() {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// openFile is an open file of a rendering.
type openFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f openFile) Close() error               { return nil }
