package resolve

import (
	"fmt"

	"github.com/drover-dev/drover/hub/confined"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
)

// reading is what the project of an app permits to read of the repository that the hub follows; the zero value is for
// all of it. What is rendered depends on it.
type reading struct {
	Project, Where            string   `json:",omitempty"`
	Sources, Paths, Addresses []string `json:",omitempty"`
}

// readingOf is what an app may read; the files of another source were permitted with it.
func readingOf(app model.App) reading {
	if app.Bounds == nil || app.Source != nil {
		return reading{}
	}
	p := app.Bounds.Project
	return reading{p.Name, p.Where, p.Sources, p.Paths, app.Bounds.Addresses}
}

// whole says whether all of the repository may be read.
func (r reading) whole() bool {
	bounds := project.Bounds{Project: project.Project{Sources: r.Sources, Paths: r.Paths}, Addresses: r.Addresses}
	return r.Project == "" || bounds.Reads(".")
}

// shown is what of a tree an app may read. The function is to be given how the render ended: what was refused is why.
func (r reading) shown(tree model.Tree, rec *Recorder) (model.Tree, func(error) error) {
	if r.Project == "" {
		return tree, func(err error) error { return err }
	}
	bounds := project.Bounds{Project: project.Project{Sources: r.Sources, Paths: r.Paths}, Addresses: r.Addresses}
	t := confined.New(tree, rec.Real, bounds.Reads)
	return t, func(err error) error {
		if at := t.Refused(); at != "" {
			return &model.ForbiddenError{Text: fmt.Sprintf("the project %s (%s) does not permit to read %s of this repository: "+
				"take it out of the app, or permit its folder (spec.sources)", r.Project, r.Where, at)}
		}
		return err
	}
}
