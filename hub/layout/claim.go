package layout

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// dialectOf is the dialect whose objects are of the group and the kind of a document; nil if none is.
func (l *Layout) dialectOf(d document.Document) planning.Dialect {
	h := document.Head{APIVersion: document.Text(document.Scalar(document.Field(d.Node, "apiVersion"))),
		Kind: document.Text(document.Scalar(document.Field(d.Node, "kind")))}
	for _, dialect := range l.dialects() {
		if dialect.Sort("", h) != planning.NotMine {
			return dialect
		}
	}
	return nil
}

// central says whether a document is of a dialect whose objects may stand below FleetRoot; which one, or nil.
func (l *Layout) central(d document.Document) planning.Dialect {
	if dialect := l.dialectOf(d); dialect != nil && dialect.Kinds().Central {
		return dialect
	}
	return nil
}

// centralTools are those whose objects may stand below FleetRoot.
func (l *Layout) centralTools() (tools []string) {
	for _, d := range l.dialects() {
		if k := d.Kinds(); k.Central {
			tools = append(tools, k.Tool)
		}
	}
	return tools
}

// claimer is the dialect that reads a file which is no Kubernetes object; nil if none does.
func (l *Layout) claimer(file string) planning.FileClaimer {
	for _, d := range l.dialects() {
		if c, ok := d.(planning.FileClaimer); ok && c.Claims(file) {
			return c
		}
	}
	return nil
}

// claimsFolder says whether a dialect delivers a folder, by what is in it.
func (l *Layout) claimsFolder(entries []fs.DirEntry) bool {
	var files []string
	for _, e := range entries {
		if !e.IsDir() {
			files = append(files, e.Name())
		}
	}
	return slices.ContainsFunc(l.dialects(), func(d planning.Dialect) bool {
		c, ok := d.(planning.FolderClaimer)
		return ok && c.ClaimsFolder(files)
	})
}

// readClaimed gives the objects that a file stands for which a dialect claims.
func readClaimed(c planning.FileClaimer, tree model.Tree, file string) ([]model.Rendered, error) {
	data, err := tree.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	docs, err := document.Parse(file, data)
	if err != nil {
		return nil, err
	}
	return c.Declares(file, docs)
}
