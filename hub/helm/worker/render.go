package worker

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/model"
	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"helm.sh/helm/v4/pkg/strvals"
)

// render is one render in a worker. It does what `helm template` does, step by step, with the parts of the SDK: the
// SDK's own action links a Kubernetes client, SQL drivers and a plugin system.
type render struct {
	job      *helm.Job
	post     func(stream []byte) ([]byte, error)
	find     func(from, name string) (*helm.Imported, error) // the files that Jsonnet imports
	chart    *chart.Chart
	warnings []helm.Warning
	caps     *capabilities // nil before there are values
}

func (r *render) run() ([]model.Rendered, error) {
	var err error
	if r.chart, err = r.load(); err != nil {
		return nil, r.unloadable(err)
	}
	if err := r.installable(); err != nil {
		return nil, err
	}
	given, err := r.values()
	if err != nil {
		return nil, err
	}
	if err := chartutil.ValidateReleaseName(r.job.Options.Release); err != nil {
		return nil, r.fail(fmt.Sprintf("release name %q: %v", r.job.Options.Release, err), "use lower-case letters, digits and dashes, 53 at most")
	}
	if err := chartutil.ProcessDependencies(r.chart, given); err != nil {
		return nil, r.fail("dependencies: "+err.Error(), "correct conditions, tags and import-values in Chart.yaml")
	}
	values, err := r.scope(given)
	if err != nil {
		return nil, err
	}
	files, err := r.execute(values)
	if err != nil {
		return nil, err
	}
	return r.objects(files)
}

// load parses the chart.
func (r *render) load() (*chart.Chart, error) {
	c, err := r.parse()
	if err != nil {
		return nil, err
	}
	arrange(c)
	return c, nil
}

// arrange sorts the dependencies at all depths, the newest of one name first, which is then the one for a range that
// several of them are in. Helm takes them in the random order of a Go map, which shows in the order of CRDs.
func arrange(c *chart.Chart) {
	sorted := slices.SortedStableFunc(slices.Values(c.Dependencies()), func(a, b *chart.Chart) int {
		return cmp.Or(cmp.Compare(a.Name(), b.Name()), newer(a, b))
	})
	c.SetDependencies(sorted...)
	for _, d := range sorted {
		arrange(d)
	}
}

// newer compares two charts by their versions, the newer one first.
func newer(a, b *chart.Chart) int {
	one, err := semver.NewVersion(a.Metadata.Version)
	if err != nil {
		return cmp.Compare(b.Metadata.Version, a.Metadata.Version)
	}
	other, err := semver.NewVersion(b.Metadata.Version)
	if err != nil {
		return cmp.Compare(b.Metadata.Version, a.Metadata.Version)
	}
	return other.Compare(one)
}

func (r *render) parse() (*chart.Chart, error) {
	archive.MaxDecompressedChartSize = helm.MaxChart
	if r.job.Archive != nil {
		return loader.LoadArchive(bytes.NewReader(r.job.Archive))
	}
	files := make([]*archive.BufferedFile, 0, len(r.job.Files))
	for _, f := range r.job.Files {
		files = append(files, &archive.BufferedFile{Name: f.Name, Data: f.Data})
	}
	return loader.LoadFiles(files)
}

// installable refuses what Helm would refuse before it looks at values.
func (r *render) installable() error {
	meta := r.chart.Metadata
	if meta.APIVersion != chart.APIVersionV1 && meta.APIVersion != chart.APIVersionV2 {
		return r.failIn("Chart.yaml", fmt.Sprintf("apiVersion %q is not known", meta.APIVersion), "use v2")
	}
	if meta.Type != "" && meta.Type != "application" {
		return r.failIn("Chart.yaml", fmt.Sprintf("a %s chart cannot be installed", meta.Type), "name a chart that uses it")
	}
	if meta.Deprecated {
		r.warnings = append(r.warnings, helm.Warning{File: path.Join(r.chart.Name(), "Chart.yaml"), Text: "the chart is deprecated by its publisher"})
	}
	var missing []string
	for _, want := range meta.Dependencies {
		found := false
		for _, d := range r.chart.Dependencies() {
			found = found || d.Name() == want.Name
		}
		if !found {
			missing = append(missing, want.Name)
		}
	}
	if len(missing) > 0 {
		return r.failIn("Chart.yaml", "these dependencies are declared and not in charts/: "+strings.Join(missing, ", "),
			"run helm dependency update and commit charts/")
	}
	return nil
}

