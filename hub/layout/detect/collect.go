package detect

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// Bounds on what is looked at: beyond them a repository is recognised by what was seen.
const (
	maxFiles = 50_000
	maxBytes = 1 << 20 // of one file
)

// object is one object of a tool in a file of the repository.
type object struct {
	group, kind, namespace, name string
	file                         string
	line                         int
	node                         *yaml.Node
}

// at is where the object stands.
func (o object) at() string { return fmt.Sprintf("%s:%d", o.file, o.line) }

// dir is the folder of its file.
func (o object) dir() string { return path.Dir(o.file) }

// text is a field, as spec.source.path; "" if there is none.
func (o object) text(field string) string { return document.Scalar(document.NodeAt(o.node, field)) }

// groups are those whose objects are collected, by tool.
var groups = map[string]string{
	"kustomize.toolkit.fluxcd.io": Flux, "helm.toolkit.fluxcd.io": Flux, "source.toolkit.fluxcd.io": Flux, "fluxcd.controlplane.io": Flux,
	"argoproj.io": Argo, "fleet.cattle.io": Fleet,
}

// survey is what a repository holds for the tools.
type survey struct {
	tree    model.Tree
	objects map[string][]object // by tool
	bundles []string            // folders with a fleet.yaml of Rancher Fleet
	charts  []string            // folders with a Chart.yaml
}

// read looks through the repository.
func read(tree model.Tree) (*survey, error) {
	s, files := &survey{tree: tree, objects: map[string][]object{}}, 0
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case model.InSubmodule(err):
			return fs.SkipDir
		case err != nil:
			return fmt.Errorf("%s cannot be read: %w", name, err)
		case e.IsDir() && name != "." && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case e.IsDir() || !document.IsYAML(e.Name()):
			return nil
		}
		if files++; files > maxFiles {
			return fs.SkipAll
		}
		s.file(name, e)
		return nil
	})
	return s, err
}

func (s *survey) file(name string, e fs.DirEntry) {
	switch e.Name() {
	case "fleet.yaml", "fleet.yml":
		s.bundles = append(s.bundles, path.Dir(name))
		return
	case "Chart.yaml":
		s.charts = append(s.charts, path.Dir(name))
		return
	}
	if info, err := e.Info(); err == nil && info.Size() > maxBytes {
		return
	}
	data, err := s.tree.ReadFile(name)
	named := func(group string) bool { return strings.Contains(string(data), group) }
	if err != nil || !slices.ContainsFunc([]string{"fluxcd.io", "fluxcd.controlplane.io", "argoproj.io", "cattle.io"}, named) {
		return
	}
	docs, _ := document.Parse(name, data) // what is broken, lint says
	for _, d := range docs {
		for _, item := range d.Items() {
			s.take(item)
		}
	}
}

func (s *survey) take(d document.Document) {
	o := object{group: fleet.GroupOf(document.Scalar(document.Field(d.Node, "apiVersion"))), kind: document.Scalar(document.Field(d.Node, "kind")),
		namespace: document.Scalar(document.NodeAt(d.Node, "metadata.namespace")), name: d.Name(), file: d.File, line: d.Node.Line, node: d.Node}
	if tool := groups[o.group]; tool != "" {
		s.objects[tool] = append(s.objects[tool], o)
	}
}

// of are the objects of a tool of some kinds.
func (s *survey) of(tool string, kinds ...string) (out []object) {
	for _, o := range s.objects[tool] {
		if slices.Contains(kinds, o.kind) {
			out = append(out, o)
		}
	}
	return out
}

// isDir says whether a folder is in the repository.
func (s *survey) isDir(name string) bool {
	info, err := s.tree.Stat(planning.Cleaned(name))
	return err == nil && info.IsDir()
}

// within says whether a path is a folder, or lies below it.
func within(name, folder string) bool {
	return folder == "." || name == folder || strings.HasPrefix(name, folder+"/")
}
