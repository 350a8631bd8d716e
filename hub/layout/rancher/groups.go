package rancher

import (
	"encoding/json"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// groupsOf are the groups of a GitRepo's namespace that the cluster is in, by the ClusterGroups that are
// declared, and the
// names of all that are declared. Every cluster is in the group default, unless a ClusterGroup of that name says
// otherwise.
func (r *reader) groupsOf(of *planning.Object) (groups []group, declared map[string]bool, err error) {
	declared = map[string]bool{}
	for _, o := range r.plan.Objects() {
		if o.Group != apiGroup || o.Kind != kindClusterGroup || o.Namespace != of.Namespace ||
			!r.plan.May(of, o) {
			continue
		}
		declared[o.Name] = true
		var spec struct{ Selector *labelSelector }
		if err := o.Decode(&spec); err != nil {
			return nil, nil, r.plan.Undecodable(o, err)
		}
		is, err := spec.Selector.matches(r.plan.Cluster.Labels)
		if err != nil {
			return nil, nil, r.plan.Errorf(o, "spec.selector", "%v", err)
		}
		if is {
			groups = append(groups, group{o.Name, labelsOf(o)})
		}
	}
	if !declared[defaultGroup] {
		declared[defaultGroup] = true
		groups = append(groups, group{name: defaultGroup})
	}
	return groups, declared, nil
}

func labelsOf(o *planning.Object) map[string]string {
	var h document.Head
	if json.Unmarshal(o.JSON, &h) != nil {
		return nil
	}
	out := map[string]string{}
	for key, value := range h.Metadata.Labels {
		out[key] = string(value)
	}
	return out
}
