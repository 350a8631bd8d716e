package helm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/drover-dev/drover/hub/model"
)

// maxInflations is how often a build may name further charts: at most once for each kustomization below another.
const maxInflations = 32

// withoutName is how Helm calls a release that was given no name.
const withoutName = "release-name"

// Inflater is a model.Renderer that renders the charts which kustomizations name (helmCharts), as `kustomize build
// --enable-helm` has the helm program do it, and evaluates the files of Jsonnet in folders of manifests.
type Inflater struct {
	Builder model.Renderer
	Charts  *Renderer
}

var _ model.Renderer = (*Inflater)(nil)

// Build implements model.Renderer.
func (i *Inflater) Build(ctx context.Context, tree model.Tree, dir string, opts model.BuildOptions) ([]model.Rendered, error) {
	for range maxInflations {
		objects, err := i.Builder.Build(ctx, tree, dir, opts)
		wanted, ok := errors.AsType[*model.InflationError](err)
		if !ok {
			return objects, err
		}
		rendered := maps.Clone(opts.Inflated)
		if rendered == nil {
			rendered = map[string][]model.Rendered{}
		}
		for _, chart := range wanted.Charts {
			if _, ok := rendered[chart.Key()]; ok {
				continue
			}
			render := i.Charts.inflate
			if chart.Jsonnet != nil {
				render = i.Charts.evaluate
			}
			if rendered[chart.Key()], err = render(ctx, tree, chart); err != nil {
				return nil, err
			}
		}
		opts.Inflated = rendered
	}
	return nil, fmt.Errorf("%s: its kustomizations name further charts %d times", dir, maxInflations)
}

// inflate renders the chart of a kustomization.
func (r *Renderer) inflate(ctx context.Context, tree model.Tree, of model.Inflation) ([]model.Rendered, error) {
	chart := Chart{Tree: tree, Path: of.Path}
	needed, err := Missing(chart)
	if err != nil {
		return nil, placed(err)
	}
	if len(needed) > 0 {
		return nil, &model.NeededError{Sources: needed}
	}
	opts := Options{Release: of.Release, Namespace: of.Namespace, KubeVersion: of.KubeVersion, MoreAPIs: of.APIVersions, IncludeCRDs: of.IncludeCRDs,
		SkipHooks: of.SkipHooks, SkipTests: of.SkipTests}
	if opts.Namespace == "" {
		opts.Namespace = "default"
	}
	for _, text := range of.Values {
		opts.Values = append(opts.Values, Values{File: of.File, Text: text})
		if strings.Contains(text, sopsValue) {
			return nil, &model.CiphertextError{Err: fmt.Errorf("%s: the values of the chart %s are encrypted with SOPS, and charts are rendered before anything is decrypted in the cluster: "+
				"have the chart name a Secret of the cluster for them, and deliver that encrypted", of.File, of.Path)}
		}
	}
	if of.Release == "" && of.NameTemplate != "" {
		names, err := r.Execute(ctx, of.File, nil, []model.Templated{{Params: []byte("{}"), Texts: []string{of.NameTemplate}}})
		if err != nil {
			return nil, placed(err)
		}
		opts.Release = names[0][0]
	}
	if opts.Release == "" {
		opts.Release = withoutName
	}
	result, err := r.Render(ctx, chart, opts)
	if err != nil {
		return nil, placed(err)
	}
	return done(result.Objects)
}
