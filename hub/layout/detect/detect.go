package detect

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/folders"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// The tools that a repository may have been written for.
const (
	Flux  = "flux"
	Argo  = "argocd"
	Fleet = "fleet"
)

// Tools are all that are recognised, in the order in which they are asked where several fit equally.
func Tools() []string { return []string{Flux, Argo, Fleet} }

// Layout is how Drover is to read a repository.
type Layout struct {
	Tool string `json:"tool"`
	// Paths are values for --path; none where no folder of the repository can be a cluster's as it is.
	Paths []string `json:"paths"`
	// Aliases are addresses of the repository by which its own files name it, for --alias.
	Aliases []string `json:"aliases"`
	// Why is what was recognised, and where.
	Why []string `json:"why"`
	// Todo is what a person has to add or to decide.
	Todo []string `json:"todo"`
	// Others are the tools of which there are objects as well.
	Others []string `json:"others"`
}

// Detect recognises a layout. tool is one of Tools, "" for the one that fits best. known are the addresses by which the
// repository is known anyway. An error says what was looked for and not found.
func Detect(tree model.Tree, tool string, known []string) (Layout, error) {
	s, err := read(tree)
	if err != nil {
		return Layout{}, err
	}
	weight := s.weights()
	if tool == "" {
		tool = slices.MaxFunc(Tools(), func(a, b string) int { return cmp.Compare(weight[a], weight[b]) })
		if weight[tool] == 0 {
			return Layout{}, fmt.Errorf("nothing here was written for Flux (Kustomization, HelmRelease, FluxInstance), Argo CD (Application, " +
				"ApplicationSet) or Rancher Fleet (GitRepo, fleet.yaml): start with `drover cluster add NAME`, or, if it was, name the tool with --from")
		}
	}
	if weight[tool] == 0 {
		return Layout{}, fmt.Errorf("nothing in this repository was written for %s", tool)
	}
	l := Layout{Tool: tool, Paths: []string{}, Aliases: []string{}, Why: []string{}, Todo: []string{}, Others: []string{}}
	for _, other := range Tools() {
		if other != tool && weight[other] > 0 {
			l.Others = append(l.Others, other)
		}
	}
	switch tool {
	case Flux:
		s.flux(&l)
	case Argo:
		s.argo(&l)
	case Fleet:
		s.rancher(&l)
	}
	l.Aliases = slices.DeleteFunc(l.Aliases, func(url string) bool {
		return slices.ContainsFunc(known, func(k string) bool { return planning.SameRepository(k, url) })
	})
	return l, nil
}

// weights are how much there is for each tool.
func (s *survey) weights() map[string]int {
	return map[string]int{
		Flux:  len(s.of(Flux, "Kustomization", "HelmRelease", "FluxInstance", "ResourceSet")),
		Argo:  len(s.of(Argo, "Application", "ApplicationSet")),
		Fleet: len(s.of(Fleet, "GitRepo")) + len(s.bundles),
	}
}

// patterns are values for --path by which just these folders are clusters'. They are those that a person would write.
func (s *survey) patterns(roots []string) []string {
	slices.Sort(roots)
	roots = slices.Compact(roots)
	if len(roots) == 0 {
		return []string{}
	}
	var parents []string
	for _, r := range roots {
		if path.Dir(r) == "." { // --path . would take every folder of the repository for a cluster's
			return s.named(roots)
		}
		parents = append(parents, path.Dir(r))
	}
	slices.Sort(parents)
	parents = slices.Compact(parents)
	tries := [][]string{parents, append(slices.Clone(parents), s.siblings(parents, roots)...)}
	if len(parents) > 1 {
		above := path.Dir(parents[0])
		tries = append(tries, []string{path.Join(above, "*/*")}, append([]string{path.Join(above, "*/*")}, s.siblings(parents, roots)...))
	}
	for _, try := range tries {
		if s.finds(try, roots) {
			return try
		}
	}
	return s.named(roots)
}

// maxLeftOut is how many patterns that leave folders out are proposed.
const maxLeftOut = 4

// siblings leave out the folders beside clusters'; none are given if there are many.
func (s *survey) siblings(parents, roots []string) []string {
	var out []string
	for _, p := range parents {
		entries, err := s.tree.ReadDir(p)
		if err != nil {
			return nil
		}
		for _, e := range entries {
			name := path.Join(p, e.Name())
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.ContainsFunc(roots, func(r string) bool { return within(r, name) }) {
				out = append(out, "!"+name)
			}
		}
	}
	if len(out) > maxLeftOut {
		return nil
	}
	return out
}

// finds says whether patterns find just these folders, each with a name of its own.
func (s *survey) finds(patterns, roots []string) bool {
	p, err := folders.Parse(patterns)
	if err != nil {
		return false
	}
	found, err := p.Find(s.tree)
	if err != nil || len(found) != len(roots) {
		return false
	}
	names := map[string]bool{}
	for _, f := range found {
		if names[f.Name] || !slices.Contains(roots, f.Path) {
			return false
		}
		names[f.Name] = true
	}
	return true
}

// plainNames are of folders that say nothing of the cluster.
var plainNames = []string{"flux", "flux-system", "cluster", "config", "bootstrap", "argocd", "argo-cd", "argo", "apps", "applications",
	"main", "kubernetes", "k8s", "."}

// named gives every folder a name of its own.
func (s *survey) named(roots []string) []string {
	var out []string
	taken := map[string]bool{}
	for _, r := range roots {
		name := "cluster"
		for dir := r; dir != "."; dir = path.Dir(dir) {
			if !slices.Contains(plainNames, path.Base(dir)) {
				name = folders.Label(path.Base(dir))
				break
			}
		}
		for base, n := name, 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		taken[name] = true
		out = append(out, name+"="+r)
	}
	return out
}

// few lists at most three.
func few(names []string) string {
	if more := len(names) - 3; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), more)
	}
	return strings.Join(names, ", ")
}
