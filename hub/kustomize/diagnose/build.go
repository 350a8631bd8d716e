package diagnose

import (
	"io/fs"
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
)

// Kustomization is one kustomization file that was served.
type Kustomization struct {
	File
	types.Kustomization
	Refs []Reference
	Err  error // why it does not parse
}

// Dir is the folder that the kustomization is of.
func (k Kustomization) Dir() string { return path.Dir(k.Path) }

// What to do about a reference that a build does not follow.
const (
	VendorHint = "run `kustomize localize` in that folder, or copy what it names into the repository and refer to it " +
		"by relative path"
	InHint   = "copy it into the repository and refer to it by relative path"
	HelmHint = "put it into a file of its own and name that under generators, or write it as an entry of helmCharts"
)

// IsKustomization says whether kustomize takes a file of this name for a kustomization.
func IsKustomization(name string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
}

// Repository is where a tree is mounted. It is not "/", so that a path that climbs out of the
// repository is noticed: a rooted path cannot climb above "/", and would silently mean
// something else.
const Repository = "/repository"

// Tree is what a diagnosis needs of a repository.
type Tree interface {
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	ReadFile(name string) ([]byte, error)
}

// Build is what one build of kustomize read, in terms of the repository.
type Build struct {
	tree  Tree
	Dir   string // the folder that is built
	files []File // what was read, in order
	at    map[string]int
	kusts []Kustomization // the kustomizations that were served, in order

	Laid     *Kustomization  // the kustomization that was made up for a plain folder; nil if there is none
	Declares map[string]bool // files that were named as resources
	Missed   string          // the last file that was looked for and not found
}

// NewBuild is of a build that has read nothing yet.
func NewBuild(t Tree, dir string) *Build {
	return &Build{tree: t, Dir: dir, at: map[string]int{}, Declares: map[string]bool{}}
}

// File is one file that a build read.
type File struct {
	Path string // in the repository
	Data []byte
}

// Note records a file that was read.
func (b *Build) Note(name string, data []byte) {
	if _, ok := b.at[name]; ok {
		return
	}
	b.at[name] = len(b.files)
	b.files = append(b.files, File{name, data})
}

// Serve records a kustomization that was served.
func (b *Build) Serve(k Kustomization) {
	if !slices.ContainsFunc(b.kusts, func(other Kustomization) bool { return other.Path == k.Path }) {
		b.kusts = append(b.kusts, k)
	}
}

// Content gives a file that was read during the build.
func (b *Build) Content(name string) ([]byte, bool) {
	i, ok := b.at[name]
	if !ok {
		return nil, false
	}
	return b.files[i].Data, true
}

// Outermost gives the file to point at if no other is known: the first kustomization, or the folder.
func (b *Build) Outermost() string {
	if len(b.kusts) > 0 {
		return b.kusts[0].Path
	}
	return b.Dir
}

// DidYouMean suggests a name that exists beside one that does not, or else gives the other hint.
func (b *Build) DidYouMean(target, otherwise string) string {
	entries, err := b.tree.ReadDir(path.Dir(target))
	if err != nil {
		return otherwise
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return suggest(path.Base(target), names, otherwise)
}
