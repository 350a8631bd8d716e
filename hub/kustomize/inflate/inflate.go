package inflate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
)

// Charts are the charts that the kustomizations of a build name. No build runs Helm: those that were rendered
// before are served as resources, and the others are what the build ends with.
type Charts struct {
	rendered map[string][]model.Rendered // by model.Inflation.Key
	wanted   []model.Inflation           // and not rendered yet
	needed   []model.Needed              // charts that are published, and not in the tree
	served   map[string][]byte           // files that stand for charts, by their repository paths
	origins  map[string]string           // the template of an object, by kind and name
	edit     model.Edit                  // whose versions count instead of those of a kustomization
}

// New takes what was rendered before, and the versions that count instead of those of kustomizations.
func New(rendered map[string][]model.Rendered, edit *model.Edit) *Charts {
	if edit == nil {
		edit = &model.Edit{}
	}
	return &Charts{rendered: rendered, edit: *edit, served: map[string][]byte{}, origins: map[string]string{}}
}

// Again is for a further build of the same charts.
func (i *Charts) Again() *Charts { return New(i.rendered, &i.edit) }

// Missing is why the build has to be tried again; nil if it has not.
func (i *Charts) Missing() error {
	switch {
	case len(i.needed) > 0:
		return &model.NeededError{Charts: i.needed}
	case len(i.wanted) > 0:
		return &model.InflationError{Charts: i.wanted}
	}
	return nil
}

// Tree is what a kustomization may name files of.
type Tree interface {
	Stat(name string) (fs.FileInfo, error)
	ReadFile(name string) ([]byte, error)
}

func isFile(m Tree, name string) bool {
	info, err := m.Stat(name)
	return err == nil && !info.IsDir()
}

// File gives what stands for charts at a repository path.
func (i *Charts) File(name string) (text []byte, ok bool) {
	text, ok = i.served[name]
	return text, ok
}

// Origin gives the template of an object; "" if no chart gave it.
func (i *Charts) Origin(kind, name string) string { return i.origins[kind+" "+name] }

var documentMark = regexp.MustCompile(`(?m)^---.*$`)

// chartEntry is one chart of a kustomization.
type chartEntry struct {
	types.HelmGlobals `json:",inline"`
	types.HelmChart   `json:",inline"`
	field             string // where the kustomization has it
}

// chartsOf takes the charts out of a kustomization, wherever it has them.
func chartsOf(m Tree, k *diagnose.Kustomization) ([]chartEntry, *diagnose.BuildError) {
	var out []chartEntry
	old, globals := types.SplitHelmParameters(k.HelmChartInflationGenerator)
	for n, c := range old {
		out = append(out, chartEntry{globals, c, fmt.Sprintf("helmChartInflationGenerator[%d]", n)})
	}
	globals = types.HelmGlobals{}
	if k.HelmGlobals != nil {
		globals = *k.HelmGlobals
	}
	for i, c := range k.HelmCharts {
		out = append(out, chartEntry{globals, c, fmt.Sprintf("helmCharts[%d]", i)})
	}
	k.HelmChartInflationGenerator, k.HelmCharts, k.HelmGlobals = nil, nil, nil
	var others []string
	for i, g := range k.Generators {
		field := fmt.Sprintf("generators[%d]", i)
		data := []byte(g)
		if !strings.Contains(g, "\n") {
			var err error
			name := path.Join(k.Dir(), g)
			if !fs.ValidPath(name) || !isFile(m, name) {
				others = append(others, g)
				continue
			}
			if data, err = m.ReadFile(name); err != nil {
				return nil, &diagnose.BuildError{File: k.Path, Line: diagnose.LineOf(k.Data, field), Reason: field + ": " + err.Error()}
			}
		}
		found, rest, err := chartsIn(data)
		if err != nil || len(found) == 0 || rest {
			others = append(others, g) // a mixture is refused when it is read
			continue
		}
		for _, c := range found {
			c.field = field
			out = append(out, c)
		}
	}
	k.Generators = others
	return out, nil
}

