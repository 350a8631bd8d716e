package resolve

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
)

// aside answers a question from memory, or beside the loop: until that is done the answer is pending.
func (r *Resolver) aside(ctx context.Context, snap model.View, key string, render renderFunc) (*Render, error) {
	if r.renders == nil {
		return r.memo.do(ctx, snap, key, func(rec *record.Recorder) (Render, []model.Packed, error) { return render(ctx, rec) })
	}
	if found, err := r.memo.find(snap, key); found != nil || err != nil {
		return found, err
	}
	j := r.renders.get(snap, key, render)
	if j == nil {
		return &Render{Err: beingRendered, Away: true, Pending: true}, nil
	}
	out := r.memo.settle(j.view, key, j.rec, j.result, j.blobs, j.err)
	if !out.Transient {
		r.renders.forget(j)
	}
	return out, nil
}

// planned is the plan of a cluster: beside the loop if it executes templates.
func (e *expansion) planned(ctx context.Context, view model.View, key string, templated bool, plan renderFunc) (*Render, error) {
	if templated {
		return e.r.aside(ctx, view, key, plan)
	}
	return e.r.memo.do(ctx, view, key, func(rec *record.Recorder) (Render, []model.Packed, error) { return plan(ctx, rec) })
}

// templated says whether there are ApplicationSets with Go templates, which are programs, among what is declared.
func templated(declared []model.Declaration) bool {
	return slices.ContainsFunc(declared, func(d model.Declaration) bool {
		return bytes.Contains(d.JSON, []byte(`"kind":"ApplicationSet"`)) && bytes.Contains(d.JSON, []byte(`"goTemplate":`)) ||
			bytes.Contains(d.JSON, []byte(`"kind":"ResourceSet"`))
	})
}

// Pending says whether an app is being rendered.
func (r *Resolution) Pending() bool {
	return r.Planning || r.Selecting || slices.ContainsFunc(r.Apps, func(a AppResult) bool { return a.Pending })
}

// inline is the render of objects that what declares the app made.
func inline(r *Resolver, ctx context.Context, snap model.View, app model.App) (*Render, error) {
	key := memoKey("inline", struct {
		File    string
		Objects []json.RawMessage
	}{app.File, app.Objects})
	return r.memo.do(ctx, snap, key, func(*record.Recorder) (Render, []model.Packed, error) {
		objects := make([]model.Rendered, len(app.Objects))
		for i, o := range app.Objects {
			objects[i] = model.Rendered{JSON: o, File: app.File}
		}
		return r.packSorted(nil, objects)
	})
}
