package native

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/protocol"
)

// KindProject is the kind of a tenant's boundary.
const KindProject = "Project"

// projectShapes are the fields of a Project's spec.
var projectShapes = []shape{
	{name: "sources", must: true, kind: texts,
		says: "What the apps may be delivered from: folders of this repository, seen from its root and beginning with ./, and " +
			"addresses of repositories, charts and artifacts. * does not match a slash, ** does, {a,b} is either, and \"!\" " +
			"before a pattern refuses what it matches. \"*\" alone is every source and folder.",
		example: []any{"./teams/a/**", "https://git.example.com/team-a/*"}},
	{name: "namespaces", must: true, kind: texts, says: "Patterns of the namespaces that the apps may deliver into.",
		example: []any{"team-a", "team-a-*"}},
	{
		name:    "clusters",
		kind:    texts,
		says:    "Patterns of the clusters that the apps may be delivered to; all, if it is not set.",
		example: []any{"staging-*"},
	},
	{
		name:    "kinds",
		fields:  kindsShapes,
		says:    "Kinds of objects that live in a namespace; all, if nothing is allowed by name.",
		example: map[string]any{"deny": []any{map[string]any{"group": "", "kind": "ResourceQuota"}}},
	},
	{
		name:   "clusterKinds",
		fields: kindsShapes,
		says:   "Kinds of objects that live in no namespace; none, if nothing is allowed.",
		example: map[string]any{
			"allow": []any{map[string]any{"group": "", "kind": "Namespace", "name": "team-a-*"}},
		},
	},
	{name: "credentials", kind: texts,
		says: "Names of the credentials that the apps may name; none, if it is not set.", example: []any{"team-a"}},
	{name: "hubKeys", kind: texts,
		says: "Names of keys of the hub, with which it may decrypt what the apps deliver and take variables and " +
			"values from; none, " +
			"if it is not set. What is decrypted is delivered to the cluster alone.", example: []any{"team-a"}},
	{name: "serviceAccount", kind: aText,
		says: "The service account, as namespace/name, with whose rights the apps are applied. An app of the project may name " +
			"no other.", example: "team-a/deployer"},
}

var kindsShapes = []shape{
	{name: "allow", list: true, fields: kindShapes, says: "Kinds that are allowed.", example: []any{}},
	{
		name:    "deny",
		list:    true,
		fields:  kindShapes,
		says:    "Kinds that are refused, also where allow has them.",
		example: []any{},
	},
}

var kindShapes = []shape{
	{name: "group", must: true, kind: aText, says: "A pattern; \"\" is the core group.", example: "apps"},
	{name: "kind", must: true, kind: aText, says: "A pattern.", example: "Deployment"},
	{name: "name", kind: aText, says: "A pattern of the objects' names; all, if it is not set.", example: "team-a-*"},
}

