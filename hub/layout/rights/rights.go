// Package rights reads Roles and RoleBindings, and says what is wrong with them. Their schema is that of
// hub/layout/native.
//
// It may import fleet, hub/layout/document, hub/layout/planning, hub/model and hub/roles.
package rights

import (
	"errors"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/roles"
	"github.com/drover-dev/drover/protocol"
)

// The kinds that say who may do what with the hub.
const (
	KindRole        = roles.KindRole
	KindRoleBinding = roles.KindRoleBinding
)

// IsKind says whether a kind of ours says who may do what.
func IsKind(kind string) bool { return kind == KindRole || kind == KindRoleBinding }

// The fields of the objects, as the schemas of hub/layout/native have them.
var (
	objectFields      = []string{"apiVersion", "kind", "metadata", "spec"}
	metaFields        = []string{"name", "namespace", "labels", "annotations"}
	roleFields        = []string{"rules"}
	ruleFields        = []string{"resources", "verbs"}
	bindingFields     = []string{"role", "subjects", "clusterSelector", "projects"}
	subjectFields     = []string{"kind", "name"}
	labelFields       = []string{"matchLabels", "matchExpressions"}
	requirementFields = []string{"key", "operator", "values"}
)

// What there may be at most of each in one object: all of them are looked at for every request.
const (
	maxRules    = 100
	maxSubjects = 1000
	maxProjects = 1000
)

// head checks what a Role and a RoleBinding have in common, and gives the spec.
func head(d document.Document, kind string, fields []string, must ...string) (*yaml.Node, error) {
	if err := protocol.CheckName(d.Name()); err != nil {
		return nil, d.Errorf(d.Node, "the %s's metadata.name: %v", kind, err)
	}
	spec := document.Field(d.Node, "spec")
	if spec == nil {
		return nil, d.Errorf(d.Node, "the %s %s has no spec: write spec.%s", kind, d.Name(), fields[0])
	}
	err := errors.Join(d.CheckKeys(d.Node, "a "+kind, objectFields...),
		d.CheckKeys(document.Field(d.Node, "metadata"), "metadata", metaFields...),
		d.CheckKeys(spec, "spec of a "+kind, fields...))
	for _, name := range must {
		if document.Field(spec, name) == nil {
			err = errors.Join(err, d.Errorf(spec, "the %s %s has no spec.%s: write it, see docs/access.md", kind, d.Name(),
				name))
		}
	}
	return spec, document.OneLine(err)
}

// ReadRole reads a Role. An error says what is wrong with it.
func ReadRole(d document.Document) (access.Role, error) {
	out := access.Role{Name: d.Name()}
	spec, err := head(d, KindRole, roleFields, "rules")
	if err != nil {
		return out, err
	}
	if _, is := access.Builtin(out.Name); is {
		return out, d.Errorf(d.Node, "the role %s is always there and cannot be changed: choose another name", out.Name)
	}
	err = d.Each(spec, "rules", func(item *yaml.Node) error {
		var r access.Rule
		err := errors.Join(d.CheckKeys(item, "rules", ruleFields...), d.Texts(item, "resources", &r.Resources),
			d.Texts(item, "verbs", &r.Verbs))
		if err == nil {
			if wrong := r.Check(); wrong != nil {
				err = d.Errorf(item, "the Role %s: %v", out.Name, wrong)
			}
		}
		out.Rules = append(out.Rules, r)
		return err
	})
	if err == nil && (len(out.Rules) == 0 || len(out.Rules) > maxRules) {
		err = d.Errorf(spec, "the Role %s has %d rules: write between 1 and %d", out.Name, len(out.Rules), maxRules)
	}
	return out, document.OneLine(err)
}

// ReadRoleBinding reads a RoleBinding. An error says what is wrong with it.
func ReadRoleBinding(d document.Document) (access.Binding, error) {
	out := access.Binding{Name: d.Name()}
	spec, err := head(d, KindRoleBinding, bindingFields, "role", "subjects")
	if err != nil {
		return out, err
	}
	err = errors.Join(d.Text(spec, "role", &out.Role), d.Texts(spec, "projects", &out.Projects),
		readSubjects(d, spec, &out), readBoundClusters(d, spec, &out.Clusters))
	if err == nil && document.Field(spec, "projects") != nil && len(out.Projects) == 0 {
		err = d.Errorf(spec, "the RoleBinding %s has an empty list of projects: leave it out to mean all", out.Name)
	}
	if err == nil && len(out.Projects) > maxProjects {
		err = d.Errorf(spec, "the RoleBinding %s has %d projects: write at most %d", out.Name, len(out.Projects), maxProjects)
	}
	for _, name := range out.Projects {
		if wrong := protocol.CheckName(name); wrong != nil && err == nil {
			err = d.Errorf(document.Field(spec, "projects"), "the RoleBinding %s: projects: %v: write names, not patterns",
				out.Name, wrong)
		}
	}
	return out, document.OneLine(err)
}

func readSubjects(d document.Document, spec *yaml.Node, out *access.Binding) error {
	err := d.Each(spec, "subjects", func(item *yaml.Node) error {
		var kind string
		var s access.Subject
		err := errors.Join(d.CheckKeys(item, "subjects", subjectFields...), d.Text(item, "kind", &kind),
			d.Text(item, "name", &s.Name))
		s.Kind = access.SubjectKind(kind)
		known := []access.SubjectKind{access.Group, access.User, access.Token}
		switch {
		case err != nil:
		case !slices.Contains(known, s.Kind):
			err = d.Errorf(item, "the RoleBinding %s: subjects.kind %.80q: write Group, User or Token", out.Name, kind)
		case s.Name == "" || s.Name == access.Any:
			err = d.Errorf(item, "the RoleBinding %s: subjects.name %q: write one name; there is no name for all", out.Name,
				s.Name)
		}
		out.Subjects = append(out.Subjects, s)
		return err
	})
	if err == nil && (len(out.Subjects) == 0 || len(out.Subjects) > maxSubjects) {
		err = d.Errorf(spec, "the RoleBinding %s has %d subjects: write between 1 and %d", out.Name, len(out.Subjects),
			maxSubjects)
	}
	return err
}

// readBoundClusters takes the clusterSelector. One that is there and not understood chooses nothing: the binding is
// then refused as a whole.
func readBoundClusters(d document.Document, spec *yaml.Node, to *selector.Selector) error {
	n := document.Field(spec, "clusterSelector")
	var labels map[string]string
	var requirements []selector.Requirement
	err := errors.Join(d.CheckKeys(n, "clusterSelector", labelFields...), d.Pairs(n, "matchLabels", &labels),
		d.Each(n, "matchExpressions", func(item *yaml.Node) error {
			var r selector.Requirement
			err := errors.Join(d.CheckKeys(item, "matchExpressions", requirementFields...), d.Text(item, "key", &r.Key),
				d.Text(item, "operator", &r.Operator), d.Texts(item, "values", &r.Values))
			requirements = append(requirements, r)
			return err
		}))
	if err != nil {
		return err
	}
	if *to, err = selector.New(labels, requirements); err != nil {
		return d.Errorf(n, "clusterSelector: %v", err)
	}
	return nil
}

// Misplaced is the error about a Role or a RoleBinding that stands where it has no effect.
func Misplaced(d document.Document) error {
	return d.Errorf(d.Node, "the %s %s has no effect here (AccessMisplaced): who may do what is declared for the whole "+
		"fleet alone: move it below %s/", document.Scalar(document.Field(d.Node, "kind")), d.Name(), planning.FleetRoot)
}
