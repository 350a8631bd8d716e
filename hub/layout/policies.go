package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/rollout/lint"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// isPolicy says whether a document is a RolloutPolicy.
func isPolicy(d document.Document) bool {
	return d.IsOurs() && document.Scalar(document.Field(d.Node, "kind")) == native.KindRolloutPolicy
}

// isPolicyObject says whether an object is a RolloutPolicy.
func isPolicyObject(o model.Rendered) bool {
	var h document.Head
	return native.DeclaredIn(o) && json.Unmarshal(o.JSON, &h) == nil && string(h.Kind) == native.KindRolloutPolicy
}

// declaredPolicy is a RolloutPolicy, and where it stands.
type declaredPolicy struct {
	rollout.Policy
	doc document.Document
}

// Policies implements hub.Policies: a RolloutPolicy, or what a dialect reads of how changes reach clusters.
func (l *Layout) Policies(o model.Rendered) ([]rollout.Policy, error) {
	if !isPolicyObject(o) {
		for _, d := range l.dialects() {
			by, paces := d.(planning.Pacer)
			if !paces || o.Err != "" {
				continue
			}
			if out, err := by.Policies(o); len(out) > 0 || err != nil {
				return out, err
			}
		}
		return nil, nil
	}
	if o.Err != "" {
		return nil, errors.New(o.Err)
	}
	docs, err := document.Parse(o.File, o.JSON)
	if err != nil || len(docs) != 1 {
		return nil, fmt.Errorf("%s: a RolloutPolicy that cannot be read: %w", o.File, err)
	}
	docs[0].Rendered = true
	p, err := native.ReadRolloutPolicy(docs[0])
	return []rollout.Policy{p}, err
}

// policies reads the RolloutPolicies among what is declared for many clusters, and says what is wrong with them.
func policies(tree model.Tree, declared []model.Rendered) (out []declaredPolicy, problems []string) {
	for _, o := range declared {
		if !isPolicyObject(o) {
			continue
		}
		if o.Err != "" {
			problems = append(problems, o.Err)
			continue
		}
		docs, err := document.Parse(o.File, o.JSON)
		if err != nil || len(docs) != 1 {
			problems = append(problems, fmt.Sprintf("%s: a RolloutPolicy that cannot be read: %v", o.File, err))
			continue
		}
		docs[0].Rendered = true
		d := native.Written(tree, docs[0])
		p, err := native.ReadRolloutPolicy(d)
		if err != nil {
			problems = append(problems, err.Error())
		} else {
			out = append(out, declaredPolicy{p, d})
		}
	}
	return out, problems
}

// LintPolicies holds the RolloutPolicies among what is declared for many clusters against the clusters, and what other
// tools' objects are read as. What is wrong with each of them alone, Fleet and the plans say. notes are no errors.
func (l *Layout) LintPolicies(tree model.Tree, declared []model.Rendered, clusters []model.Cluster) (wrong,
	notes []fleet.Note) {
	found, _ := policies(tree, declared)
	all := make([]rollout.Policy, len(found))
	origins := map[string]model.Rendered{}
	for i, p := range found {
		all[i] = p.Policy
	}
	for _, o := range declared {
		read, err := l.Policies(o)
		for _, p := range read {
			if p.Origin == nil || err != nil {
				continue
			}
			if slices.ContainsFunc(all, func(x rollout.Policy) bool { return x.Name == p.Name }) {
				notes = append(notes, fleet.Note{File: o.File, Object: p.Origin.Object, Field: p.Origin.Field,
					Text: fmt.Sprintf("not followed: there is another policy %s, and a policy is known by its name", p.Name)})
				continue
			}
			all, origins[p.Name] = append(all, p), o
		}
	}
	sites := make([]lint.Site, len(clusters))
	for i, c := range clusters {
		sites[i] = lint.Site{Name: c.Name, Labels: c.Labels, Named: map[string][]string{}}
		for _, a := range c.Apps {
			sites[i].Apps = append(sites[i].Apps, a.Name)
			if names := a.Policies.Names(); len(names) > 0 {
				sites[i].Named[a.Name] = names
			}
		}
	}
	for _, f := range lint.Policies(time.Now(), all, sites) {
		at := slices.IndexFunc(found, func(p declaredPolicy) bool { return p.Name == f.Policy })
		d := found[at].doc
		n := fleet.Note{File: d.File, Object: native.KindRolloutPolicy + " " + f.Policy, Field: f.Field, Text: f.Text}
		if !d.Rendered {
			n.Line = document.LineAt(d.Node, f.Field)
		}
		wrong = append(wrong, n)
	}
	for _, f := range lint.Origins(time.Now(), all, sites) {
		at := slices.IndexFunc(all, func(p rollout.Policy) bool { return p.Name == f.Policy })
		notes = append(notes, fleet.Note{File: origins[f.Policy].File, Object: all[at].Origin.Object, Field: f.Field,
			Text: f.Text})
	}
	return wrong, notes
}
