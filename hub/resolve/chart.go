package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/confined"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/opaque"
	"github.com/drover-dev/drover/hub/record"
	"github.com/drover-dev/drover/hub/unlock"
	"github.com/drover-dev/drover/protocol"
)

// charted is the render of an app's chart. Variables are replaced in the values, not in what the chart makes of them:
// charts carry scripts and configuration with a ${…} of their own. What a cluster serves counts for those charts
// alone that look at it: they are rendered once without knowing it, which tells, and again with it.
func (r *Resolver) charted(ctx context.Context, snap model.View, on model.Capabilities, app model.App, vars map[string]string,
	held *unlock.Held) (*Render, error) {
	apis := on.APIs
	on.APIs = nil
	render, err := r.chartedOn(ctx, snap, on, app, vars, held)
	if err != nil || !render.AsksAPIs || len(apis) == 0 {
		return render, err
	}
	on.APIs = apis
	return r.chartedOn(ctx, snap, on, app, vars, held)
}

func (r *Resolver) chartedOn(ctx context.Context, snap model.View, on model.Capabilities, app model.App, vars map[string]string,
	held *unlock.Held) (*Render, error) {
	if !app.Substitute {
		vars = nil
	}
	may := confined.ReadingOf(app)
	key := memoKey("chart-6", struct {
		Path, File, Namespace, Kubernetes, APIs string
		Chart                                   *model.Chart
		Substitute, Foreign                     bool
		Vars                                    map[string]string
		Source                                  *model.Source `json:",omitempty"`
		Hide                                    *model.Hide   `json:",omitempty"`
		Stock                                   []string      `json:",omitempty"`
		May                                     confined.Reading
		Plugin                                  *model.Plugin     `json:",omitempty"`
		Opaque                                  []protocol.Opaque `json:",omitempty"`
		Held                                    string            `json:",omitempty"`
	}{app.Path, app.File, app.Namespace, on.Kubernetes, protocol.APIsDigest(on.APIs), app.Chart, app.Substitute,
		app.Foreign, vars, seen(app.Source), app.Hide, memtree.Stock(snap), may,
		app.Plugin, app.Handling.Opaque, held.ID()})
	return r.aside(ctx, snap, key, func(ctx context.Context, rec *record.Recorder) (out Render, blobs []model.Packed, err error) {
		if r.cfg.Charts == nil {
			return Render{}, nil, errors.New("nothing here renders charts")
		}
		asks, on := false, on
		on.Asked = func() { asks = true }
		shown, judge := may.Shown(hidden(r, rec, app.Hide), rec.Real)
		var notes []fleet.Note
		given := func(app model.App, vars map[string]string) (objects []model.Rendered, said []fleet.Note, err error) {
			return r.cfg.Charts.RenderChart(ctx, shown, app, on, replacing(r, app, vars))
		}
		how := opaque.Render
		if held != nil {
			how = unlock.Once
		}
		objects, tokens, err := how(app, func(app model.App) (objects []model.Rendered, err error) {
			objects, notes, err = given(app, vars)
			return objects, err
		})
		if needed, ok := errors.AsType[*model.NeededError](err); ok {
			return Render{Needs: needed.Sources}, nil, nil
		}
		if err != nil && held != nil && !held.Known() {
			err = fmt.Errorf("%w (rendered without the values that the hub alone decrypts)", err)
		}
		if err = judge(err); err == nil {
			out, blobs, err = r.packSorted(app.Source, objects)
		}
		if err == nil {
			out.Opaque, err = tokens, opaque.Declares(out.Declared, tokens)
		}
		if err == nil && held.Known() {
			var more []model.Packed
			out.Sealed, more, err = sealed(r, held, app, objects, given, vars)
			blobs = append(blobs, more...)
		}
		out.Notes, out.AsksAPIs = append(out.Notes, notes...), asks
		return out, blobs, err
	})
}

// replacing replaces variables in the values of an app's chart; nil if the app does not ask for it.
func replacing(r *Resolver, app model.App, vars map[string]string) func(model.Rendered) (model.Rendered, error) {
	if !app.Substitute {
		return nil
	}
	return func(values model.Rendered) (model.Rendered, error) {
		out, err := r.cfg.Substitute([]model.Rendered{values}, vars, !app.Foreign)
		if err != nil {
			return model.Rendered{}, err
		}
		return out[0], nil
	}
}

