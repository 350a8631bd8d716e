package argo

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

// git gives folders or files of this repository.
func (g *generation) git(at string, own map[string]any) ([]map[string]any, error) {
	var of gitSpec
	data, err := json.Marshal(own)
	if err == nil {
		err = json.Unmarshal(data, &of)
	}
	if err != nil {
		return nil, err
	}
	first := ""
	if len(of.Directories) > 0 {
		first = fixedPart(of.Directories[0].Path)
	} else if len(of.Files) > 0 {
		first = fixedPart(of.Files[0].Path)
	}
	if first == "." { // a pattern at the root: what it matches is in this repository
		first = ""
	}
	if !ownRepository(g.plan, g.o, at, of.RepoURL, first, &g.plan.Cluster.Notes) || !followed(g.plan, of.Revision) {
		return nil, fmt.Errorf("%s at %q: only this repository at the branch that is followed is supported; if it is "+
			"this one under another address, name it with --alias",
			model.WithoutUser(of.RepoURL), of.Revision)
	}
	switch {
	case len(of.Directories) > 0:
		return g.directories(of, own["values"])
	case len(of.Files) > 0:
		return g.files(of, own["values"])
	}
	return nil, errors.New("it names neither directories nor files")
}

func (g *generation) directories(of gitSpec, values any) ([]map[string]any, error) {
	var found []string
	for _, d := range of.Directories {
		if d.Exclude {
			continue
		}
		if err := matchFolders(g.plan.Tree, d.Path, &found); err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	found = slices.DeleteFunc(slices.Compact(found), func(name string) bool {
		return slices.ContainsFunc(of.Directories, func(d struct {
			Path    string
			Exclude bool
		}) bool {
			is, err := path.Match(d.Path, name)
			return d.Exclude && is && err == nil
		})
	})
	var out []map[string]any
	for _, name := range found {
		params := g.pathParams(of.PathParamPrefix, name, "")
		if err := g.appendValues(values, params); err != nil {
			return nil, err
		}
		out = append(out, params)
	}
	return out, nil
}

// matchFolders adds the folders that a pattern of path.Match matches, hidden ones left out. It looks into those alone that it
// needs to.
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

func (g *generation) files(of gitSpec, values any) ([]map[string]any, error) {
	found := map[string]bool{}
	for _, exclude := range []bool{false, true} {
		for _, f := range of.Files {
			if f.Exclude != exclude {
				continue
			}
			match, err := glob.Git.Compile(f.Path)
			if err != nil {
				return nil, err
			}
			listed, err := filesBelow(g.plan.Tree, fixedPart(f.Path), false)
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
		more, err := g.file(of, name, values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, more...)
	}
	return out, nil
}

// file gives the parameters in a file: those of a mapping, or of each one in a list.
func (g *generation) file(of gitSpec, name string, values any) ([]map[string]any, error) {
	data, err := g.plan.Tree.ReadFile(name)
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
		params := g.pathParams(of.PathParamPrefix, path.Dir(name), path.Base(name))
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
		if err := g.appendValues(values, params); err != nil {
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
