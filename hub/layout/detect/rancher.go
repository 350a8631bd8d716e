package detect

import (
	"fmt"
	"slices"

	"github.com/drover-dev/drover/hub/layout/folders"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// rancher finds the GitRepos of Rancher Fleet, and where clusters are. Fleet keeps both in its management cluster, so in
// most repositories they have to be added once.
func (s *survey) rancher(l *Layout) {
	repos := s.of(Fleet, "GitRepo")
	var at, outside []string
	for _, o := range repos {
		at = append(at, o.at())
		if l.alias(o.text("spec.repo")); !within(o.dir(), planning.FleetRoot) && !within(o.dir(), folders.DefaultRoot) {
			outside = append(outside, o.at())
		}
	}
	if len(s.bundles) > 0 {
		slices.Sort(s.bundles)
		l.Why = append(l.Why, fmt.Sprintf("%d folders have a fleet.yaml: %s", len(s.bundles), few(s.bundles)))
	}
	switch {
	case len(repos) == 0:
		l.Todo = append(l.Todo, "no GitRepo is in this repository: write them below fleet/ (`kubectl -n fleet-default get gitrepo -o yaml`)")
	case len(outside) > 0:
		l.Todo = append(l.Todo, "GitRepos are read below fleet/ and in the folders of clusters: move these there: "+few(outside))
		fallthrough
	default:
		l.Why = append(l.Why, "GitRepos: "+few(at))
	}
	if s.isDir(folders.DefaultRoot) {
		l.Paths = []string{folders.DefaultRoot}
		return
	}
	l.Todo = append(l.Todo, "add a folder for each cluster (`drover cluster add NAME --label key=value`), with the labels of its Cluster object "+
		"(`kubectl -n fleet-default get clusters.fleet.cattle.io --show-labels`)")
}
