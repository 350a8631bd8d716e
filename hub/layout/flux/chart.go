package flux

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// ownChart takes a chart that is a folder of this repository.
func (r *sources) ownChart(o *planning.Object, at string, spec chartSpec, app *model.App) error {
	_, err := r.plan.Tree.Stat(app.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r.plan.Errorf(o, at+".chart",
			"%q does not exist at this revision: paths are seen from the repository's root", spec.Chart)
	case err != nil:
		return r.plan.Errorf(o, at+".chart", "%q cannot be read: %v", spec.Chart, err)
	}
	for i, file := range spec.ValuesFiles {
		if _, err := r.plan.Tree.Stat(planning.Cleaned(file)); err != nil && (!spec.IgnoreMissingValuesFiles || !errors.Is(err, fs.ErrNotExist)) {
			return r.plan.Errorf(o, fmt.Sprintf("%s.valuesFiles[%d]", at, i),
				"%q cannot be read at this revision: paths are seen from the repository's root", file)
		}
	}
	valuesFiles(spec, app)
	return nil
}

// releaseChart takes the chart of a HelmRelease: what its spec.chart says, or what spec.chartRef names.
func (r *sources) releaseChart(o *planning.Object, h helmRelease, app *model.App) error {
	switch {
	case h.Chart != nil:
		return r.chartOf(o, "spec.chart.spec", h.Chart.Spec, app)
	case h.ChartRef == nil:
		return r.plan.Errorf(o, "spec.chart", "there is none: name a chart under spec.chart or spec.chartRef")
	}
	ref := *h.ChartRef
	key := sourceKey(o, ref.Kind, ref.Namespace, ref.Name)
	s := r.plan.Visible(o, key)
	if err := acrossNamespaces(r.plan, o, "spec.chartRef", ref.Kind, ref.Namespace, ref.Name); err != nil {
		return err
	}
	switch ref.Kind {
	case kindHelmChart, kindOCIRepository:
	case kindExternalArtifact:
		var err error
		if app.Source, err = r.artifact(o, "spec.chartRef", key); err == nil {
			app.Path, app.Source.Folder = ".", model.OnlyFolder
		}
		return err
	default:
		return r.plan.Errorf(o, "spec.chartRef",
			"a chart of kind %q is not supported: name an OCIRepository, a HelmChart or an ExternalArtifact", ref.Kind)
	}
	if err := r.declared(o, "spec.chartRef", s, key); err != nil {
		return err
	}
	if ref.Kind == kindHelmChart {
		var spec chartSpec
		if err := s.Decode(&spec); err != nil {
			return r.plan.Undecodable(s, err)
		}
		return errors.Join(r.plan.Weigh(judged, s, &r.plan.Cluster.Notes), r.chartOf(s, "spec", spec, app))
	}
	var of ociRepository
	if err := s.Decode(&of); err != nil {
		return r.plan.Undecodable(s, err)
	}
	app.Path = "."
	app.Source = &model.Source{Kind: model.SourceHelm, URL: of.URL, Credentials: of.SecretRef.Name, PlainHTTP: of.Insecure}
	of.at(app.Source)
	_, err := r.finish(s, app.Source, of.Interval)
	return err
}

// chartSpec is the spec of a HelmChart, and what a HelmRelease has under spec.chart.spec.
type chartSpec struct {
	Chart, Version           string
	SourceRef                sourceRef
	Interval                 string
	ValuesFiles              []string
	IgnoreMissingValuesFiles bool
}

// chartOf takes the chart that a spec, which an object has at a field, names.
func (r *sources) chartOf(o *planning.Object, at string, spec chartSpec, app *model.App) error {
	if spec.SourceRef.Kind == kindHelmRepository {
		if err := r.publishedChart(o, at, spec, app); err != nil {
			return err
		}
		for _, file := range spec.ValuesFiles {
			app.Chart.NoDefaults = true
			app.Chart.Values = append(app.Chart.Values, model.Values{Path: planning.Cleaned(file), Source: app.Source,
				Optional: spec.IgnoreMissingValuesFiles})
		}
		return nil
	}
	source, err := r.source(o, at+".sourceRef", spec.SourceRef)
	if err != nil {
		return err
	}
	from(source, &app.Part)
	app.Path = planning.Cleaned(spec.Chart)
	if app.Source == nil {
		return r.ownChart(o, at, spec, app)
	}
	valuesFiles(spec, app)
	return nil
}

// valuesFiles takes the files of a chart's repository that stand for its own values.yaml.
func valuesFiles(spec chartSpec, app *model.App) {
	for i, file := range spec.ValuesFiles {
		if name := planning.Cleaned(file); i > 0 || name != app.Path+"/values.yaml" { // else it is read in any case
			app.Chart.NoDefaults = app.Chart.NoDefaults || i == 0
			app.Chart.Values = append(app.Chart.Values, model.Values{Path: name, Source: app.Source,
				Optional: spec.IgnoreMissingValuesFiles})
		}
	}
}

// publishedChart takes a chart of a HelmRepository.
func (r *sources) publishedChart(o *planning.Object, at string, spec chartSpec, app *model.App) error {
	key := sourceKey(o, kindHelmRepository, spec.SourceRef.Namespace, spec.SourceRef.Name)
	s := r.plan.Visible(o, key)
	if err := acrossNamespaces(r.plan, o, at+".sourceRef", kindHelmRepository, spec.SourceRef.Namespace, spec.SourceRef.Name); err != nil {
		return err
	}
	if err := r.declared(o, at+".sourceRef", s, key); err != nil {
		return err
	}
	var of helmRepository
	if err := s.Decode(&of); err != nil {
		return r.plan.Undecodable(s, err)
	}
	if spec.Chart == "" {
		return r.plan.Errorf(o, at+".chart", "it is empty: name a chart of the repository")
	}
	version := spec.Version
	if version == "*" {
		version = ""
	}
	if spec.Interval != "" {
		of.Interval = spec.Interval
	}
	app.Path = "."
	app.Source = &model.Source{Kind: model.SourceHelm, URL: of.URL, Chart: spec.Chart, SemVer: version,
		Credentials: of.SecretRef.Name, PlainHTTP: of.Insecure}
	_, err := r.finish(s, app.Source, of.Interval)
	return err
}
