package resolve

import (
	"context"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
)

// maxSupplies is how often a render may ask for further charts: those that were fetched have what they need.
const maxSupplies = 4

// supplied is a render with the published charts that it turns out to need, such as the dependencies of a chart that
// are not in its charts/. They are sources of the app like others: followed, and kept while the app may need them.
func supplied(ctx context.Context, e *expansion, view model.View, app model.App,
	render func(model.View) (*Render, error),
) (*Render, error) {
	out, err := render(view)
	for range maxSupplies {
		if err != nil || len(out.Needs) == 0 {
			break
		}
		if app.Source == nil {
			e.used = append(e.used, out)
		} else {
			e.foreign = append(e.foreign, out)
		}
		for _, n := range out.Needs {
			e.places = append(e.places, SourcePlace(n.Source.Key()))
		}
		if view, err = supply(ctx, e, view, out.Needs); err != nil {
			out, err = unavailable(ctx, err)
			break
		}
		out, err = render(view)
	}
	if err != nil {
		return nil, err
	}
	if len(out.Needs) > 0 {
		return &Render{Err: fmt.Sprintf("%s still needs %s when that is there: is its name in Chart.yaml that of the dependency?", app.Path, out.Needs[0].Source)}, nil
	}
	return out, nil
}

// supply gives a view with the charts in it. All are asked for, so that they are fetched at the same time.
func supply(ctx context.Context, e *expansion, view model.View, needs []model.Needed) (model.View, error) {
	charts := map[string]model.View{}
	var first error
	for _, n := range needs {
		chart, err := e.whole(ctx, n.Source)
		if err != nil {
			first = firstOf(first, err)
			continue
		}
		at := n.At
		if n.Archive {
			version, _, _ := strings.Cut(chart.Revision().Hash, "@")
			at += "-" + strings.ReplaceAll(version, "/", "_") + ".tgz"
		}
		charts[at] = chart
	}
	if first != nil {
		return nil, first
	}
	return memtree.With(view, charts), nil
}

func firstOf(first, err error) error {
	if first != nil {
		return first
	}
	return err
}