// sealed renders a chart with the values that the hub decrypted, beside masked, its objects without them. No error
// quotes
// one of them.
func sealed(r *Resolver, held *unlock.Held, app model.App, masked []model.Rendered,
	render func(model.App, map[string]string) ([]model.Rendered, []fleet.Note, error), vars map[string]string,
) (*protocol.Blob, []model.Packed, error) {
	app, vars, err := held.Chart(app, vars, unlock.Replace(r.cfg.Substitute))
	if err != nil {
		return nil, nil, err
	}
	objects, _, err := render(app, vars)
	if err != nil {
		return nil, nil, held.Concealed(err)
	}
	if err := unlock.Alike(masked, objects); err != nil {
		return nil, nil, fmt.Errorf("%s: %w: give it a value in Git", app.File, err)
	}
	sorted, err := r.cfg.Layout.Sort(objects)
	if err != nil {
		return nil, nil, held.Concealed(err)
	}
	p, err := model.PackFor(r.cfg.Secret, held.Cluster(), sorted.Objects)
	if err != nil {
		return nil, nil, err
	}
	return &p.Ref, []model.Packed{p}, nil
}

// fill gives the charts of an app the values that objects of the cluster hold, see values.
func (e *expansion) fill(ctx context.Context, m *made) (absent []protocol.VarsRef, err error) {
	app := &m.app
	app.Notes = slices.Clone(app.Notes)
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
		chart, missing, err := e.values(ctx, of, m, app)
		if err != nil {
			return nil, err
		}
		part.Chart, absent = chart, append(absent, missing...)
	}
	return absent, nil
}

// values gives an app's chart with the values that objects of the cluster hold as texts, and which of these objects
// are not (yet) among what the cluster is to run. What comes of Secrets is added to m.secret, and notes and tokens to
// to.
func (e *expansion) values(ctx context.Context, app model.App, m *made, to *model.App) (*model.Chart, []protocol.VarsRef, error) {
	chart := *app.Chart
	chart.Values = nil
	var absent []protocol.VarsRef
	for _, v := range app.Chart.Values {
		if v.From == nil {
			chart.Values = append(chart.Values, v)
			continue
		}
		f, err := e.find(app.Party(), protocol.ObjectRef{Kind: v.From.Kind, Namespace: v.From.Namespace, Name: v.From.Name})
		if err != nil {
			return &chart, nil, fmt.Errorf("%s: valuesFrom names the %s: %w", app.File, v.From, err)
		}
		if v.Target != "" && (f.unknown != "" || f.object == nil && !v.From.Optional) { // the agent takes it from the cluster
			token := opaque.Value(v.Key, *v.From)
			to.Handling.Opaque = opaque.Join(to.Handling.Opaque, []protocol.Opaque{token})
			chart.Values = append(chart.Values, model.Values{Text: token.Token, Target: v.Target, Literal: v.Literal,
				From: v.From, Key: v.Key})
			continue
		}
		if text, tokens, err := document(ctx, e, app, v, f); text != "" || err != nil {
			if err != nil {
				return &chart, nil, err
			}
			to.Handling.Opaque = opaque.Join(to.Handling.Opaque, tokens)
			chart.Values = append(chart.Values, model.Values{Text: text, From: v.From, Key: v.Key})
			continue
		}
		if f.unknown != "" && f.opaque == nil {
			err = fmt.Errorf("%s: valuesFrom names the %s, whose content only the cluster knows (%s), and charts are rendered before the cluster sees anything: "+
				"put it into Git as it is, or write its values under values", app.File, v.From, f.unknown)
			if f.unknown == isEncrypted {
				err = &model.CiphertextError{Err: err}
			}
			return &chart, nil, err
		}
		to.Handling.Opaque = opaque.Join(to.Handling.Opaque, f.opaque)
		if f.assumed != "" {
			to.Notes = append(to.Notes, fleet.Note{File: app.File, Object: "app " + app.Name, Field: "valuesFrom",
				Text: fmt.Sprintf("variables in the %s are replaced as if there were no %s in the cluster, which is "+
					"optional: charts are rendered before the cluster sees anything", v.From, f.assumed)})
		}
		if f.object == nil {
			absent = append(absent, *v.From)
			continue
		}
		data := map[string]string{}
		if err := unlock.AddData(data, f.object, v.From.Kind); err != nil {
			return &chart, nil, fmt.Errorf("%s: valuesFrom names the %s: %w", app.File, v.From, err)
		}
		text, ok := data[v.Key]
		switch {
		case !ok && v.From.Optional:
			continue
		case !ok:
			return &chart, nil, fmt.Errorf("%s: valuesFrom names the %s, which has no %q in its data: add it, or name another with valuesKey", app.File, v.From, v.Key)
		}
		if v.From.Kind == "Secret" {
			m.secret = append(m.secret, unlock.Texts(text)...)
		}
		chart.Values = append(chart.Values, model.Values{Text: text, Target: v.Target, Literal: v.Literal, From: v.From, Key: v.Key})
	}
	return &chart, absent, nil
}

// Charts says whether an app of the cluster is a chart, or made by a plugin that is told of the cluster.
func (r *Resolution) Charts() bool {
	return slices.ContainsFunc(r.Apps, func(a AppResult) bool { return a.App.Asks() })
}
