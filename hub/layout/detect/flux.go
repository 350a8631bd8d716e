package detect

import (
	"path"
	"slices"

	"github.com/drover-dev/drover/hub/layout/planning"
)

// flux finds the folders that Flux begins with: those that `flux bootstrap`, or a FluxInstance, has Flux deliver, in
// which the object that says so stands itself. Where there are none, it is those in which Kustomizations stand that no
// other Kustomization delivers.
func (s *survey) flux(l *Layout) {
	var roots, at []string
	for _, o := range s.of(Flux, "Kustomization") {
		folder := planning.Cleaned(o.text("spec.path"))
		if o.group == "kustomize.toolkit.fluxcd.io" && o.text("spec.path") != "" && within(o.dir(), folder) {
			roots, at = append(roots, folder), append(at, o.at())
			s.address(l, o)
		}
	}
	for _, o := range s.of(Flux, "FluxInstance") {
		if folder := planning.Cleaned(o.text("spec.sync.path")); o.text("spec.sync.path") != "" && s.isDir(folder) {
			roots, at = append(roots, folder), append(at, o.at())
			l.alias(o.text("spec.sync.url"))
		}
	}
	roots = outermost(roots)
	if len(roots) > 0 {
		l.Why = append(l.Why, "Flux delivers the folder that these stand in: "+few(at))
		l.Paths = s.patterns(roots)
		return
	}
	var entries []object
	for _, o := range s.of(Flux, "Kustomization", "HelmRelease") {
		if o.group != "kustomize.toolkit.fluxcd.io" && len(s.of(Flux, "Kustomization")) > 0 || s.delivered(o) {
			continue
		}
		entries = append(entries, o)
	}
	for _, o := range entries {
		dir := o.dir()
		if path.Base(dir) == "flux-system" {
			dir = path.Dir(dir)
		}
		roots, at = append(roots, dir), append(at, o.at())
		s.address(l, o)
	}
	roots = outermost(roots)
	if len(roots) == 0 {
		l.Todo = append(l.Todo, "every Kustomization is delivered by another one: say with --path NAME=FOLDER where Flux begins")
		return
	}
	l.Why = append(l.Why, "no Kustomization delivers the folder that it stands in, as `flux bootstrap` has it; "+
		"these are delivered by no other one: "+few(at))
	l.Paths = s.patterns(roots)
}

// delivered says whether a Kustomization delivers the file that an object stands in.
func (s *survey) delivered(o object) bool {
	return slices.ContainsFunc(s.of(Flux, "Kustomization"), func(k object) bool {
		folder := k.text("spec.path")
		return folder != "" && k.group == "kustomize.toolkit.fluxcd.io" && k.at() != o.at() && within(o.dir(), planning.Cleaned(folder))
	})
}

// address notes by which address a Kustomization names the repository that it is in.
func (s *survey) address(l *Layout, k object) {
	name := k.text("spec.sourceRef.name")
	for _, g := range s.of(Flux, "GitRepository") {
		if g.name == name && s.isDir(k.text("spec.path")) {
			l.alias(g.text("spec.url"))
		}
	}
}

// alias adds an address of the repository, once.
func (l *Layout) alias(url string) {
	if url == "" || slices.ContainsFunc(l.Aliases, func(a string) bool { return planning.SameRepository(a, url) }) {
		return
	}
	l.Aliases = append(l.Aliases, url)
}

// outermost are folders without those that lie below others, sorted.
func outermost(all []string) []string {
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	return slices.DeleteFunc(slices.Clone(all), func(f string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return other != f && within(f, other) })
	})
}
