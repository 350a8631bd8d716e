package layout

import (
	"encoding/json"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/rights"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/roles"
)

// isAccess says whether a document says who may do what.
func isAccess(d document.Document) bool {
	return d.IsOurs() && rights.IsKind(document.Scalar(document.Field(d.Node, "kind")))
}

// readAccess reads an object that is declared for many clusters, if it says who may do what; Kind is "" otherwise.
func readAccess(o model.Rendered, written func(document.Document) document.Document) (rights.Object, error) {
	var h document.Head
	if !native.DeclaredIn(o) || json.Unmarshal(o.JSON, &h) != nil || !rights.IsKind(string(h.Kind)) {
		return rights.Object{}, nil
	}
	return rights.Of(o, string(h.Kind), written)
}

// ReadAccess reads a Role or a RoleBinding, see roles.Read.
func ReadAccess(o model.Rendered) (roles.Object, error) {
	a, err := readAccess(o, func(d document.Document) document.Document { return d })
	return a.Object, err
}

// accesses reads the Roles and RoleBindings among what is declared for many clusters, as their files have them, and
// says what is wrong with them.
func accesses(tree model.Tree, declared []model.Rendered) (out []rights.Object, problems []string) {
	for _, o := range declared {
		a, err := readAccess(o, func(d document.Document) document.Document { return native.Written(tree, d) })
		if err != nil {
			problems = append(problems, err.Error())
		} else if a.Kind != "" {
			out = append(out, a)
		}
	}
	return out, problems
}

// LintAccess holds the RoleBindings among what is declared for many clusters against the Roles and the clusters there
// are. What is wrong with each of them alone, Fleet says. notes are no errors.
func LintAccess(tree model.Tree, declared []model.Rendered, clusters []model.Cluster) (wrong, notes []fleet.Note) {
	all, _ := accesses(tree, declared)
	return rights.Lint(all, clusters)
}