// chartsIn reads the charts of a generator's configuration. rest says whether there is anything else in it.
func chartsIn(data []byte) (charts []chartEntry, rest bool, err error) {
	if !bytes.Contains(data, []byte("HelmChartInflationGenerator")) {
		return nil, true, nil
	}
	for _, doc := range documentMark.Split(string(data), -1) {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		var head struct{ APIVersion, Kind string }
		var c chartEntry
		if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
			return nil, true, err
		}
		if head.APIVersion != "builtin" || head.Kind != "HelmChartInflationGenerator" {
			rest = true
			continue
		}
		if err := yaml.Unmarshal([]byte(doc), &c); err != nil {
			return nil, true, err
		}
		charts = append(charts, c)
	}
	return charts, rest, nil
}

// Replace replaces the charts of a kustomization by resources that were rendered from them.
func (i *Charts) Replace(m Tree, k *diagnose.Kustomization) (changed bool, _ *diagnose.BuildError) {
	charts, e := chartsOf(m, k)
	if e != nil || len(charts) == 0 {
		return false, e
	}
	for n, c := range charts {
		fail := func(reason, hint string) *diagnose.BuildError {
			return &diagnose.BuildError{File: k.Path, Line: diagnose.LineOf(k.Data, c.field), Reason: c.field + ": " + reason, Hint: hint}
		}
		chart, ok, err := i.inflation(m, k, c)
		if err != nil {
			return false, fail(err.Error(), "correct it as kustomize takes it")
		}
		if !ok {
			continue
		}
		objects, ok := i.rendered[chart.Key()]
		if !ok {
			i.wanted = append(i.wanted, chart)
			continue
		}
		text, err := i.text(objects)
		if err != nil {
			return false, fail(err.Error(), "")
		}
		name := fmt.Sprintf(".inflated-%d.yaml", n)
		i.served[path.Join(k.Dir(), name)] = text
		k.Resources = append(k.Resources, name)
	}
	return true, nil
}

// inflation is what is to be rendered for an entry. ok is false if the chart has to be fetched first.
func (i *Charts) inflation(m Tree, k *diagnose.Kustomization, c chartEntry) (out model.Inflation, ok bool, _ error) {
	if c.Name == "" {
		return out, false, errors.New("the chart has no name")
	}
	home := c.ChartHome
	if home == "" {
		home = types.HelmDefaultHome
	}
	if c.Version != "" && c.Repo != "" {
		home = path.Join(home, c.Name+"-"+c.Version)
	}
	at := path.Join(k.Dir(), home, c.Name)
	if path.IsAbs(home) || !fs.ValidPath(at) {
		return out, false, fmt.Errorf("the chart's folder %s leads outside the repository", path.Join(home, c.Name))
	}
	if info, err := m.Stat(at); err != nil || !info.IsDir() {
		switch {
		case c.Repo == "":
			return out, false, fmt.Errorf("there is no chart in %s, and no repo is given", at)
		case !strings.HasPrefix(c.Repo, "https://") && !strings.HasPrefix(c.Repo, "http://") && !strings.HasPrefix(c.Repo, "oci://"):
			return out, false, fmt.Errorf("repo %q is no https:// or oci:// address", c.Repo)
		}
		version := c.Version
		if version == "" && c.Devel {
			version = ">0.0.0-0"
		}
		i.needed = append(i.needed, model.Needed{At: at, Source: model.Source{Kind: model.SourceHelm, URL: strings.TrimSuffix(c.Repo, "/"), Chart: c.Name, SemVer: version}})
		return out, false, nil
	}
	if c.ReleaseName != "" && c.NameTemplate != "" {
		return out, false, errors.New("releaseName and nameTemplate exclude each other")
	}
	values, err := chartValues(m, k.Dir(), at, c.HelmChart)
	if err != nil {
		return out, false, err
	}
	if kube := i.edit.KubeVersion; kube != "" {
		c.KubeVersion = kube
	}
	if apis := i.edit.APIVersions; len(apis) > 0 {
		c.ApiVersions = apis
	}
	return model.Inflation{File: k.Path, Path: at, Release: c.ReleaseName, NameTemplate: c.NameTemplate, Namespace: c.Namespace, Values: values,
		APIVersions: c.ApiVersions, KubeVersion: c.KubeVersion, IncludeCRDs: c.IncludeCRDs, SkipHooks: c.SkipHooks, SkipTests: c.SkipTests}, true, nil
}

