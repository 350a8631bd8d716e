package detect

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/folders"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// source is one of the sources of an Application, or of the template of an ApplicationSet.
type source struct{ url, path string }

// sources are those of an Application or an ApplicationSet.
func (o object) sources() (out []source) {
	at := "spec"
	if o.kind == "ApplicationSet" {
		at = "spec.template.spec"
	}
	for _, field := range []string{at + ".source", at + ".sources[0]", at + ".sources[1]", at + ".sources[2]"} {
		if n := document.NodeAt(o.node, field); n != nil {
			out = append(out, source{document.Scalar(document.Field(n, "repoURL")), document.Scalar(document.Field(n, "path"))})
		}
	}
	return out
}

// destination is the cluster that an Application names.
func (o object) destination() string {
	at := "spec.destination."
	if o.kind == "ApplicationSet" {
		at = "spec.template.spec.destination."
	}
	if name := o.text(at + "name"); name != "" {
		return name
	}
	return o.text(at + "server")
}

// own are the destinations that mean the cluster that Argo CD runs in.
var own = []string{"", "in-cluster", "https://kubernetes.default.svc", "https://kubernetes.default.svc/"}

// argo finds the folders that Argo CD begins with: those with Applications and ApplicationSets that no
// Application of this
// repository delivers, as the root of an app of apps.
func (s *survey) argo(l *Layout) {
	apps := slices.DeleteFunc(s.of(Argo, "Application", "ApplicationSet"), func(o object) bool {
		return slices.ContainsFunc(s.charts, func(chart string) bool { return within(o.dir(), chart) }) // a chart's template
	})
	address := s.ownAddress(apps)
	l.alias(address)
	var roots, at []string
	far := map[string]bool{}
	for _, o := range apps {
		if d := o.destination(); !slices.Contains(own, strings.ToLower(d)) {
			far[d] = true
		}
		if s.deliveredBy(o, apps, address) {
			continue
		}
		roots, at = append(roots, o.dir()), append(at, o.at())
	}
	roots = outermost(roots)
	below := slices.ContainsFunc(roots, func(r string) bool { return within(r, planning.FleetRoot) })
	if len(at) > 0 {
		l.Why = append(l.Why, "no Application delivers these, so Argo CD begins with them: "+few(at))
	}
	switch {
	case len(roots) == 0:
		l.Todo = append(l.Todo, "every Application is delivered by another one: say with --path NAME=FOLDER where Argo CD begins")
	case len(far) > 0 && !below:
		names := slices.Sorted(maps.Keys(far))
		l.Why = append(l.Why, fmt.Sprintf("one Argo CD delivers to %d other clusters: %s", len(names), few(names)))
		l.Todo = append(l.Todo, fmt.Sprintf("write fleet/kustomization.yaml with the Applications of %s as resources: "+
			"each cluster is given those whose destination it is",
			few(roots)), "add a folder for each cluster, with spec.argocd {name, server} in its cluster.yaml (`drover cluster add NAME`); docs/from-argocd.md")
		l.Paths = s.patterns(roots)
	case below:
		if s.isDir(folders.DefaultRoot) {
			l.Paths = []string{folders.DefaultRoot}
		} else {
			l.Todo = append(l.Todo, "add a folder for each cluster (`drover cluster add NAME`), with spec.argocd {name, server} in its cluster.yaml")
		}
	default:
		l.Paths = s.patterns(roots)
	}
}

// ownAddress is the address by which most Applications name a repository that has every folder that they ask of it; "" if
// none does.
func (s *survey) ownAddress(apps []object) string {
	fits, misses := map[string]int{}, map[string]int{}
	for _, o := range apps {
		for _, src := range o.sources() {
			switch {
			case src.url == "" || src.path == "" || strings.Contains(src.url+src.path, "{{"):
			case src.path != "." && s.isDir(src.path):
				fits[src.url]++
			default:
				misses[src.url]++
			}
		}
	}
	best := ""
	for _, url := range slices.Sorted(maps.Keys(fits)) {
		if fits[url] > fits[best] && fits[url] > misses[url] {
			best = url
		}
	}
	return best
}

// deliveredBy says whether an Application delivers the file that an object stands in, and is not in it itself.
func (s *survey) deliveredBy(o object, apps []object, address string) bool {
	return slices.ContainsFunc(apps, func(by object) bool {
		return by.kind == "Application" && by.at() != o.at() && slices.ContainsFunc(by.sources(), func(src source) bool {
			folder := planning.Cleaned(src.path)
			return src.path != "" && planning.SameRepository(src.url, address) && within(o.dir(), folder) && !within(by.dir(), folder)
		})
	})
}
