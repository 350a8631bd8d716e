package helm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/drover-dev/drover/hub/model"
)

// Import asks for a file that another one imports.
type Import struct{ From, Name string }

// Imported is that file, or why it cannot be read.
type Imported struct {
	At   string
	Data []byte
	Err  string
}

// evaluate evaluates a file of Jsonnet, in the processes in which charts are rendered. Imports are read from the tree
// alone.
func (r *Renderer) evaluate(ctx context.Context, tree model.Tree, of model.Inflation) ([]model.Rendered, error) {
	find := imports(tree, of)
	a, err := r.run(ctx, Job{Chart: of.Path, Jsonnet: of.Jsonnet, imports: find})
	if err == nil && a.Err != nil {
		err = a.Err
	}
	if err != nil {
		return nil, placed(err)
	}
	return a.Objects, nil
}

// imports finds files as the importer of go-jsonnet does, with the folder of the app and the libraries as its paths: below
// the folder of the file that imports, then in the libraries, the last one first, then in the folder of the app.
func imports(tree model.Tree, of model.Inflation) func(Import) Imported {
	folders := []string{path.Dir(of.File)}
	if of.File != "" {
		folders[0] = of.File
	}
	folders = append(folders, of.Jsonnet.Libs...)
	slices.Reverse(folders)
	return func(ask Import) Imported {
		if path.IsAbs(ask.Name) {
			return Imported{Err: fmt.Sprintf("import %q: files are imported from the repository alone, and not by a path from "+
				"the root of the machine", ask.Name)}
		}
		tries := []string{path.Clean(ask.Name)}
		if ask.From != "" {
			tries = []string{path.Join(path.Dir(ask.From), ask.Name)}
			for _, folder := range folders {
				tries = append(tries, path.Join(folder, ask.Name))
			}
		}
		outside := false
		for _, name := range tries {
			if !fs.ValidPath(name) {
				outside = true
				continue
			}
			data, err := tree.ReadFile(name)
			switch {
			case err == nil && len(data) > maxFile:
				return Imported{Err: fmt.Sprintf("%s is larger than %d MiB", name, maxFile>>20)}
			case err == nil:
				return Imported{At: name, Data: data}
			case !errors.Is(err, fs.ErrNotExist):
				return Imported{Err: fmt.Sprintf("%s cannot be read: %v", name, err)}
			}
		}
		if outside {
			return Imported{Err: fmt.Sprintf("import %q leads out of the repository", ask.Name)}
		}
		return Imported{Err: fmt.Sprintf("couldn't open import %q: it is neither beside the file, nor in the libs, nor in the "+
			"folder of the app", ask.Name)}
	}
}
