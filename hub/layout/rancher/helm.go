package rancher

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/protocol"
)

// helmOptions are the options of a chart.
type helmOptions struct {
	Chart, Repo, Version, ReleaseName              string
	TimeoutSeconds                                 int
	Values                                         map[string]any
	ValuesFiles                                    []string
	ValuesFrom                                     []valuesFrom
	Force, DisablePreProcess, SkipSchemaValidation bool
	layers                                         []layer
	chartAt, repoAt, valuesFroms                   string
}

// layer are values with the files that are laid over them, as one place says.
type layer struct {
	at     string
	values map[string]any
	files  []string
}

// valuesFrom is an object of the cluster that has values.
type valuesFrom struct{ ConfigMapKeyRef, SecretKeyRef *keyRef }

type keyRef struct{ Name, Namespace, Key string }

// layered is a copy that knows at which field its values stand.
func (h *helmOptions) layered(at string) *helmOptions {
	if h == nil {
		return nil
	}
	out := *h
	out.layers = []layer{{at, h.Values, h.ValuesFiles}}
	out.chartAt, out.repoAt, out.valuesFroms = at+".chart", at+".repo", at+".valuesFrom"
	return &out
}

// merged lays the options of a customization over these.
func (h *helmOptions) merged(custom *helmOptions) *helmOptions {
	if h == nil || custom == nil {
		if h == nil {
			return custom
		}
		return h
	}
	out := *h
	if custom.Chart != "" {
		out.Chart, out.chartAt = custom.Chart, custom.chartAt
	}
	if custom.Repo != "" {
		out.Repo, out.repoAt = custom.Repo, custom.repoAt
	}
	out.Version, out.ReleaseName = cmp.Or(custom.Version, h.Version), cmp.Or(custom.ReleaseName, h.ReleaseName)
	if custom.TimeoutSeconds != 0 {
		out.TimeoutSeconds = custom.TimeoutSeconds
	}
	out.Force, out.DisablePreProcess = h.Force || custom.Force, h.DisablePreProcess || custom.DisablePreProcess
	out.SkipSchemaValidation = h.SkipSchemaValidation || custom.SkipSchemaValidation
	out.ValuesFrom = slices.Concat(h.ValuesFrom, custom.ValuesFrom)
	out.layers = slices.Concat(h.layers, custom.layers)
	return &out
}

// readValues takes the values of a chart: those of objects of the cluster, then those of the file and of the customization,
// in each of which the files take precedence over the values (Fleet v0.12, bundlereader, generateValues).
func (r *reader) readValues(ctx context.Context, b *bundle) error {
	for i, from := range b.Helm.ValuesFrom {
		v, err := b.valuesFrom(planning.FieldAt(b.Helm.valuesFroms, i), from)
		if err != nil {
			return err
		}
		b.values = append(b.values, v)
	}
	for _, l := range b.Helm.layers {
		if len(l.values) > 0 {
			text, err := r.expandValues(ctx, b, l.at+".values", l.values)
			if err != nil {
				return err
			}
			b.values = append(b.values, fleet.Values{Text: text})
		}
		for i, name := range l.files {
			v, err := r.valuesFile(ctx, b, planning.FieldAt(l.at+".valuesFiles", i), name)
			if err != nil {
				return err
			}
			b.values = append(b.values, v)
		}
	}
	return nil
}

// valuesFrom are the values that an object of the cluster has.
func (b *bundle) valuesFrom(at string, from valuesFrom) (fleet.Values, error) {
	kind, ref := "ConfigMap", from.ConfigMapKeyRef
	if ref == nil {
		kind, ref = "Secret", from.SecretKeyRef
	}
	if ref == nil || ref.Name == "" {
		return fleet.Values{}, b.file.errorf(at, "it names nothing: write configMapKeyRef or secretKeyRef with a name")
	}
	out := fleet.Values{Key: ref.Key, From: &protocol.VarsRef{Kind: kind, Namespace: ref.Namespace, Name: ref.Name}}
	if out.Key == "" {
		out.Key = "values.yaml"
	}
	if out.From.Namespace == "" {
		out.From.Namespace = b.namespace()
	}
	return out, nil
}

// valuesFile are the values of a file, seen from the bundle's folder. Where there are templates in it, they are executed.
func (r *reader) valuesFile(ctx context.Context, b *bundle, at, name string) (fleet.Values, error) {
	file := path.Join(b.dir, name)
	if path.IsAbs(name) || file == ".." || strings.HasPrefix(file, "../") {
		return fleet.Values{}, b.file.errorf(at, "%q leads out of the repository", name)
	}
	out := fleet.Values{Path: file}
	data, err := r.plan.Tree.ReadFile(file)
	if err != nil {
		return out, b.file.errorf(at, "%q cannot be read: is it seen from the folder %s?", name, b.dir)
	}
	var values map[string]any
	if !templated(string(data)) || b.Helm.DisablePreProcess || yaml.Unmarshal(data, &values) != nil {
		return out, nil
	}
	text, err := r.expandValues(ctx, b, at, values)
	return fleet.Values{Text: text}, err
}

// readParts says what of a bundle is rendered and how (Fleet v0.12, bundlereader, DetermineStyle): a chart, else a
// kustomization, else manifests.
func (r *reader) readParts(b *bundle, app *fleet.App) error {
	if b.repo.source != nil {
		app.Part = fleet.Part{Path: b.dir, Source: b.repo.source, Directory: &fleet.Directory{Recurse: true, Detect: true,
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
		app.Part = fleet.Part{Path: dir, Overlay: fleet.Overlay{Edit: &fleet.Edit{NeedsKustomization: true}}}
		return nil
	}
	return r.readManifests(b, app)
}

// readChart takes the chart of a bundle: the one in its folder, or the one that its options name.
func (r *reader) readChart(b *bundle, app *fleet.App) error {
	h := b.Helm
	if h == nil {
		h = &helmOptions{}
	}
	app.Path = b.dir
	app.Chart = &fleet.Chart{Release: b.name, Values: b.values, SkipSchema: h.SkipSchemaValidation}
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
		app.Source = &fleet.Source{Kind: fleet.SourceHelm, URL: h.Repo, Chart: h.Chart, SemVer: h.Version}
		return nil
	case strings.HasPrefix(h.Chart, "oci://"):
		app.Path = "."
		app.Source = &fleet.Source{Kind: fleet.SourceHelm, URL: path.Dir(strings.TrimPrefix(h.Chart, "oci://")),
			Chart: path.Base(h.Chart), SemVer: h.Version}
		app.Source.URL = "oci://" + app.Source.URL
		return nil
	}
	local := path.Join(b.dir, h.Chart)
	if is, err := hasChart(r.plan.Tree, local); is && err == nil && !path.IsAbs(h.Chart) {
		app.Path = local
		return nil
	}
	return b.file.errorf(h.chartAt, "%q is no folder with a Chart.yaml in this repository, and charts by an address are not "+
		"supported: name the repository of charts in helm.repo, or write oci://…", fleet.WithoutUser(h.Chart))
}
