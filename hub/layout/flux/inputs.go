package flux

import (
	"fmt"
	"maps"
	"slices"

	"github.com/drover-dev/drover/hub/layout/flux/combine"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// inputStrategy says how the inputs of several providers are combined.
type inputStrategy struct {
	Name                  string
	IncludeEmptyProviders bool
}

// inputsFrom names a ResourceSetInputProvider, or several by their labels.
type inputsFrom struct {
	Kind, Name string
	Selector   *struct {
		MatchLabels      map[string]string
		MatchExpressions []any
	}
}

// inputProvider is what Drover takes from the spec of a ResourceSetInputProvider.
type inputProvider struct {
	Type          string
	DefaultValues map[string]any
}

// The ways in which inputs are combined.
const (
	strategyFlatten = "Flatten"
	strategyPermute = "Permute"
)

// inputs are the sets of inputs of a ResourceSet, combined as it says. One without any has one empty set; one whose
// providers give none has none.
func (r *reader) inputs(o *planning.Object, set resourceSet) ([]map[string]any, error) {
	if len(set.Inputs) == 0 && len(set.InputsFrom) == 0 {
		return []map[string]any{nil}, nil
	}
	all := []combine.Provided{{Name: o.Name, Sets: withProvider(set.Inputs, o)}}
	providers, err := r.providers(o, set.InputsFrom)
	if err != nil {
		return nil, err
	}
	for _, by := range providers {
		var spec inputProvider
		if err := decodeSet(by, &spec); err != nil {
			return nil, r.plan.Undecodable(by, err)
		}
		if spec.Type != "Static" {
			return nil, r.plan.Errorf(o, "spec.inputsFrom", "the %s asks another system (type %s) for inputs, and Drover "+
				"knows what "+
				"stands in Git alone: list them "+
				"under spec.inputs, or in a provider of type Static", by, spec.Type)
		}
		all = append(all, combine.Provided{Name: by.Name, Sets: withProvider([]map[string]any{spec.DefaultValues}, by)})
	}
	switch set.InputStrategy.Name {
	case "", strategyFlatten:
		return combine.Flat(all), nil
	case strategyPermute:
		out, err := combine.All(all, set.InputStrategy.IncludeEmptyProviders)
		if err != nil {
			return nil, r.plan.Errorf(o, "spec.inputs", "%v", err)
		}
		return out, nil
	}
	return nil, r.plan.Errorf(o, "spec.inputStrategy.name", "%q is not known: it is %s or %s", set.InputStrategy.Name,
		strategyFlatten, strategyPermute)
}

// providers are the ResourceSetInputProviders that a ResourceSet takes inputs from, of its own namespace, sorted by
// name,
// each once.
func (r *reader) providers(o *planning.Object, from []inputsFrom) ([]*planning.Object, error) {
	found := map[string]*planning.Object{}
	for i, f := range from {
		at := fmt.Sprintf("spec.inputsFrom[%d]", i)
		switch {
		case f.Selector != nil && len(f.Selector.MatchExpressions) > 0:
			return nil, r.plan.Errorf(o, at+".selector.matchExpressions",
				"not supported: write matchLabels, or the provider's name")
		case f.Selector != nil:
			for _, by := range r.plan.Objects() {
				if isProvider(by) && r.plan.May(o, by) && by.Namespace == o.Namespace && hasLabels(by, f.Selector.MatchLabels) {
					found[by.Name] = by
				}
			}
		default:
			by := r.plan.Visible(o, planning.ObjectKey(kindInputProvider, o.Namespace, f.Name))
			if by == nil || !isProvider(by) {
				return nil, r.plan.Errorf(o, at, "there is no %s in what this cluster's folder renders to: add it, or list its "+
					"inputs under spec.inputs",
					planning.ObjectKey(kindInputProvider, o.Namespace, f.Name))
			}
			found[by.Name] = by
		}
	}
	var out []*planning.Object
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[name])
	}
	return out, nil
}

func isProvider(o *planning.Object) bool {
	return o.Group == operatorGroup && o.Kind == kindInputProvider
}

func hasLabels(o *planning.Object, want map[string]string) bool {
	labels := headOf(o).Metadata.Labels
	for key, value := range want {
		if string(labels[key]) != value {
			return false
		}
	}
	return true
}

// withProvider adds to each set of inputs where it comes from.
func withProvider(sets []map[string]any, o *planning.Object) []map[string]any {
	from := map[string]any{"apiVersion": string(headOf(o).APIVersion), "kind": o.Kind, "name": o.Name,
		"namespace": o.Namespace}
	var out []map[string]any
	for _, set := range sets {
		set = maps.Clone(set)
		if set == nil {
			set = map[string]any{}
		}
		set["provider"] = from
		out = append(out, set)
	}
	return out
}
