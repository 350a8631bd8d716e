package query

import "slices"

// The problems of a cluster that end by themselves: until then it is not known which apps it has.
const (
	FolderBuilding   = "the cluster's folder is being built; keeping the last applied version of everything until that is done"
	FleetBuilding    = "the apps for many clusters are being built; keeping all apps until that is done"
	TemplatesRunning = "the templates of an ApplicationSet are being executed; keeping all apps until that is done"
)

// building says whether nothing is wrong with the cluster's folder but that it is still being built.
func (c Cluster) building() bool {
	return len(c.Problems) > 0 && !slices.ContainsFunc(c.Problems, func(p string) bool {
		return p != FolderBuilding && p != FleetBuilding && p != TemplatesRunning
	})
}
