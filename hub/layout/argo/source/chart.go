package source

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/glob"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// helmSpec are the options of a chart.
type helmSpec struct {
	ReleaseName, Namespace, Values, KubeVersion string
	ValueFiles, APIVersions                     []string
	ValuesObject                                json.RawMessage
	Parameters                                  []struct {
		Name        string
		Value       document.Text
		ForceString bool
	}
	FileParameters                                          []struct{ Name, Path string }
	IgnoreMissingValueFiles, SkipCRDs, SkipSchemaValidation bool
}

// chart is what Argo CD has `helm template` do (v3.6, reposerver/repository, helmTemplate): value files, then the
// values in the Application, then parameters.
func (s *partReader) chart(dir string) (*model.Chart, error) {
	h := s.Helm
	if h == nil {
		h = &helmSpec{}
	}
	c := &model.Chart{Release: s.o.Name, SkipCRDs: h.SkipCRDs, SkipSchema: h.SkipSchemaValidation, Namespace: h.Namespace,
		KubeVersion: h.KubeVersion, APIVersions: h.APIVersions}
	if h.ReleaseName != "" {
		c.Release = h.ReleaseName
	}
	err := s.valueFiles(dir, h, c)
	if text := strings.TrimSpace(string(h.ValuesObject)); text != "" && text != "null" {
		c.Values = append(c.Values, model.Values{Text: text})
	} else if h.Values != "" {
		c.Values = append(c.Values, model.Values{Text: h.Values})
	}
	// As helm takes --set before --set-string before --set-file.
	for _, forced := range []bool{false, true} {
		for _, p := range h.Parameters {
			if p.ForceString == forced {
				c.Parameters = append(c.Parameters, model.Parameter{Name: p.Name, Value: literal(s.env.expand(string(p.Value))),
					String: forced})
			}
		}
	}
	for i, p := range h.FileParameters {
		name, source, wrong := s.valuePath(dir, planning.FieldAt(".helm.fileParameters", i)+".path", p.Path)
		c.Parameters = append(c.Parameters, model.Parameter{Name: p.Name, Path: name, Source: source})
		err = errors.Join(err, wrong)
	}
	return c, err
}

// literal keeps the commas of a value from parting it, unless it is a list in braces.
func literal(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	var b strings.Builder
	for i, r := range value {
		if r == ',' && (i == 0 || value[i-1] != '\\') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// valueFiles takes the files with values, in order and each once. One that is named comes first, not where a pattern
// has it.
func (s *partReader) valueFiles(dir string, h *helmSpec, c *model.Chart) error {
	named := map[string]bool{}
	for i, file := range h.ValueFiles {
		if name, _, err := s.valuePath(dir, planning.FieldAt(".helm.valueFiles", i), file); err == nil {
			named[name] = true
		}
	}
	var errs []error
	for i, file := range h.ValueFiles {
		at := planning.FieldAt(".helm.valueFiles", i)
		name, source, err := s.valuePath(dir, at, file)
		names := []string{name}
		switch {
		case err != nil:
			names = nil
		case glob.IsPattern(name) && source != nil:
			err = s.errorf(at, "patterns of files in another repository are not supported: name the files")
		case glob.IsPattern(name):
			names, err = s.expandGlob(at, name, h.IgnoreMissingValueFiles)
			names = slices.DeleteFunc(names, func(n string) bool { return named[n] })
		}
		errs = append(errs, err)
		for _, name := range names {
			v := model.Values{Path: name, Source: source, Optional: h.IgnoreMissingValueFiles}
			if !slices.Contains(c.Values, v) {
				c.Values = append(c.Values, v)
			}
		}
	}
	return errors.Join(errs...)
}

// valuePath gives the path of a file that a chart's options name: seen from the chart, from the root if it begins with
// a slash, or in another source of the app if it begins with $ref.
func (s *partReader) valuePath(dir, at, file string) (string, *model.Source, error) {
	source := s.foreign
	if first, rest, _ := strings.Cut(file, "/"); strings.HasPrefix(first, "$") {
		ref, ok := s.refs[first]
		switch {
		case ok:
			source, file = ref, "/"+rest
		case s.several: // of one source alone it is a variable (argo-cd, resolveReferencedSources)
			return "", nil, s.errorf(at, "%q begins with %s, and no source has that ref: %s", file, first, s.knownRefs())
		}
	}
	name := s.env.expand(file)
	if u, err := url.Parse(name); err == nil && u.Scheme != "" {
		return "", nil, s.errorf(at, "%s: values from an address are not supported: put the file into the repository",
			model.WithoutUser(name))
	}
	if path.IsAbs(name) {
		name = strings.TrimPrefix(path.Clean(name), "/")
	} else {
		name = path.Join(dir, name)
	}
	if _, ok := inTree(name); !ok {
		return "", nil, s.errorf(at, "%q leads out of the repository", file)
	}
	return name, source, nil
}

// knownRefs says which sources may be named.
func (s *partReader) knownRefs() string {
	if len(s.refs) == 0 {
		return "give the source with the file a ref"
	}
	return "write " + strings.Join(slices.Sorted(maps.Keys(s.refs)), " or ")
}

// expandGlob gives the files that a pattern matches: sorted, those of a folder before those of the folders in it
// (argo-cd, docs/user-guide/helm.md, Recursive matching).
func (s *partReader) expandGlob(at, pattern string, none bool) ([]string, error) {
	match, err := glob.Stars.Compile(pattern)
	if err != nil {
		return nil, s.errorf(at, "%v", err)
	}
	files, err := glob.Below(s.plan.Tree, glob.FixedPart(pattern))
	if err != nil {
		return nil, s.errorf(at, "%v", err)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return !match.MatchString(name) })
	slices.SortFunc(files, filesFirst)
	if len(files) == 0 && !none {
		return nil, s.errorf(at, "no file matches %q: correct it, or say ignoreMissingValueFiles: true", pattern)
	}
	return files, nil
}

// filesFirst orders paths by their folders, and the files of a folder before the folders in it.
func filesFirst(a, b string) int {
	for {
		first, more, aBelow := strings.Cut(a, "/")
		other, rest, bBelow := strings.Cut(b, "/")
		switch {
		case aBelow != bBelow && aBelow:
			return 1
		case aBelow != bBelow:
			return -1
		case first != other || !aBelow:
			return strings.Compare(first, other)
		}
		a, b = more, rest
	}
}
