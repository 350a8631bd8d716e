package helm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/drover-dev/drover/hub/model"
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

// Missing lists what the chart in a tree declares as dependencies and does not have in charts/, as published charts to
// be put there, in the versions that Chart.lock gives where it fits Chart.yaml. Dependencies with a file:// repository
// are read from the tree by a render, and what they lack is listed as well. A chart archive has what it needs, or its
// publisher has to fix it: nothing is listed.
func Missing(c Chart) ([]model.Needed, error) {
	if c.Archive != nil {
		return nil, nil
	}
	info, err := c.stat()
	if err != nil || !info.IsDir() {
		return nil, err
	}
	n := &needs{reader: &reader{chart: c}, seen: map[string]bool{}}
	err = n.of(c.Path, 0)
	return n.found, err
}

// needs finds out what a chart and its local dependencies lack.
type needs struct {
	*reader
	found []model.Needed
	seen  map[string]bool // folders of charts, and what they need
}

func (n *needs) of(dir string, depth int) error {
	if n.seen[dir] || depth > maxDepth {
		return nil // reading the chart will say that it has no end
	}
	n.seen[dir] = true
	missing, err := n.missing(dir)
	if err != nil || len(missing) == 0 {
		return err
	}
	locked, err := n.locked(dir)
	if err != nil {
		return err
	}
	for _, d := range missing {
		if rel, ok := d.local(); ok {
			from := path.Join(dir, rel)
			if info, err := n.statIn(from); err == nil && info.IsDir() {
				if err := n.of(from, depth+1); err != nil {
					return err
				}
			}
			continue
		}
		if err := n.published(dir, d); err != nil {
			return err
		}
		needed := model.Needed{Source: model.Source{Kind: model.SourceHelm, URL: d.Repository, Chart: d.Name, SemVer: d.lockedBy(locked)},
			At: path.Join(dir, "charts", d.Name), Archive: true}
		if key := needed.At + " " + needed.Source.Key(); !n.seen[key] { // an alias declares the same chart again
			n.seen[key] = true
			n.found = append(n.found, needed)
		}
	}
	return nil
}

func (n *needs) statIn(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	return n.chart.Tree.Stat(name)
}

// published refuses a dependency that cannot be fetched as it is written.
func (n *needs) published(dir string, d dependency) error {
	file := path.Join(dir, "Chart.yaml")
	if d.Name == "" || !fs.ValidPath(d.Name) || strings.ContainsAny(d.Name, `/\`) {
		return n.refuse(file, fmt.Sprintf("dependency %.100q is not in charts/, and that is no name of a chart", d.Name), "correct its name")
	}
	for _, scheme := range []string{"https://", "http://", "oci://"} {
		if strings.HasPrefix(d.Repository, scheme) {
			return nil
		}
	}
	reason := fmt.Sprintf("dependency %s is not in charts/, and its repository %q is no https://, oci:// or file:// address", d.Name, d.Repository)
	if strings.HasPrefix(d.Repository, "@") || strings.HasPrefix(d.Repository, "alias:") {
		reason = fmt.Sprintf("dependency %s is not in charts/, and its repository %s is a name that only one machine knows", d.Name, d.Repository)
	}
	return n.refuse(file, reason, "write the repository's address instead, or run helm dependency update and commit charts/")
}

// lockedBy gives the version of a dependency that a lock fixes, or what Chart.yaml says if the lock has none that fits,
// because it was not brought up to date.
func (d dependency) lockedBy(locked []dependency) string {
	constraint, err := semver.NewConstraint(d.Version)
	for _, l := range locked {
		if l.Name != d.Name || strings.TrimSuffix(l.Repository, "/") != strings.TrimSuffix(d.Repository, "/") {
			continue
		}
		version, notOne := semver.NewVersion(l.Version)
		if l.Version == d.Version || d.Version == "" || err == nil && notOne == nil && constraint.Check(version) {
			return l.Version
		}
	}
	return d.Version
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
