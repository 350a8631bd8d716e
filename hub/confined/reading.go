package confined

import (
	"fmt"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
)

// Reading is what the project of an app permits to read of the repository that the hub follows; the zero value is for
// all of it. What is rendered depends on it.
type Reading struct {
	Project, Where            string   `json:",omitempty"`
	Sources, Paths, Addresses []string `json:",omitempty"`
}

// ReadingOf is what an app may read; the files of another source were permitted with it.
func ReadingOf(app model.App) Reading {
	if app.Bounds == nil || app.Source != nil {
		return Reading{}
	}
	p := app.Bounds.Project
	return Reading{p.Name, p.Where, p.Sources, p.Paths, app.Bounds.Addresses}
}

func (r Reading) bounds() *project.Bounds {
	return &project.Bounds{Project: project.Project{Sources: r.Sources, Paths: r.Paths}, Addresses: r.Addresses}
}

// Whole says whether all of the repository may be read.
func (r Reading) Whole() bool { return r.Project == "" || r.bounds().Reads(".") }

// Shown is what of a tree an app may read; real follows its symbolic links. The function is to be given how the render
// ended: what was refused is why.
func (r Reading) Shown(tree model.Tree, real func(name string) string) (model.Tree, func(error) error) {
	if r.Project == "" {
		return tree, func(err error) error { return err }
	}
	t := New(tree, real, r.bounds().Reads)
	return t, func(err error) error {
		if at := t.Refused(); at != "" {
			return &model.ForbiddenError{Text: fmt.Sprintf("the project %s (%s) does not permit to read %s of this repository: "+
				"take it out of the app, or permit its folder (spec.sources)", r.Project, r.Where, at)}
		}
		return err
	}
}