// ReadProject reads a Project. An error says what is wrong with it; the project is then one that permits nothing, so
// that
// its apps keep what was applied last.
func ReadProject(d document.Document) (project.Project, error) {
	meta, spec := document.Field(d.Node, "metadata"), document.Field(d.Node, "spec")
	out := project.Project{Name: d.Name(), Where: d.Place(document.Field(meta, "name")), Credentials: []string{}}
	if err := protocol.CheckName(out.Name); err != nil {
		return out, d.Errorf(d.Node, "the project's metadata.name: %v", err)
	}
	if spec == nil {
		return out, d.Errorf(
			d.Node,
			"the Project %s has no spec: write spec.sources and spec.namespaces, each [\"*\"] for all",
			out.Name,
		)
	}
	var sources, namespaces, clusters []string
	var account string
	err := errors.Join(
		d.CheckKeys(d.Node, "a Project", objectFields...),
		d.CheckKeys(meta, "metadata", namesOf(metaShapes)...),
		d.CheckKeys(spec, "spec of a Project", namesOf(projectShapes)...),
		d.Texts(
			spec,
			"sources",
			&sources,
		),
		d.Texts(spec, "namespaces", &namespaces),
		d.Texts(spec, "clusters", &clusters),
		d.Texts(spec, "credentials", &out.Credentials),
		d.Texts(spec, "hubKeys", &out.HubKeys),
		readKinds(d, spec, "kinds", &out.Namespaced),
		readKinds(d, spec, "clusterKinds", &out.ClusterScoped),
		readAccount(d, spec, &account),
	)
	for _, must := range []string{"sources", "namespaces"} {
		if document.Field(spec, must) == nil {
			err = errors.Join(
				err,
				d.Errorf(spec, "a Project without spec.%s: write which there may be, or [\"*\"] for all", must),
			)
		}
	}
	if clusters == nil {
		clusters = []string{"*"}
	}
	for _, c := range clusters {
		for _, n := range namespaces {
			out.Destinations = append(out.Destinations, project.Destination{Name: c, Namespace: n})
		}
	}
	if account != "" {
		out.Accounts = []project.Account{{Destination: project.Destination{Name: "*", Namespace: "*"}, Name: account}}
	}
	for _, s := range sources {
		if folder, is := folderPattern(s); is {
			out.Paths = append(out.Paths, folder)
		} else {
			out.Sources = append(out.Sources, s)
		}
	}
	for _, wrong := range out.Check() {
		err = errors.Join(err, d.Errorf(spec, "%s", wrong))
	}
	if err != nil {
		return project.Project{Name: out.Name, Where: out.Where}, document.OneLine(err)
	}
	return out, nil
}

// Written is a Project or a RolloutPolicy as the file has it that it comes from, where there are lines; the object
// itself, if it is not found there.
func Written(tree model.Tree, d document.Document) document.Document {
	kind := document.Scalar(document.Field(d.Node, "kind"))
	data, err := tree.ReadFile(d.File)
	if err != nil {
		return d
	}
	docs, _ := document.Parse(d.File, data) // what is broken in it, the build has said
	for _, s := range docs {
		for _, item := range s.Items() {
			if item.IsOurs() && document.Scalar(document.Field(item.Node, "kind")) == kind &&
				item.Name() == d.Name() &&
				sameContent(item, d) {
				return item
			}
		}
	}
	return d
}

// sameContent says whether two documents say the same.
func sameContent(a, b document.Document) bool {
	left, err := a.Rendering()
	right, wrong := b.Rendering()
	return err == nil && wrong == nil && string(left.JSON) == string(right.JSON)
}

// folderPattern is a pattern of folders of this repository, as ./teams/a/**, seen from the root. One that leaves the
// repository fits no folder of it, nor the root.
func folderPattern(s string) (string, bool) {
	plain := strings.TrimPrefix(s, "!")
	if !strings.HasPrefix(plain, "./") && plain != "." {
		return "", false
	}
	plain = path.Clean(plain)
	if base, all := strings.CutSuffix(plain, "/**"); all {
		plain = base + "{,/**}" // the folder is part of what is below it
	}
	return s[:len(s)-len(strings.TrimPrefix(s, "!"))] + plain, true
}

// readKinds takes lists of kinds.
func readKinds(d document.Document, spec *yaml.Node, name string, to *project.Kinds) error {
	n := document.Field(spec, name)
	list := func(field string, to *[]project.Kind) error {
		return d.Each(n, field, func(item *yaml.Node) error {
			var k project.Kind
			err := errors.Join(d.CheckKeys(item, fmt.Sprintf("%s.%s", name, field), namesOf(kindShapes)...),
				d.Text(item, "group", &k.Group), d.Text(item, "kind", &k.Kind), d.Text(item, "name", &k.Name))
			for _, must := range []string{"group", "kind"} {
				if document.Field(item, must) == nil {
					err = errors.Join(
						err,
						d.Errorf(item, "an item of %s.%s without %s: write it, \"*\" for any", name, field, must),
					)
				}
			}
			*to = append(*to, k)
			return err
		})
	}
	return errors.Join(
		d.CheckKeys(n, name, namesOf(kindsShapes)...),
		list("allow", &to.Allow),
		list("deny", &to.Deny),
	)
}
