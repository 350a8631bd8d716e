package layout

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
)

// declarator is an API group with kinds that declare apps, or that Argo CD itself reads.
type declarator struct {
	group, version string
	kinds          []string
}

const (
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	helmGroup      = "helm.toolkit.fluxcd.io"
)

var declarators = []declarator{
	{fleet.GroupOf(fleet.APIVersion), "v1alpha1", []string{fleet.KindApp, fleet.KindCluster}},
	{kustomizeGroup, "v1", []string{kindKustomization}},
	{helmGroup, "v2", []string{kindHelmRelease}},
	{argoGroup, "v1alpha1", []string{kindApplication, kindApplicationSet, kindAppProject}},
}

// lookalike says which declaration an object that is none was probably meant to be: its kind, its group or its
// apiVersion are a slip away from one. Delivered as an ordinary object it would be refused by the API server at best,
// and the objects that it declares would seem to have left Git. "" if it is a declaration, or something of its own:
// kinds of others with the same name (Application of app.k8s.io, Kustomization of kustomize.config.k8s.io, App of any
// product) are far enough away.
func lookalike(apiVersion, kind string) string {
	group, _, grouped := strings.Cut(apiVersion, "/")
	for _, d := range declarators {
		if grouped && group == d.group {
			if slices.Contains(d.kinds, kind) {
				return ""
			}
			meant := d.meant(kind)
			if meant == "" && (group == kustomizeGroup || group == helmGroup) { // nothing else is in these groups
				meant = d.kinds[0]
			}
			return d.says(apiVersion, kind, meant)
		}
	}
	for _, d := range declarators {
		if meant := d.meant(kind); meant != "" && (!grouped || d.near(group)) {
			return d.says(apiVersion, kind, meant)
		}
	}
	return ""
}

func (d declarator) says(apiVersion, kind, meant string) string {
	if meant == "" {
		return ""
	}
	written := fmt.Sprintf("%.60s of %.60s", kind, apiVersion)
	if apiVersion == "" {
		written = fmt.Sprintf("%.60s without apiVersion", kind)
	}
	return fmt.Sprintf("%s is not known and looks like %s of %s/%s: correct apiVersion and kind, or remove the object; "+
		"until then nothing is pruned, because it may declare what seems to have been removed", written, meant, d.group, d.version)
}

// meant is the kind of the group that a kind is a slip away from; "" if there is none.
func (d declarator) meant(kind string) string {
	if slices.Contains(d.kinds, kind) {
		return kind
	}
	for _, k := range d.kinds {
		if nearly(kind, k) {
			return k
		}
	}
	return ""
}

// near says whether a group is a slip away from this one.
func (d declarator) near(group string) bool {
	group = strings.ToLower(group)
	first, _, _ := strings.Cut(group, ".")
	switch {
	case nearly(group, d.group):
		return true
	case d.group == argoGroup:
		return strings.Contains(group, "argoproj") || first == "argocd" || first == "argo"
	case strings.HasSuffix(d.group, ".fluxcd.io"): // that of Flux 1 (helm.fluxcd.io) among them
		return strings.HasSuffix(group, "fluxcd.io") ||
			strings.HasPrefix(group, strings.TrimSuffix(d.group, "fluxcd.io"))
	}
	return strings.HasSuffix(group, "."+d.group) || nearly(first, "drover")
}

// nearly says whether a word is at most a slip of the pen away from another: in the case of letters, in one letter, in
// two of a long word.
func nearly(word, of string) bool {
	if len(word) > 2*len(of) {
		return false
	}
	limit := 2
	if len(of) <= 6 {
		limit = 1
	}
	return distance(strings.ToLower(word), strings.ToLower(of)) <= limit
}

// unknownVersion says that a declaration is of a version that is not read; "" if it is not. What another version says
// may be something else than what this one would make of it.
func unknownVersion(apiVersion, kind string) string {
	group, version, _ := strings.Cut(apiVersion, "/")
	for _, d := range declarators {
		if group == d.group && slices.Contains(d.kinds, kind) && version != d.version {
			hint := ""
			if strings.HasSuffix(d.group, ".fluxcd.io") {
				hint = " (`flux migrate -f` rewrites files)"
			}
			return fmt.Sprintf("apiVersion: %.60s is not a version that this release of Drover reads: write %s/%s%s",
				apiVersion, d.group, d.version, hint)
		}
	}
	return ""
}

// misnamed says that a file which is not read, because its name ends otherwise than in .yaml or .yml, declares
// something: a file that was renamed would take its apps with it. "" for every other file.
func misnamed(tree hub.Tree, file string) string {
	ext := path.Ext(file)
	lower := strings.ToLower(ext)
	if isYAML(file) || lower != ".yaml" && lower != ".yml" && lower != ".json" {
		return ""
	}
	data, err := tree.ReadFile(file)
	if err != nil {
		return fmt.Sprintf("%s cannot be read: %v", file, err)
	}
	if !bytes.Contains(data, []byte("apiVersion")) {
		return ""
	}
	docs, err := parse(file, data)
	for _, d := range docs {
		for _, item := range d.items() {
			if kind := scalar(field(item.node, "kind")); item.declares() {
				return fmt.Sprintf("%s is not read, because its name ends in %s, and declares the %s %s: "+
					"rename it, so that it ends in .yaml", file, ext, kind, item.name())
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
func (d document) declares() bool {
	apiVersion, kind := scalar(field(d.node, "apiVersion")), scalar(field(d.node, "kind"))
	group := fleet.GroupOf(apiVersion)
	return d.isOurs() || d.isArgo() || group == kustomizeGroup || group == helmGroup || lookalike(apiVersion, kind) != ""
}
