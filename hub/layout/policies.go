package layout

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
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

// Policy implements hub.Policies.
func (l *Layout) Policy(o model.Rendered) (p rollout.Policy, is bool, err error) {
	if !isPolicyObject(o) {
		return p, false, nil
	}
	docs, err := document.Parse(o.File, o.JSON)
	if err != nil || len(docs) != 1 {
		return p, true, fmt.Errorf("%s: a RolloutPolicy that cannot be read: %w", o.File, err)
	}
	docs[0].Rendered = true
	p, err = native.ReadRolloutPolicy(docs[0])
	return p, true, err
}

// notDone are the parts of a policy that nothing acts on: what they would let through never passes by itself.
func notDone(p rollout.Policy) (out []rollout.Finding) {
	say := func(field, text string) { out = append(out, rollout.Finding{Policy: p.Name, Field: field, Text: text}) }
	if p.Revert {
		say("spec.revert", "this release of Drover pushes no revert: remove it, and revert what failed in Git")
	}
	for i, w := range p.Waves {
		if w.Approval != nil && len(w.Approval.Groups) > 0 {
			say(fmt.Sprintf("spec.waves[%d].approval.groups", i), "this release of Drover does not know who people are, so "+
				"that "+
				"nobody can approve: remove the groups, or go on without (`drover rollout skip`)")
		}
	}
	return out
}

// policies reads the RolloutPolicies among what is declared for many clusters, and says what is wrong with them.
func policies(tree model.Tree, declared []model.Rendered) (out []declaredPolicy, problems []string) {
	for _, o := range declared {
		if !isPolicyObject(o) {
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

// LintPolicies holds the RolloutPolicies among what is declared for many clusters against the clusters. What is wrong
// with each of them alone, Fleet says.
func LintPolicies(tree model.Tree, declared []model.Rendered, clusters []model.Cluster) (out []fleet.Note) {
	found, _ := policies(tree, declared)
	all := make([]rollout.Policy, len(found))
	for i, p := range found {
		all[i] = p.Policy
	}
	sites := make([]rollout.Site, len(clusters))
	for i, c := range clusters {
		sites[i] = rollout.Site{Name: c.Name, Labels: c.Labels}
		for _, a := range c.Apps {
			sites[i].Apps = append(sites[i].Apps, a.Name)
		}
	}
	wrong := rollout.Lint(time.Now(), all, sites)
	for _, p := range all {
		wrong = append(wrong, notDone(p)...)
	}
	for _, f := range wrong {
		at := slices.IndexFunc(found, func(p declaredPolicy) bool { return p.Name == f.Policy })
		d := found[at].doc
		n := fleet.Note{File: d.File, Object: native.KindRolloutPolicy + " " + f.Policy, Field: f.Field, Text: f.Text}
		if !d.Rendered {
			n.Line = document.LineAt(d.Node, f.Field)
		}
		out = append(out, n)
	}
	return out
}
