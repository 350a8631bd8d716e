package flux

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/chartutil"
	"github.com/go-logr/logr"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// release does what source-controller and helm-controller v1.6 do with a HelmRelease over a chart of the repository: the chart with its values
// files, the values, Helm's own action, the post-renderers, and the common metadata.
func (r *reconciler) release(o unstructured.Unstructured) {
	name := o.GetName()
	if o.GetNamespace() != "flux-system" {
		name = o.GetNamespace() + "-" + name
	}
	name += ofChart
	list, err := r.template(o)
	if err != nil {
		r.t.Logf("Flux: %s: %v", name, err)
		r.failed[name] = true
		return
	}
	out := objects{}
	for _, o := range list {
		data, err := json.Marshal(o.Object)
		if err != nil {
			r.t.Fatal(err)
		}
		out.add(r.t, data)
	}
	r.apps[name] = out
	share(r.apps, name)
}

func (r *reconciler) template(o unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	var hr helmv2.HelmRelease
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &hr); err != nil {
		return nil, err
	}
	spec := hr.Spec.Chart.Spec
	chart, err := loader.Load(filepath.Join(r.repo, filepath.Clean("/"+spec.Chart)))
	if err != nil {
		return nil, err
	}
	if len(spec.ValuesFiles) > 0 {
		chart.Values = map[string]any{}
		for _, file := range spec.ValuesFiles {
			data, err := os.ReadFile(filepath.Join(r.repo, filepath.Clean("/"+file)))
			if os.IsNotExist(err) && spec.IgnoreMissingValuesFiles {
				continue
			}
			var values map[string]any
			if err == nil {
				err = yaml.Unmarshal(data, &values)
			}
			if err != nil {
				return nil, err
			}
			chart.Values = chartutil.MergeMaps(chart.Values, values)
		}
	}
	values, err := chartutil.ChartValuesFromReferences(context.Background(), logr.Discard(), reader{inventory: r.data}, hr.Namespace, hr.GetValues(), hr.Spec.ValuesFrom...)
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy, install.Replace = action.DryRunClient, true
	install.ReleaseName, install.Namespace = hr.GetReleaseName(), hr.GetReleaseNamespace()
	install.IncludeCRDs = hr.GetInstall().CRDs != helmv2.Skip
	install.DisableHooks = hr.GetInstall().DisableHooks
	if len(hr.Spec.PostRenderers) > 0 {
		install.PostRenderer = postRenderer(hr.Spec.PostRenderers)
	}
	out, err := install.Run(chart, values)
	if err != nil {
		return nil, err
	}
	stream := out.(*releasev1.Release).Manifest
	for _, h := range out.(*releasev1.Release).Hooks {
		if !install.DisableHooks && slices.ContainsFunc(h.Events, func(e releasev1.HookEvent) bool {
			return strings.HasSuffix(string(e), "-install") || strings.HasSuffix(string(e), "-upgrade")
		}) {
			stream += "\n---\n" + h.Manifest
		}
	}
	return decode(stream, o)
}

// decode reads a stream of documents and puts the common metadata of a HelmRelease on them.
func decode(stream string, hr unstructured.Unstructured) (list []unstructured.Unstructured, err error) {
	for text := range strings.SplitSeq("\n"+stream, "\n---") {
		data, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			return nil, err
		}
		if string(data) == "null" {
			continue
		}
		var o unstructured.Unstructured
		if err := o.UnmarshalJSON(data); err != nil {
			return nil, fmt.Errorf("%w in %s", err, data)
		}
		addMetadata(&o, hr)
		list = append(list, o)
	}
	return list, nil
}

// postRenderer is Kustomize.Run of helm-controller's internal/postrender, for several.
type postRenderer []helmv2.PostRenderer

// Run implements Helm's postrenderer.PostRenderer.
func (p postRenderer) Run(manifests *bytes.Buffer) (*bytes.Buffer, error) {
	for _, one := range p {
		if one.Kustomize == nil {
			continue
		}
		k := types.Kustomization{TypeMeta: types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind}, Resources: []string{"helm-output.yaml"}}
		for _, i := range one.Kustomize.Images {
			k.Images = append(k.Images, types.Image{Name: i.Name, NewName: i.NewName, NewTag: i.NewTag, Digest: i.Digest})
		}
		for _, m := range one.Kustomize.Patches {
			patch := types.Patch{Patch: m.Patch}
			if t := m.Target; t != nil {
				patch.Target = &types.Selector{LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector}
				patch.Target.Group, patch.Target.Version, patch.Target.Kind, patch.Target.Name, patch.Target.Namespace = t.Group, t.Version, t.Kind, t.Name, t.Namespace
			}
			k.Patches = append(k.Patches, patch)
		}
		text, err := yaml.Marshal(k)
		if err != nil {
			return nil, err
		}
		disk := filesys.MakeFsInMemory()
		if err := disk.WriteFile("helm-output.yaml", manifests.Bytes()); err != nil {
			return nil, err
		}
		if err := disk.WriteFile("kustomization.yaml", text); err != nil {
			return nil, err
		}
		built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, ".")
		if err != nil {
			return nil, err
		}
		if text, err = built.AsYaml(); err != nil {
			return nil, err
		}
		manifests = bytes.NewBuffer(text)
	}
	return manifests, nil
}
