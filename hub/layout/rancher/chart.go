package rancher

import (
	"errors"
	"path"
	"strings"

	"github.com/drover-dev/drover/hub/model"
)

// readParts says what of a bundle is rendered and how (Fleet v0.12, bundlereader, DetermineStyle): a chart, else a
// kustomization, else manifests.
func (r *reader) readParts(b *bundle, app *model.App) error {
	if b.repo.source != nil {
		app.Part = model.Part{Path: b.dir, Source: b.repo.source, Directory: &model.Directory{Recurse: true,
			Detect:  true,
			Exclude: neverManifests, Refuse: fleetFiles}}
		return nil
	}
	dir := b.dir
	if b.Kustomize != nil && b.Kustomize.Dir != "" {
		dir = path.Join(b.dir, b.Kustomize.Dir)
		if dir == ".." || strings.HasPrefix(dir, "../") {
			return b.file.errorf("kustomize.dir", "%q leads out of the repository", b.Kustomize.Dir)
		}
	}
	chart, wrong := hasChart(r.plan.Tree, b.dir)
	kustomization, err := hasKustomization(r.plan.Tree, dir)
	if err = errors.Join(wrong, err); err != nil {
		return err
	}
	chart = chart || b.Helm != nil && (b.Helm.Chart != "" || b.Helm.Repo != "")
	switch {
	case chart && kustomization:
		return b.file.errorf("kustomize", "a kustomization over a chart is not supported: write the chart into the "+
			"kustomization, or take out %s", path.Join(dir, "kustomization.yaml"))
	case chart:
		return r.readChart(b, app)
	case kustomization || dir != b.dir:
		app.Part = model.Part{Path: dir, Overlay: model.Overlay{Edit: &model.Edit{NeedsKustomization: true}}}
		return nil
	}
	return r.readManifests(b, app)
}

// readChart takes the chart of a bundle: the one in its folder, or the one that its options name.
func (r *reader) readChart(b *bundle, app *model.App) error {
	h := b.Helm
	if h == nil {
		h = &helmOptions{}
	}
	app.Path = b.dir
	app.Chart = &model.Chart{Release: b.name, Values: b.values, SkipSchema: h.SkipSchemaValidation}
	if app.Chart.Release = shortened(b.name); h.ReleaseName != "" {
		app.Chart.Release = h.ReleaseName
	}
	switch {
	case h.Chart == "" && h.Repo != "":
		return b.file.errorf(h.repoAt, "the repository is named without helm.chart: name the chart")
	case h.Chart == "":
		return nil
	case h.Repo != "":
		app.Path = "."
		app.Source = &model.Source{Kind: model.SourceHelm, URL: h.Repo, Chart: h.Chart, SemVer: h.Version}
		return nil
	case strings.HasPrefix(h.Chart, "oci://"):
		app.Path = "."
		app.Source = &model.Source{Kind: model.SourceHelm, URL: path.Dir(strings.TrimPrefix(h.Chart, "oci://")),
			Chart: path.Base(h.Chart), SemVer: h.Version}
		app.Source.URL = "oci://" + app.Source.URL
		return nil
	}
	local := path.Join(b.dir, h.Chart)
	if is, err := hasChart(r.plan.Tree, local); is && err == nil && !path.IsAbs(h.Chart) {
		app.Path = local
		return nil
	}
	return b.file.errorf(h.chartAt,
		"%q is no folder with a Chart.yaml in this repository, and charts by an address are not "+
			"supported: name the repository of charts in helm.repo, or write oci://…", model.WithoutUser(h.Chart))
}
