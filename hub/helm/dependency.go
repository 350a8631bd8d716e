package helm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/yaml"
)

// manifest is what the hub itself needs to know of a Chart.yaml.
type manifest struct {
	Name         string       `json:"name"`
	Dependencies []dependency `json:"dependencies"`
}

// dependency is one entry of `dependencies` in Chart.yaml, Chart.lock, or the requirements files of older charts.
type dependency struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Repository string `json:"repository"`
}

// Missing lists what the chart in a tree declares as dependencies and does not have in charts/, as references for a
// Fetcher, with the versions that Chart.lock gives where it does. Dependencies with a file:// repository are not
// listed: a render reads them from the tree. A chart archive has what it needs, or its publisher has to fix it: nothing
// is listed.
func Missing(c Chart) ([]Reference, error) {
	if c.Archive != nil {
		return nil, nil
	}
	info, err := c.stat()
	if err != nil || !info.IsDir() {
		return nil, err
	}
	r := &reader{chart: c}
	missing, err := r.missing(c.Path)
	if err != nil {
		return nil, err
	}
	locked, err := r.locked(c.Path)
	if err != nil {
		return nil, err
	}
	var out []Reference
	known := map[Reference]bool{}
	for _, d := range missing {
		if _, ok := d.local(); ok {
			continue
		}
		ref, err := r.reference(d, locked)
		if err != nil {
			return nil, err
		}
		if !known[ref] {
			known[ref] = true
			out = append(out, ref)
		}
	}
	return out, nil
}

func (r *reader) reference(d dependency, locked []dependency) (Reference, error) {
	ref := Reference{Repository: d.Repository, Name: d.Name, Version: d.Version}
	for _, l := range locked {
		if l.Name == d.Name && l.Repository == d.Repository {
			ref.Version = l.Version
		}
	}
	for _, scheme := range []string{"https://", "http://", "oci://"} {
		if strings.HasPrefix(d.Repository, scheme) {
			return ref, nil
		}
	}
	return Reference{}, &Error{
		Chart: r.chart.label(), File: path.Join(r.chart.Path, "Chart.yaml"),
		Reason: fmt.Sprintf("dependency %s is not in charts/, and its repository %q is no https://, oci:// or file:// address", d.Name, d.Repository),
		Hint:   "write the repository's address instead of a name that only one machine knows, or run helm dependency update and commit charts/",
	}
}

// local gives the path, relative to the chart, that a file:// repository names.
func (d dependency) local() (string, bool) { return strings.CutPrefix(d.Repository, "file://") }

// locals reads the dependencies of the chart in dir that lie elsewhere in the tree, as if they lay in its charts/.
func (r *reader) locals(dir, prefix string, depth int) error {
	missing, err := r.missing(dir)
	if err != nil {
		return err
	}
	done := map[string]bool{} // an alias declares the same chart again
	for _, d := range missing {
		rel, ok := d.local()
		if !ok || done[d.Name] {
			continue
		}
		done[d.Name] = true
		from := path.Join(dir, rel)
		if !fs.ValidPath(from) || !fs.ValidPath(d.Name) {
			return r.refuse(path.Join(dir, "Chart.yaml"), fmt.Sprintf("dependency %s is at %s, which is outside the repository", d.Name, d.Repository), "put the chart into the repository")
		}
		info, err := r.chart.Tree.Stat(from)
		switch {
		case err == nil && info.IsDir():
		case err == nil || errors.Is(err, fs.ErrNotExist):
			return r.refuse(path.Join(dir, "Chart.yaml"), fmt.Sprintf("dependency %s is at %s, and there is no folder %s in the repository", d.Name, d.Repository, from), "correct its repository")
		default:
			return fmt.Errorf("look at %s: %w", from, err)
		}
		if err := r.folder(from, path.Join(prefix, "charts", d.Name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// missing gives the declared dependencies of the chart in dir that its charts/ lacks.
func (r *reader) missing(dir string) ([]dependency, error) {
	var declared []dependency
	for _, name := range []string{"Chart.yaml", "requirements.yaml"} {
		m, err := r.manifest(path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		declared = append(declared, m.Dependencies...)
	}
	if len(declared) == 0 {
		return nil, nil
	}
	entries, err := r.chart.Tree.ReadDir(path.Join(dir, "charts"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list %s: %w", path.Join(dir, "charts"), err)
	}
	vendored := map[string]bool{}
	for _, e := range entries {
		at := path.Join(dir, "charts", e.Name())
		if info, err := r.chart.Tree.Stat(at); err != nil || !info.IsDir() {
			continue // reading the chart will say what is wrong
		}
		m, err := r.manifest(path.Join(at, "Chart.yaml"))
		if err != nil {
			return nil, err
		}
		vendored[m.Name] = true
	}
	var out []dependency
	for _, d := range declared {
		if !vendored[d.Name] && !packed(entries, d.Name) {
			out = append(out, d)
		}
	}
	return out, nil
}

// packed says whether one of the entries is named as Helm names an archive of the chart.
func packed(entries []fs.DirEntry, chart string) bool {
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), chart+"-")
		if ok && strings.HasSuffix(rest, ".tgz") && strings.TrimLeft(rest, "v0123456789") != rest {
			return true
		}
	}
	return false
}

// locked reads what Chart.lock, or requirements.lock, fixes.
func (r *reader) locked(dir string) ([]dependency, error) {
	for _, name := range []string{"Chart.lock", "requirements.lock"} {
		m, err := r.manifest(path.Join(dir, name))
		if err != nil || m.Dependencies != nil {
			return m.Dependencies, err
		}
	}
	return nil, nil
}

// manifest reads one file; none is an empty one.
func (r *reader) manifest(name string) (manifest, error) {
	var m manifest
	info, err := r.chart.Tree.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("look at %s: %w", name, err)
	}
	data, err := r.load(name, info)
	if err != nil {
		return m, err
	}
	if err := yaml.Unmarshal(data, &m); err != nil {
		return m, r.refuse(name, err.Error(), "correct the YAML")
	}
	return m, nil
}