// values merges what the release gives.
func (r *render) values() (map[string]any, error) {
	merged, err := r.merged()
	if err != nil {
		return nil, err
	}
	for _, p := range r.job.Options.Set {
		set := strvals.ParseInto
		if p.String {
			set = strvals.ParseIntoString
		}
		given := p.Name + "=" + p.Value
		if p.File {
			given = p.Name + "=file"
			set = func(s string, dest map[string]any) error {
				return strvals.ParseIntoFile(s, dest, func([]rune) (any, error) { return p.Value, nil })
			}
		}
		if err := set(given, merged); err != nil {
			return nil, r.fail(fmt.Sprintf("parameter %s cannot be set", p.Name), "write its name as a path of the values, as for helm --set: a.b[0].c; escape commas of the value with a backslash")
		}
	}
	return merged, nil
}

// scope makes what templates see, after checking values and Kubernetes version.
func (r *render) scope(given map[string]any) (common.Values, error) {
	o := r.job.Options
	caps, err := r.capabilities()
	if err != nil {
		return nil, err
	}
	values, err := commonutil.ToRenderValuesWithSchemaValidation(r.chart, given, common.ReleaseOptions{
		Name: o.Release, Namespace: o.Namespace, Revision: 1, IsInstall: !o.Upgrade, IsUpgrade: o.Upgrade,
	}, caps, true)
	if err != nil {
		return nil, r.fail("values: "+err.Error(), "compare the values with the chart's values.yaml")
	}
	r.caps = &capabilities{Capabilities: caps}
	values["Capabilities"] = r.caps
	if top, ok := values["Values"].(common.Values); ok && !o.SkipSchema {
		if err := r.validate(r.chart, top); err != nil {
			return nil, err
		}
	}
	if want := r.chart.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, caps.KubeVersion.String()) {
		return nil, r.failIn("Chart.yaml", fmt.Sprintf("the chart wants Kubernetes %s, and the cluster has %s", want, caps.KubeVersion.Version), "use a version of the chart that fits, or upgrade the cluster")
	}
	return values, nil
}

// capabilities are what the cluster reported: as `helm install` asks it, where `helm template` knows only defaults.
func (r *render) capabilities() (*common.Capabilities, error) {
	caps := common.DefaultCapabilities.Copy()
	if v := r.job.Options.KubeVersion; v != "" {
		parsed, err := common.ParseKubeVersion(v)
		if err != nil {
			return nil, r.fail(fmt.Sprintf("Kubernetes version %q: %v", v, err), "write it as the cluster reports it: v1.37.2")
		}
		caps.KubeVersion = *parsed
	}
	if v := r.job.Options.APIVersions; len(v) > 0 {
		caps.APIVersions = v
	}
	caps.APIVersions = append(slices.Clip(caps.APIVersions), r.job.Options.MoreAPIs...)
	return caps, nil
}

// execute runs the templates. The result is by template; NOTES.txt is left out.
func (r *render) execute(values common.Values) (map[string]string, error) {
	calls := &calls{}
	e := engine.Engine{CustomTemplateFuncs: calls.functions()}
	files, err := e.RenderWithContext(context.Background(), r.chart, values)
	if err != nil {
		return nil, err
	}
	r.warnings = append(r.warnings, calls.warnings(r.chart)...)
	size := 0
	for name, text := range files {
		if size += len(text); size > helm.MaxOutput {
			return nil, r.fail(fmt.Sprintf("the templates give more than %d MiB", helm.MaxOutput>>20), "split the chart")
		}
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	return files, nil
}

// objects turns rendered templates into objects, in Helm's order.
func (r *render) objects(files map[string]string) ([]model.Rendered, error) {
	if r.job.PostRender {
		var err error
		if files, err = r.postRender(files); err != nil {
			return nil, err
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	out := &output{render: r}
	if r.job.Options.IncludeCRDs {
		for _, crd := range r.chart.CRDObjects() {
			out.add(crd.Filename, string(crd.File.Data))
		}
	}
	for _, m := range manifests {
		out.add(m.Name, m.Content)
	}
	for _, h := range hooks {
		if r.keeps(h) {
			out.add(h.Path, h.Manifest)
		}
	}
	return out.objects, out.err
}

func (r *render) keeps(h *release.Hook) bool {
	if r.job.Options.SkipHooks {
		return false
	}
	for _, e := range h.Events {
		if e == release.HookTest && r.job.Options.SkipTests {
			return false
		}
	}
	return true
}

// fail makes an error about the chart as a whole, failIn one about a file of it.
func (r *render) fail(reason, hint string) *helm.Error {
	return &helm.Error{Chart: r.job.Chart, Reason: reason, Hint: hint}
}

func (r *render) failIn(file, reason, hint string) *helm.Error {
	return &helm.Error{Chart: r.job.Chart, File: path.Join(r.chart.Name(), file), Reason: reason, Hint: hint}
}
