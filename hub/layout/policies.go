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

// notActedOn is said of every RolloutPolicy: one that holds nothing back must never look as if it did.
const notActedOn = "the RolloutPolicy %s is checked and not acted on by this release of Drover: every commit reaches " +
	"all of " +
	"its clusters at once; remove it, or do not rely on it"

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
		problems = append(problems, d.Errorf(d.Node, notActedOn, p.Name).Error())
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
	for _, f := range rollout.Lint(time.Now(), all, sites) {
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
