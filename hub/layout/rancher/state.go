package rancher

import (
	"encoding/json"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// reader reads the objects of Rancher Fleet for one plan.
type reader struct {
	plan      *planning.Plan
	templates model.Templates
	bundles   map[string]*bundle // of this cluster, by the keys of their objects
	read      map[string]bool    // files (fleet.yaml) that a GitRepo leads to
}

// repoSpec is what Drover takes from the spec of a GitRepo.
type repoSpec struct {
	Repo, Branch, Revision          string
	Paths                           []string
	Targets                         []target
	TargetNamespace, ServiceAccount string
	Paused, KeepResources           bool
	CorrectDrift                    *correctDrift
}

// repo is a GitRepo on its way to bundles.
type repo struct {
	repoSpec
	o        *planning.Object
	source   *model.Source // where its files are; nil for this repository
	notes    []fleet.Note
	groups   []group
	declared map[string]bool // groups
}

// targets are the targets of a GitRepo; where it has none, the group default.
func (g *repo) targets() []target {
	if len(g.Targets) == 0 {
		return []target{{ClusterGroup: defaultGroup}}
	}
	return g.Targets
}

func (g *repo) paths() []string {
	if len(g.Paths) == 0 {
		return []string{"."}
	}
	return g.Paths
}

// repoLabel is the label of every bundle with the name of its GitRepo.
const repoLabel = "fleet.cattle.io/repo-name"

// bundle is a folder of a GitRepo, as it is delivered to the cluster of the plan.
type bundle struct {
	repo *repo
	dir  string
	name string
	file file
	options
	wrong  error
	values []model.Values // with the templates in them executed
	notes  []fleet.Note
}

// key is that of the object that stands for the bundle.
func (b *bundle) key() string { return planning.ObjectKey(kindBundle, b.repo.o.Namespace, b.name) }

// declaration is the object that stands for the bundle.
func (b *bundle) declaration() (model.Declaration, error) {
	data, err := json.Marshal(map[string]any{"apiVersion": apiGroup + "/v1alpha1", "kind": kindBundle,
		"metadata": map[string]any{"name": b.name, "namespace": b.repo.o.Namespace, "labels": b.labels()},
		"spec":     map[string]any{"gitRepo": b.repo.o.Name, "path": b.dir}})
	return model.Declaration{Rendered: model.Rendered{JSON: data, File: b.repo.o.File}, App: b.repo.o.App}, err
}

func (b *bundle) labels() map[string]string {
	return overlaid(map[string]string{repoLabel: b.repo.o.Name}, b.file.Labels)
}
