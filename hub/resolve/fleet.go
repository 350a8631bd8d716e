package resolve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
)

// Fleet is the apps that are declared once for many clusters, at one revision.
type Fleet struct {
	render *Render
	places []string // on which they depend beside the render's
}

// Problems are what is wrong with the files that declare them.
func (f *Fleet) Problems() []string {
	if f == nil {
		return nil
	}
	return f.render.Problems
}

// Declared are the objects that declare them, with what else is declared for many clusters.
func (f *Fleet) Declared() []model.Rendered {
	if f == nil {
		return nil
	}
	return f.render.Declared
}

// Places are the paths in the tree on which they depend: what was read, and what was looked for and not found.
func (f *Fleet) Places() []string {
	if f == nil {
		return nil
	}
	return append(placesOf(f.render.Deps), f.places...)
}

// Untaken names what is declared for many clusters and is for none of them.
func (f *Fleet) Untaken(ctx context.Context, r *Resolver, snap model.Snapshot) []fleet.Note {
	in := model.Declarations{Branch: snap.Revision().Branch, Repository: r.cfg.Repository}
	for _, o := range f.render.Declared {
		in.Declared = append(in.Declared, model.Declaration{Rendered: o})
	}
	if len(in.Declared) == 0 {
		return nil
	}
	return r.cfg.Layout.Untaken(ctx, snap, in)
}

// Differs says whether they are others than before, which is nil before the first.
func (f *Fleet) Differs(before *Fleet) bool {
	if before == nil {
		return true
	}
	was, now := before.render, f.render
	return was != now && selection(was.Declared, was.Problems) != selection(now.Declared, now.Problems)
}

// Refresh reads the apps for many clusters at a revision. before are those of the revision before, which are still in
// force while the new ones are being built; nil if there are none. It is done once for a revision, however many
// clusters are resolved at it.
func (r *Resolver) Refresh(ctx context.Context, snap model.Snapshot, before *Fleet) (*Fleet, error) {
	r.renders.begin("", &Patience{})
	e := &expansion{r: r, snap: snap}
	now, err := readFleet(ctx, e)
	r.renders.end()
	if err != nil {
		return nil, err
	}
	if now.Pending { // what there was goes on, and nothing that seems to be missing is taken for gone
		now = &Render{Problems: []string{query.FleetBuilding}, Pending: true}
		if before != nil {
			now.Declared = before.render.Declared
		}
	}
	places := e.places
	for _, used := range e.used {
		places = append(places, placesOf(used.Deps)...)
	}
	return &Fleet{now, places}, nil
}

// readFleet reads the apps for many clusters, with what their kustomizations name by addresses. Where that is not at
// hand it is one of the problems, so that nothing that seems to be missing is taken for gone.
func readFleet(ctx context.Context, e *expansion) (*Render, error) {
	var known *Render // without what is needed
	now, err := supplied(ctx, e, e.snap, "the files of apps for many clusters", false, nil, func(view model.View) (*Render, error) {
		out, err := e.r.aside(ctx, view, memoKey("fleet-5", memtree.Stock(view)), func(ctx context.Context,
			rec *record.Recorder) (Render,
			[]model.Packed, error) {
			apps, problems, err := e.r.cfg.Layout.Fleet(ctx, rec)
			out := Render{Declared: apps, Problems: problems, Transient: err != nil}
			if needed, ok := errors.AsType[*model.NeededError](err); ok {
				out.Transient, out.Needs = false, needed.Sources
			}
			return out, nil, nil
		})
		if err == nil && len(out.Needs) > 0 {
			known = out
		}
		return out, err
	})
	if err != nil || known == nil || now.Err == "" || now.Pending {
		return now, err
	}
	out := *known
	out.Needs, out.Problems = nil, append(slices.Clone(known.Problems), now.Err)
	return &out, nil
}

// Reselected says whether the apps for many clusters give a cluster anything else than when it was resolved.
func (r *Resolver) Reselected(f *Fleet, res *Resolution) bool {
	return selection(r.cfg.Layout.Select(f.render.Declared, res.Cluster)) != res.selection
}

// selection is a digest of what was selected.
func selection(apps []model.Rendered, problems []string) string {
	h := sha256.New()
	for _, a := range apps {
		fmt.Fprintf(h, "%d %s %s\n", len(a.JSON), a.JSON, a.File)
	}
	for _, p := range problems {
		fmt.Fprintf(h, "problem %s\n", p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
