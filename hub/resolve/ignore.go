package resolve

import (
	"context"
	"errors"
	"slices"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
	"github.com/drover-dev/drover/protocol"
)

// ignored makes out the ignore rules of an app over its render.
func (r *Resolver) ignored(ctx context.Context, snap model.Snapshot, render *Render, app model.App) (*Render, error) {
	key := memoKey("ignore", struct {
		Digest, Namespace string
		Rules             []model.IgnoreRule
	}{render.Ref.Digest, app.Namespace, app.Ignore})
	return r.memo.do(ctx, snap, key, func(*record.Recorder) (Render, []model.Packed, error) {
		if r.cfg.Ignored == nil {
			return Render{}, nil, errors.New("nothing here makes out ignore rules")
		}
		objects, err := r.Objects(render.Ref)
		if err != nil {
			return Render{}, nil, err
		}
		var out Render
		out.Ignored, out.Notes, err = r.cfg.Ignored(ctx, app.Ignore, app.Namespace, objects)
		return out, nil, err
	})
}

// handle says what the agent does with an app otherwise than with every app, as far as that follows from its render.
func (e *expansion) handle(ctx context.Context, m *made) error {
	h := &m.result.App.Handling
	h.Checks = foreign(h.Checks, m)
	if len(m.app.Ignore) == 0 {
		return nil
	}
	made, err := e.r.ignored(ctx, e.snap, m.render, m.app)
	if err != nil {
		return err
	}
	e.used = append(e.used, made)
	if made.Err != "" {
		m.result.Ref, m.result.Refs, m.result.Err = nil, nil, m.app.File+": "+made.Err
		return nil
	}
	h.Ignored = slices.Concat(h.Ignored, made.Ignored)
	m.result.App.Notes = slices.Concat(m.result.App.Notes, made.Notes)
	return nil
}

// foreign are those of an app's checks that are no objects of its own, whose health counts anyway.
func foreign(checks []protocol.ObjectRef, m *made) (out []protocol.ObjectRef) {
	if len(checks) == 0 {
		return nil
	}
	own := make(map[protocol.ObjectRef]bool, len(m.result.Refs))
	for _, ref := range m.result.Refs {
		own[model.Claimed(ref, m.app.Namespace)] = true
	}
	for _, check := range checks {
		if check = model.Claimed(check, m.app.Namespace); !own[check] && !slices.Contains(out, check) {
			out = append(out, check)
		}
	}
	return out
}
