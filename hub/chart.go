package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// charted is the render of an app's chart. Variables are replaced in the values, not in what the chart makes of them: charts carry
// scripts and configuration with a ${…} of their own.
func (r *Resolver) charted(ctx context.Context, snap View, kubernetes string, app fleet.App, vars map[string]string) (*Render, error) {
	var replace func(Rendered) (Rendered, error)
	if !app.Substitute {
		vars = nil
	} else {
		replace = func(values Rendered) (Rendered, error) {
			out, err := r.substitute([]Rendered{values}, vars, !app.Foreign)
			if err != nil {
				return Rendered{}, err
			}
			return out[0], nil
		}
	}
	key := memoKey("chart", struct {
		Path, File, Namespace, Kubernetes string
		Chart                             *fleet.Chart
		Substitute, Foreign               bool
		Vars                              map[string]string
		Source                            *fleet.Source `json:",omitempty"`
	}{app.Path, app.File, app.Namespace, kubernetes, app.Chart, app.Substitute, app.Foreign, vars, seen(app.Source)})
	return r.memo.do(ctx, snap, key, func(rec *Recorder) (Render, []Packed, error) {
		if r.Charts == nil {
			return Render{}, nil, errors.New("nothing here renders charts")
		}
		objects, notes, err := r.Charts.RenderChart(ctx, rec, app, kubernetes, replace)
		if err != nil {
			return Render{}, nil, err
		}
		out, blobs, err := r.packSorted(app.Source, objects)
		out.Notes = append(out.Notes, notes...)
		return out, blobs, err
	})
}

// fill gives the charts of an app the values that objects of the cluster hold, see values.
func (e *expansion) fill(app *fleet.App) (absent []protocol.VarsRef, err error) {
	app.More = slices.Clone(app.More)
	for i := range len(app.More) + 1 {
		part := &app.Part
		if i > 0 {
			part = &app.More[i-1]
		}
		if part.Chart == nil {
			continue
		}
		of := *app
		of.Part = *part
		chart, missing, err := e.values(of)
		if err != nil {
			return nil, err
		}
		part.Chart, absent = chart, append(absent, missing...)
	}
	return absent, nil
}

// values gives an app's chart with the values that objects of the cluster hold as texts, and which of these objects are not (yet)
// among what the cluster is to run.
func (e *expansion) values(app fleet.App) (*fleet.Chart, []protocol.VarsRef, error) {
	chart := *app.Chart
	chart.Values = nil
	var absent []protocol.VarsRef
	for _, v := range app.Chart.Values {
		if v.From == nil {
			chart.Values = append(chart.Values, v)
			continue
		}
		object, err := e.find(protocol.ObjectRef{Kind: v.From.Kind, Namespace: v.From.Namespace, Name: v.From.Name})
		if err != nil {
			return &chart, nil, fmt.Errorf("%s: valuesFrom names the %s: %w", app.File, v.From, err)
		}
		if object == nil {
			absent = append(absent, *v.From)
			continue
		}
		data := map[string]string{}
		if err := addData(data, object, v.From.Kind); err != nil {
			return &chart, nil, fmt.Errorf("%s: valuesFrom names the %s: %w", app.File, v.From, err)
		}
		text, ok := data[v.Key]
		if !ok && !v.From.Optional {
			return &chart, nil, fmt.Errorf("%s: valuesFrom names the %s, which has no %q in its data: add it, or name another with valuesKey", app.File, v.From, v.Key)
		}
		chart.Values = append(chart.Values, fleet.Values{Text: text})
	}
	return &chart, absent, nil
}

// charts says whether an app of the cluster is a chart.
func (r *Resolution) charts() bool {
	return slices.ContainsFunc(r.Apps, func(a AppResult) bool { return a.App.Charts() })
}

// kubernetes is the version that a cluster reported, in this run of the hub or before its charts were rendered last; "" if none is known.
func (h *Hub) kubernetes(cluster string) string {
	if c, ok := h.state.Get(cluster); ok && c.Report != nil && c.Report.Agent.Kubernetes != "" {
		return c.Report.Agent.Kubernetes
	}
	return h.records[cluster].Kubernetes
}

// rerender renders a cluster's charts for the version of Kubernetes that it reported, if they were rendered for another one.
func (h *Hub) rerender(ctx context.Context, cluster string) error {
	res := h.resolved[cluster]
	if res == nil || h.base == nil || !res.charts() || res.kubernetes == h.kubernetes(cluster) {
		return nil
	}
	if err := h.resolve(ctx, h.base, cluster); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.unreadable(cluster, err)
	}
	_, err := h.publish(ctx, []string{cluster})
	return err
}
