package appset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/glob"
	"github.com/drover-dev/drover/hub/layout/argo/repository"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// gitSpec is a Git generator.
type gitSpec struct {
	RepoURL, Revision, PathParamPrefix string
	Directories, Files                 []struct {
		Path    string
		Exclude bool
	}
}

// git gives folders or files of a repository: of this one, or of what else the generator names, as it is fetched.
func (g *generation) git(at string, generator map[string]any) ([]map[string]any, error) {
	var of gitSpec
	data, err := json.Marshal(generator)
	if err == nil {
		err = json.Unmarshal(data, &of)
	}
	if err != nil {
		return nil, err
	}
	first := ""
	if len(of.Directories) > 0 {
		first = glob.FixedPart(of.Directories[0].Path)
	} else if len(of.Files) > 0 {
		first = glob.FixedPart(of.Files[0].Path)
	}
	if first == "." { // a pattern at the root: what it matches is in this repository
		first = ""
	}
	in := gitFiles{tree: g.plan.Tree, spec: of, values: generator["values"]}
	own := repository.Own(g.plan, g.o, at, of.RepoURL, first, &g.plan.Cluster.Notes)
	if !own || !repository.Followed(g.plan, of.Revision) {
		if err := planning.CheckAddress(of.RepoURL); err != nil {
			return nil, fmt.Errorf("repoURL: %w; if it is this repository, name it with --alias", err)
		}
		if in.tree, err = g.plan.TreeOf(*repository.Revision(of.RepoURL, of.Revision)); err != nil {
			return nil, err
		}
	}
	switch {
	case len(of.Directories) > 0:
		return g.directories(in)
	case len(of.Files) > 0:
		return g.files(in)
	}
	return nil, errors.New("it names neither directories nor files")
}

// gitFiles are where a Git generator looks, and for what.
type gitFiles struct {
	tree   model.Tree
	spec   gitSpec
	values any
}

func (g *generation) directories(in gitFiles) ([]map[string]any, error) {
	var found []string
	for _, d := range in.spec.Directories {
		if d.Exclude {
			continue
		}
		if err := matchFolders(in.tree, d.Path, &found); err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	found = slices.DeleteFunc(slices.Compact(found), func(name string) bool {
		return slices.ContainsFunc(in.spec.Directories, func(d struct {
			Path    string
			Exclude bool
		}) bool {
			is, err := path.Match(d.Path, name)
			return d.Exclude && is && err == nil
		})
	})
	var out []map[string]any
	for _, name := range found {
		params := g.pathParams(in.spec.PathParamPrefix, name, "")
		if err := g.appendValues(in.values, params); err != nil {
			return nil, err
		}
		out = append(out, params)
	}
	return out, nil
}

// matchFolders adds the folders that a pattern of path.Match matches, hidden ones left out. It looks into those alone
// that it needs to.
func matchFolders(tree model.Tree, pattern string, to *[]string) error {
	dirs := []string{"."}
	for step := range strings.SplitSeq(pattern, "/") {
		var next []string
		for _, dir := range dirs {
			entries, err := tree.ReadDir(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			for _, e := range entries {
				is, err := path.Match(step, e.Name())
				if err != nil {
					return fmt.Errorf("the pattern %q cannot be understood", pattern)
				}
				if is && e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
					next = append(next, path.Join(dir, e.Name()))
				}
			}
		}
		dirs = next
	}
	*to = append(*to, dirs...)
	return nil
}

func (g *generation) files(in gitFiles) ([]map[string]any, error) {
	found := map[string]bool{}
	for _, exclude := range []bool{false, true} {
		for _, f := range in.spec.Files {
			if f.Exclude != exclude {
				continue
			}
			match, err := glob.Git.Compile(f.Path)
			if err != nil {
				return nil, err
			}
			listed, err := glob.Below(in.tree, glob.FixedPart(f.Path))
			if err != nil {
				return nil, err
			}
			for _, name := range listed {
				if match.MatchString(name) || strings.HasPrefix(name, f.Path+"/") {
					found[name] = !exclude
				}
			}
		}
	}
	var out []map[string]any
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !found[name] {
			continue
		}
		more, err := g.file(in, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, more...)
	}
	return out, nil
}

// file gives the parameters in a file: those of a mapping, or of each one in a list.
func (g *generation) file(in gitFiles, name string) ([]map[string]any, error) {
	data, err := in.tree.ReadFile(name)
	if err != nil {
		return nil, err
	}
	one, all := map[string]any{}, []map[string]any{}
	if err := yaml.Unmarshal(data, &one); err == nil {
		all = append(all, one)
	} else if err := yaml.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("it is neither a mapping nor a list of mappings: %w", err)
	}
	var out []map[string]any
	for _, own := range all {
		params := g.pathParams(in.spec.PathParamPrefix, path.Dir(name), path.Base(name))
		if g.GoTemplate {
			own = maps.Clone(own)
			maps.Copy(own, params)
			params = own
		} else {
			texts := map[string]string{}
			flat(own, "", texts)
			for key, value := range texts {
				if _, ok := params[key]; !ok {
					params[key] = value
				}
			}
		}
		if err := g.appendValues(in.values, params); err != nil {
			return nil, err
		}
		out = append(out, params)
	}
	return out, nil
}

// pathParams are the parameters that tell where something is; file is its name in the folder, "" if it is the folder
// itself.
func (g *generation) pathParams(prefix, dir, file string) map[string]any {
	segments := strings.Split(dir, "/")
	facts := map[string]any{"basename": path.Base(dir), "basenameNormalized": model.NormalizeName(path.Base(dir))}
	if file != "" {
		facts["filename"], facts["filenameNormalized"] = file, model.NormalizeName(file)
	}
	if g.GoTemplate {
		list := make([]any, len(segments))
		for i := range segments {
			list[i] = segments[i]
		}
		facts["path"], facts["segments"] = dir, list
		if prefix != "" {
			return map[string]any{prefix: map[string]any{"path": facts}}
		}
		return map[string]any{"path": facts}
	}
	name := strings.TrimPrefix(prefix+".path", ".")
	out := map[string]any{name: dir}
	for key, value := range facts {
		out[name+"."+key] = value
	}
	for i, s := range segments {
		out[fmt.Sprintf("%s[%d]", name, i)] = s
	}
	return out
}
