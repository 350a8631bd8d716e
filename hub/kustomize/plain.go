package kustomize

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// synthetic is where a kustomization of our own is laid over the mount: beside the repository,
// not in it, so that it cannot collide with anything there.
const synthetic = "/kustomization.yaml"

// maxDepth bounds the folders below a plain folder; symbolic links could make them endless.
const maxDepth = 64

// ignored are the manifests-by-extension that Flux's source-controller never hands on
// (fluxcd/pkg/sourceignore v0.22, ExcludeCI and ExcludeExtra): configuration of other tools.
var ignored = []string{
	".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml",
	"codeship-services.yml", "codeship-steps.yml", ".goreleaser.yml", ".sops.yaml", ".flux.yaml",
}

// ignoredFolders are the folders that source-controller never hands on.
var ignoredFolders = []string{".git", ".github", ".circleci"}

// plain lays a kustomization over the mount that names every manifest of a folder without one.
//
// The rules are those of Flux's kustomize-controller (fluxcd/pkg/kustomize v1.44,
// Generator.scanManifests): walk in lexical order; a subfolder with a kustomization is one entry and
// is not entered; a file counts if it ends in .yaml or .yml; every such file must decode to
// Kubernetes objects or to nothing (empty, comments only), or the whole folder is refused; no
// manifests at all is no objects, not an error. Linked folders are not entered.
func plain(m *mount, dir string, opts model.BuildOptions) (string, error) {
	resources, err := scan(m, dir, opts.Skip, 0)
	if err != nil {
		return "", err
	}
	k := types.Kustomization{Resources: resources}
	if err := merge(m, &k, dir, relative(dir), opts.Overlay); err != nil || len(resources)+len(k.Components) == 0 {
		return "", err
	}
	data, err := yaml.Marshal(k)
	if err != nil {
		return "", fmt.Errorf("write the kustomization of a plain folder: %w", err)
	}
	m.synthetic = data
	return "/", nil
}

// scan lists what the kustomization of a plain folder would name, relative to the mount's root.
func scan(m *mount, dir string, skip []string, depth int) ([]string, error) {
	if depth > maxDepth {
		return nil, &diagnose.BuildError{File: dir, Reason: fmt.Sprintf("folders are nested more than %d deep", maxDepth), Hint: "is a symbolic link pointing back up?"}
	}
	entries, err := m.readDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var resources []string
	for _, e := range entries {
		more, err := scanEntry(m, path.Join(dir, e.Name()), e, skip, depth)
		if err != nil {
			return nil, err
		}
		resources = append(resources, more...)
	}
	return resources, nil
}

func scanEntry(m *mount, name string, e fs.DirEntry, skip []string, depth int) ([]string, error) {
	switch {
	case e.IsDir() && (slices.Contains(ignoredFolders, e.Name()) || slices.Contains(skip, name)):
		return nil, nil
	case e.IsDir():
		return scanFolder(m, name, skip, depth)
	case !diagnose.IsManifest(e.Name()), slices.Contains(ignored, e.Name()), slices.Contains(skip, name):
		return nil, nil
	}
	if e.Type()&fs.ModeSymlink != 0 {
		if info, err := m.stat(name); err == nil && info.IsDir() {
			return nil, nil
		}
	}
	return []string{relative(name)}, nil
}

func scanFolder(m *mount, dir string, skip []string, depth int) ([]string, error) {
	names, err := diagnose.KustomizationsIn(m.gate, dir)
	switch {
	case err != nil:
		return nil, err
	case len(names) > 1:
		return nil, diagnose.TwoKustomizations(dir, names)
	case len(names) == 1:
		return []string{relative(dir)}, nil
	}
	return scan(m, dir, skip, depth+1)
}
