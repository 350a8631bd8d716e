package rancher

import (
	"context"
	"path"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// readValues takes the values of a chart: those of objects of the cluster, then those of the file and of the
// customization, in each of which the files take precedence over the values (Fleet v0.12, bundlereader,
// generateValues).
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
			b.values = append(b.values, model.Values{Text: text})
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
func (b *bundle) valuesFrom(at string, from valuesFrom) (model.Values, error) {
	kind, ref := "ConfigMap", from.ConfigMapKeyRef
	if ref == nil {
		kind, ref = "Secret", from.SecretKeyRef
	}
	if ref == nil || ref.Name == "" {
		return model.Values{}, b.file.errorf(at,
			"it names nothing: write configMapKeyRef or secretKeyRef with a name")
	}
	out := model.Values{Key: ref.Key, From: &protocol.VarsRef{Kind: kind, Namespace: ref.Namespace, Name: ref.Name}}
	if out.Key == "" {
		out.Key = "values.yaml"
	}
	if out.From.Namespace == "" {
		out.From.Namespace = b.namespace()
	}
	return out, nil
}

// valuesFile are the values of a file, seen from the bundle's folder. Where there are templates in it, they are
// executed.
func (r *reader) valuesFile(ctx context.Context, b *bundle, at, name string) (model.Values, error) {
	file := path.Join(b.dir, name)
	if path.IsAbs(name) || file == ".." || strings.HasPrefix(file, "../") {
		return model.Values{}, b.file.errorf(at, "%q leads out of the repository", name)
	}
	out := model.Values{Path: file}
	data, err := r.plan.Readable(b.repo.o).ReadFile(file)
	if err != nil {
		return out, b.file.errorf(at, "%q cannot be read: is it seen from the folder %s?", name, b.dir)
	}
	var values map[string]any
	if !templated(string(data)) || b.Helm.DisablePreProcess || yaml.Unmarshal(data, &values) != nil {
		return out, nil
	}
	text, err := r.expandValues(ctx, b, at, values)
	return model.Values{Text: text}, err
}
