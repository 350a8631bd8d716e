package rancher

import (
	"encoding/json"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// defaultGroup is the group of a GitRepo that names no targets.
const defaultGroup = "default"

// selector is a label selector of Kubernetes.
type selector struct {
	MatchLabels      map[string]string
	MatchExpressions []fleet.Requirement
}

// matches says whether labels satisfy a selector. One that is nil matches nothing.
func (s *selector) matches(labels map[string]string) (bool, error) {
	if s == nil {
		return false, nil
	}
	out, err := fleet.NewSelector(s.MatchLabels, s.MatchExpressions)
	return err == nil && out.Matches(labels), err
}

// target chooses clusters. All that it names must hold; one that names nothing chooses none.
type target struct {
	Name, ClusterName, ClusterGroup       string
	ClusterSelector, ClusterGroupSelector *selector
}

// group is a group of clusters that the cluster of the plan is in.
type group struct {
	name   string
	labels map[string]string
}

// matches says whether a cluster is chosen, as Fleet does (v0.12, controller/target/matcher).
func (t target) matches(c fleet.Cluster, groups []group) (bool, error) {
	if t.ClusterName == "" && t.ClusterGroup == "" && t.ClusterSelector == nil && t.ClusterGroupSelector == nil {
		return false, nil
	}
	if t.ClusterName != "" && t.ClusterName != c.Name {
		return false, nil
	}
	if t.ClusterSelector != nil {
		if is, err := t.ClusterSelector.matches(c.Labels); !is {
			return false, err
		}
	}
	if t.ClusterGroup == "" && t.ClusterGroupSelector == nil {
		return true, nil
	}
	for _, g := range groups {
		if t.ClusterGroup != "" && t.ClusterGroup != g.name {
			continue
		}
		if t.ClusterGroupSelector == nil {
			return true, nil
		}
		if is, err := t.ClusterGroupSelector.matches(g.labels); is || err != nil {
			return is, err
		}
	}
	return false, nil
}

// first is the index of the first target that chooses a cluster; -1 if none does.
func first(targets []target, c fleet.Cluster, groups []group) (int, error) {
	for i, t := range targets {
		if is, err := t.matches(c, groups); is || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// groupsOf are the groups of a namespace that the cluster is in, by the ClusterGroups that are declared, and the names
// of all that are declared. Every cluster is in the group default, unless a ClusterGroup of that name says otherwise.
func (r *reader) groupsOf(namespace string) (groups []group, declared map[string]bool, err error) {
	declared = map[string]bool{}
	for _, o := range r.plan.Objects() {
		if o.Group != apiGroup || o.Kind != kindClusterGroup || o.Namespace != namespace {
			continue
		}
		declared[o.Name] = true
		var spec struct{ Selector *selector }
		if err := o.Decode(&spec); err != nil {
			return nil, nil, r.plan.Errorf(o, "spec", "%v", err)
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
