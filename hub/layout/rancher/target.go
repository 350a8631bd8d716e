package rancher

import (
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/model"
)

// defaultGroup is the group of a GitRepo that names no targets.
const defaultGroup = "default"

// labelSelector is a label selector of Kubernetes.
type labelSelector struct {
	MatchLabels      map[string]string
	MatchExpressions []selector.Requirement
}

// matches says whether labels satisfy a selector. One that is nil matches nothing.
func (s *labelSelector) matches(labels map[string]string) (bool, error) {
	if s == nil {
		return false, nil
	}
	out, err := selector.New(s.MatchLabels, s.MatchExpressions)
	return err == nil && out.Matches(labels), err
}

// target chooses clusters. All that it names must hold; one that names nothing chooses none.
type target struct {
	Name, ClusterName, ClusterGroup       string
	ClusterSelector, ClusterGroupSelector *labelSelector
}

// group is a group of clusters that the cluster of the plan is in.
type group struct {
	name   string
	labels map[string]string
}

// matches says whether a cluster is chosen, as Fleet does (v0.12, controller/target/matcher).
func (t target) matches(c model.Cluster, groups []group) (bool, error) {
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
func first(targets []target, c model.Cluster, groups []group) (int, error) {
	for i, t := range targets {
		if is, err := t.matches(c, groups); is || err != nil {
			return i, err
		}
	}
	return -1, nil
}
