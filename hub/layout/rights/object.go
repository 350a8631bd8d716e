package rights

import (
	"errors"
	"fmt"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/hub/roles"
)

// Object is a Role or a RoleBinding, and where it stands.
type Object struct {
	roles.Object
	Doc document.Document
}

// Of reads a Role or a RoleBinding of a kind. Kind and Name are also given with an error, which says what is wrong.
func Of(o model.Rendered, kind string, written func(document.Document) document.Document) (Object, error) {
	out := Object{Object: roles.Object{Kind: kind}}
	docs, err := document.Parse(o.File, o.JSON)
	if err != nil || len(docs) != 1 {
		return out, fmt.Errorf("%s: a %s that cannot be read: %w", o.File, kind, err)
	}
	docs[0].Rendered = true
	out.Doc, out.Name = written(docs[0]), docs[0].Name()
	if o.Err != "" {
		return out, errors.New(o.Err)
	}
	if kind == KindRole {
		r, err := ReadRole(out.Doc)
		if err == nil {
			out.Role = &r
		}
		return out, err
	}
	b, err := ReadRoleBinding(out.Doc)
	if err == nil {
		out.Binding = &b
	}
	return out, err
}

// Lint holds the RoleBindings among objects against the Roles, and against the clusters and their apps. notes are no
// errors.
func Lint(all []Object, clusters []model.Cluster) (wrong, notes []fleet.Note) {
	named, projects := map[string]bool{}, map[string]bool{project.Default: true}
	for _, a := range all {
		if a.Role != nil {
			named[a.Name] = true
		}
	}
	for _, c := range clusters {
		for _, app := range c.Apps {
			projects[app.InProject()] = true
		}
	}
	for _, a := range all {
		b := a.Binding
		if b == nil {
			continue
		}
		if _, is := access.Builtin(b.Role); !is && !named[b.Role] {
			wrong = append(wrong, a.note("spec.role", "it gives nothing (AccessRoleNotFound): there is no Role %.80q below "+
				"%s/: write viewer, operator, admin, or a Role", b.Role, planning.FleetRoot))
		}
		if !b.Clusters.All() && !selectsAny(b, clusters) {
			notes = append(notes, a.note("spec.clusterSelector", "it gives nothing (AccessSelectsNothing): it selects no "+
				"cluster"))
		}
		for _, name := range b.Projects {
			if !projects[name] {
				notes = append(notes, a.note("spec.projects", "no app is in the project %s (AccessSelectsNothing)", name))
			}
		}
	}
	return wrong, notes
}

func (o Object) note(field, format string, args ...any) fleet.Note {
	n := fleet.Note{File: o.Doc.File, Object: o.Kind + " " + o.Name, Field: field, Text: fmt.Sprintf(format, args...)}
	if !o.Doc.Rendered {
		n.Line = document.LineAt(o.Doc.Node, field)
	}
	return n
}

func selectsAny(b *access.Binding, clusters []model.Cluster) bool {
	for _, c := range clusters {
		if b.Clusters.Matches(c.Labels) {
			return true
		}
	}
	return false
}
