package helm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
)

// annotationHook has the events at which Helm applies an object, instead of with the others
// (https://helm.sh/docs/topics/charts_hooks/).
const annotationHook = "helm.sh/hook"

// treated does to rendered objects what a release asks: hooks of some events are left out, and definitions in crds/ are
// only created.
func treated(objects []model.Rendered, t model.ChartTreatment) ([]model.Rendered, error) {
	if !t.CreateCRDs && len(t.SkipHooks) == 0 {
		return objects, nil
	}
	var out []model.Rendered
	for _, o := range objects {
		var head struct {
			Kind     string
			Metadata struct{ Annotations map[string]any }
		}
		if err := json.Unmarshal(o.JSON, &head); err != nil {
			return nil, fmt.Errorf("%s: an object that cannot be read: %w", o.File, err)
		}
		hook, is := head.Metadata.Annotations[annotationHook].(string)
		var err error
		switch {
		case is:
			events := slices.DeleteFunc(strings.Split(hook, ","), func(e string) bool { return slices.Contains(t.SkipHooks, strings.TrimSpace(e)) })
			if len(events) == 0 {
				continue
			}
			if rest := strings.Join(events, ","); rest != hook {
				o, err = annotated(o, annotationHook, rest)
			}
		case t.CreateCRDs && head.Kind == "CustomResourceDefinition" && inCRDs(o.File):
			o, err = annotated(o, fleet.AnnotationApply, fleet.ApplyIfNotPresent)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}