// chartValues are the values for a chart, as kustomize merges them (HelmChartInflationGenerator).
func chartValues(m Tree, dir, chart string, c types.HelmChart) ([]string, error) {
	var base []byte
	var err error
	if c.ValuesFile != "" {
		base, err = valuesFile(m, dir, c.ValuesFile)
	} else if base, err = m.ReadFile(path.Join(chart, "values.yaml")); errors.Is(err, fs.ErrNotExist) {
		base, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(c.ValuesInline) > 0 {
		if base, err = mergeValues(base, c); err != nil {
			return nil, err
		}
	}
	values := []string{string(base)}
	for _, name := range c.AdditionalValuesFiles {
		more, err := valuesFile(m, dir, name)
		if err != nil {
			return nil, err
		}
		values = append(values, string(more))
	}
	return values, nil
}

func valuesFile(m Tree, dir, name string) ([]byte, error) {
	at := path.Join(dir, name)
	if diagnose.IsHTTP(name) || path.IsAbs(name) || !fs.ValidPath(at) {
		return nil, fmt.Errorf("the file with values %q is outside the repository", diagnose.WithoutCredentials(name))
	}
	data, err := m.ReadFile(at)
	if err != nil {
		return nil, fmt.Errorf("the file with values %s cannot be read: %w", at, err)
	}
	return data, nil
}

// mergeValues lays values of the kustomization and those of a file together, as valuesMerge says.
func mergeValues(base []byte, c types.HelmChart) ([]byte, error) {
	if !slices.Contains([]string{"", "override", "merge", "replace"}, c.ValuesMerge) {
		return nil, fmt.Errorf("valuesMerge is %q: write override, merge or replace", c.ValuesMerge)
	}
	if c.ValuesMerge == "replace" || len(bytes.TrimSpace(base)) == 0 {
		return yaml.Marshal(c.ValuesInline)
	}
	file, err := kyaml.Parse(string(base))
	if err != nil {
		return nil, fmt.Errorf("its file with values cannot be read: %w", err)
	}
	inline, err := kyaml.FromMap(c.ValuesInline)
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	from, to := inline, file
	if c.ValuesMerge == "merge" {
		from, to = file, inline
	}
	merged, err := merge2.Merge(from, to, kyaml.MergeOptions{})
	if err != nil {
		return nil, fmt.Errorf("valuesInline and the file with values cannot be merged: %w", err)
	}
	values, err := merged.Map()
	if err != nil {
		return nil, fmt.Errorf("the merged values: %w", err)
	}
	return yaml.Marshal(values)
}

// text is a stream of the objects, marked as kustomize marks what Helm rendered: it leaves their namespaces alone.
func (i *Charts) text(objects []model.Rendered) ([]byte, error) {
	out := bytes.NewBufferString("# rendered by Helm\n")
	for _, o := range objects {
		node, err := kyaml.Parse(string(o.JSON))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.File, err)
		}
		if err := node.PipeE(kyaml.SetAnnotation(konfig.HelmGeneratedAnnotation, "true")); err != nil {
			return nil, fmt.Errorf("%s: %w", o.File, err)
		}
		text, err := node.String()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.File, err)
		}
		i.origins[node.GetKind()+" "+node.GetName()] = o.File
		out.WriteString(text)
		out.WriteString("---\n")
	}
	return out.Bytes(), nil
}
