package helm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/drover-dev/drover/hub/model"
	"helm.sh/helm/v4/pkg/ignore"
)

// Chart is where a chart comes from: a path in a tree, or an archive that was fetched.
type Chart struct {
	Tree model.Tree // read if Archive is nil
	Path string     // in Tree: the folder that holds Chart.yaml, or a .tgz file

	Archive []byte // a chart archive (.tgz), as a Fetcher gives it
	Name    string // of an archive, as people call it: for messages only

	NoDefaults bool // leave out values.yaml of a chart that is a folder
}

// label is how messages call the chart.
func (c Chart) label() string {
	if c.Archive == nil {
		return c.Path
	}
	return c.Name
}

// File is one file of a chart, named relative to the chart.
type File struct {
	Name string
	Data []byte
}

// source is a chart as it was read, not yet parsed: the files of a folder, or an archive.
type source struct {
	files   []File
	archive []byte
	origin  map[string]string // repository path of each of files, by name
}

// where gives the repository path of a template that Helm calls name, or name if it is not known.
func (s *source) where(name string) string {
	_, rest, _ := strings.Cut(name, "/") // the first element is the chart's name
	if from, ok := s.origin[rest]; ok {
		return from
	}
	return name
}

// read reads the chart's files from its tree.
func (c Chart) read() (*source, error) {
	if c.Archive != nil {
		return &source{archive: c.Archive}, nil
	}
	info, err := c.stat()
	if err != nil {
		return nil, err
	}
	r := &reader{chart: c, source: &source{origin: map[string]string{}}}
	if !info.IsDir() {
		r.source.archive, err = r.load(c.Path, info)
		return r.source, err
	}
	return r.source, r.folder(c.Path, "", 0)
}

func (c Chart) stat() (fs.FileInfo, error) {
	if !fs.ValidPath(c.Path) {
		return nil, &Error{Chart: c.Path, Reason: "is not a path in the repository", Hint: "write it relative to the root, with slashes and without . or .."}
	}
	info, err := c.Tree.Stat(c.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Chart: c.Path, Reason: "is not in the repository", Hint: "check the path of the chart"}
	case err != nil:
		return nil, fmt.Errorf("look at chart %s: %w", c.Path, err)
	}
	return info, nil
}

// archiveSuffix is how the name of a chart archive ends. A folder of such a name in charts/ is an archive, unpacked: what
// .helmignore says is not for what is in it.
const archiveSuffix = ".tgz"

// valuesFile holds a chart's own values.
const valuesFile = "values.yaml"

// reader reads the files of one chart folder, as Helm's directory loader does.
type reader struct {
	chart  Chart
	source *source
	bytes  int
}

// folder reads the chart in folder dir. Its files are named below prefix.
func (r *reader) folder(dir, prefix string, depth int) error {
	if depth > maxDepth {
		return r.refuse(dir, "its local dependencies are nested too deep", "does a chart depend on itself?")
	}
	rules, err := r.ignored(dir)
	if err != nil {
		return err
	}
	if err := r.walk(dir, ".", prefix, rules, 0); err != nil {
		return err
	}
	return r.locals(dir, prefix, depth)
}

// ignored reads .helmignore.
func (r *reader) ignored(dir string) (*ignore.Rules, error) {
	name := path.Join(dir, ignore.HelmIgnore)
	rules := ignore.Empty()
	data, err := r.chart.Tree.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	default:
		if rules, err = ignore.Parse(bytes.NewReader(data)); err != nil {
			return nil, r.refuse(name, err.Error(), "correct the pattern")
		}
	}
	rules.AddDefaults()
	return rules, nil
}

// walk reads what is below sub, a path relative to the chart's folder.
func (r *reader) walk(dir, sub, prefix string, rules *ignore.Rules, depth int) error {
	here := path.Join(dir, sub)
	if depth > maxDepth {
		return r.refuse(here, "is nested too deep for a chart", "does a symbolic link lead to a folder that contains it?")
	}
	entries, err := r.chart.Tree.ReadDir(here)
	if err != nil {
		return fmt.Errorf("list %s: %w", here, err)
	}
	for _, e := range entries {
		name := path.Join(sub, e.Name())
		info, err := r.chart.Tree.Stat(path.Join(dir, name))
		if err != nil {
			return fmt.Errorf("look at %s: %w", path.Join(dir, name), err)
		}
		switch {
		case sub == "charts" && info.IsDir() && strings.HasSuffix(e.Name(), archiveSuffix): // put there for Missing
			err = r.walk(path.Join(dir, name), ".", path.Join(prefix, strings.TrimSuffix(name, archiveSuffix)), ignore.Empty(), depth+1)
		case rules.Ignore(name, info):
		case r.chart.NoDefaults && path.Join(dir, name) == path.Join(r.chart.Path, valuesFile):
		case info.IsDir():
			err = r.walk(dir, name, prefix, rules, depth+1)
		default:
			err = r.add(path.Join(dir, name), path.Join(prefix, name), info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var bom = []byte{0xEF, 0xBB, 0xBF} // Helm drops it

func (r *reader) add(from, name string, info fs.FileInfo) error {
	data, err := r.load(from, info)
	if err != nil {
		return err
	}
	r.source.files = append(r.source.files, File{name, bytes.TrimPrefix(data, bom)})
	r.source.origin[name] = from
	if len(r.source.files) > maxFiles {
		return r.refuse(from, fmt.Sprintf("is one file more than the %d that a chart may have", maxFiles), "name what is no part of the chart in .helmignore")
	}
	return nil
}

func (r *reader) load(from string, info fs.FileInfo) ([]byte, error) {
	if info.Size() > maxFile {
		return nil, r.refuse(from, fmt.Sprintf("is larger than the %d MiB that a file of a chart may have", maxFile>>20), "name what is no part of the chart in .helmignore")
	}
	data, err := r.chart.Tree.ReadFile(from)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", from, err)
	}
	if r.bytes += len(data); r.bytes > MaxChart {
		return nil, r.refuse(from, fmt.Sprintf("with it the chart is larger than %d MiB", MaxChart>>20), "name what is no part of the chart in .helmignore")
	}
	return data, nil
}

func (r *reader) refuse(file, reason, hint string) *Error {
	return &Error{Chart: r.chart.label(), File: file, Reason: reason, Hint: hint}
}
