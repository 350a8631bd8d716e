package layout

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// groups are the API groups with kinds that declare apps: Drover's own, and those of the dialects.
func (l *Layout) groups() []planning.Group {
	out := []planning.Group{native.NativeGroup}
	for _, d := range l.dialects() {
		for _, g := range d.Kinds().Groups {
			if len(g.Known()) > 0 {
				out = append(out, g)
			}
		}
	}
	return out
}

// lookalike says which declaration an object that is none was probably meant to be: its kind, its group or its
// apiVersion are a slip away from one. Delivered as an ordinary object it would be refused by the API server at best,
// and the objects that it declares would seem to have left Git. "" if it is a declaration, or something of its own:
// kinds of others with the same name (Application of app.k8s.io, Kustomization of kustomize.config.k8s.io, App of any
// product) are far enough away.
func (l *Layout) lookalike(apiVersion, kind string) string {
	groups := l.groups()
	group, _, grouped := strings.Cut(apiVersion, "/")
	for _, g := range groups {
		if grouped && group == g.Name {
			if slices.Contains(g.Known(), kind) {
				return ""
			}
			meant := meant(g, kind)
			if meant == "" && g.Closed {
				meant = g.Known()[0]
			}
			return says(g, apiVersion, kind, meant)
		}
	}
	for _, g := range groups {
		if meant := meant(g, kind); meant != "" && (!grouped || document.Nearly(strings.ToLower(group),
			g.Name) || g.Resembles(strings.ToLower(group))) {
			return says(g, apiVersion, kind, meant)
		}
	}
	return ""
}

func says(g planning.Group, apiVersion, kind, meant string) string {
	if meant == "" {
		return ""
	}
	written := fmt.Sprintf("%.60s of %.60s", kind, apiVersion)
	if apiVersion == "" {
		written = fmt.Sprintf("%.60s without apiVersion", kind)
	}
	return fmt.Sprintf("%s is not known and looks like %s of %s/%s: correct apiVersion and kind, or remove the object; "+
		"until then nothing is pruned, because it may declare what seems to have been "+
		"removed", written, meant, g.Name, g.Version)
}

// meant is the kind of the group that a kind is a slip away from; "" if there is none.
func meant(g planning.Group, kind string) string {
	if slices.Contains(g.Known(), kind) {
		return kind
	}
	for _, k := range g.Known() {
		if document.Nearly(kind, k) {
			return k
		}
	}
	return ""
}

// unknownVersion says that a declaration is of a version that is not read; "" if it is not. What another version says
// may be something else than what this one would make of it.
func (l *Layout) unknownVersion(apiVersion, kind string) string {
	group, version, _ := strings.Cut(apiVersion, "/")
	for _, g := range l.groups() {
		if group == g.Name && slices.Contains(g.Known(), kind) && version != g.Version {
			return fmt.Sprintf("apiVersion: %.60s is not a version that this release of Drover reads: write %s/%s%s",
				apiVersion, g.Name, g.Version, g.Hint)
		}
	}
	return ""
}

// misnamed says that a file which is not read, because its name ends otherwise than in .yaml or .yml, declares
// something: a file that was renamed would take its apps with it. "" for every other file.
func (l *Layout) misnamed(tree model.Tree, file string) string {
	ext := path.Ext(file)
	lower := strings.ToLower(ext)
	if document.IsYAML(file) || lower != ".yaml" && lower != ".yml" && lower != ".json" {
		return ""
	}
	data, err := tree.ReadFile(file)
	if err != nil {
		return fmt.Sprintf("%s cannot be read: %v", file, err)
	}
	if !bytes.Contains(data, []byte("apiVersion")) {
		return ""
	}
	docs, err := document.Parse(file, data)
	for _, d := range docs {
		for _, item := range d.Items() {
			if kind := document.Scalar(document.Field(item.Node, "kind")); l.declares(item) {
				return fmt.Sprintf("%s is not read, because its name ends in %s, and declares the %s %s: "+
					"rename it, so that it ends in .yaml", file, ext, kind, item.Name())
			}
		}
	}
	if err != nil && lower != ".json" {
		return fmt.Sprintf("%s is not read, because its name ends in %s, and may declare apps: "+
			"rename it, so that it ends in .yaml, or remove it", file, ext)
	}
	return ""
}

// declares says whether a document declares an app, or looks as if it did.
func (l *Layout) declares(d document.Document) bool {
	apiVersion, kind := document.Scalar(document.Field(d.Node, "apiVersion")), document.Scalar(document.Field(d.Node,
		"kind"))
	group := fleet.GroupOf(apiVersion)
	known := func(g planning.Group) bool { return g.Name == group && len(g.Known()) > 0 && g.Declares(kind) }
	return d.IsOurs() || slices.ContainsFunc(l.groups(), known) || l.lookalike(apiVersion, kind) != ""
}
