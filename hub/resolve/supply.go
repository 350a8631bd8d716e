package resolve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/protocol"
)

// maxSupplies is how often a render may ask for further sources: what was fetched may name more.
const maxSupplies = 64

// supplied is a render with what it turns out to need and its tree does not have: the dependencies of a chart that are
// not in its charts/, and what kustomizations name by addresses. They are sources of the app like others: followed, and
// kept while the app may need them. name is for messages; foreign says that the view is not of the repository that the
// hub follows; bounds are those of the app that is rendered, nil for none.
func supplied(ctx context.Context, e *expansion, view model.View, name string, foreign bool, bounds *project.Bounds,
	render func(model.View) (*Render, error),
) (*Render, error) {
	var notes []fleet.Note
	seen := map[string]bool{}
	for range maxSupplies {
		out, err := render(view)
		if err != nil || len(out.Needs) == 0 {
			return annotated(out, notes), err
		}
		if foreign {
			e.foreign = append(e.foreign, out)
		} else {
			e.used = append(e.used, out)
		}
		needs := within(out.Needs, bounds)
		for _, n := range needs {
			if seen[n.At+" "+n.Source.Key()] {
				return &Render{Err: fmt.Sprintf("%s still needs %s when that is there: is its name in Chart.yaml that of the dependency?", name, n.Source), Needs: out.Needs}, nil
			}
			seen[n.At+" "+n.Source.Key()] = true
			if bounds != nil && (!bounds.Project.Source(n.Source.URL) || n.Or != nil && !bounds.Project.Source(n.Or.Source.URL)) {
				return &Render{Err: fmt.Sprintf("%s: the project %s (%s) does not permit the source %s: name another, "+
					"or change what the project permits", cmp.Or(n.By, name), bounds.Project.Name, bounds.Project.Where,
					model.WithoutUser(n.Source.URL)), Reason: protocol.ReasonProjectForbids, Needs: out.Needs}, nil
			}
			if n.Base && e.r.cfg.NoRemoteBases {
				return &Render{Err: n.By + " is remote, and --no-remote-bases has the hub fetch nothing that kustomizations name: " +
					"commit it (kustomize localize), or leave the option out", Needs: out.Needs}, nil
			}
		}
		var more []fleet.Note
		if view, more, err = supply(ctx, e, view, needs); err != nil {
			away, err := unavailable(ctx, err)
			if away != nil {
				away.Needs = out.Needs
			}
			return away, err
		}
		notes = append(notes, more...)
	}
	return &Render{Err: fmt.Sprintf("%s: what it needs needs more, %d times: does something that is fetched lead back to itself?", name, maxSupplies)}, nil
}

// within are needs whose sources are fetched with what a project permits to log in with. Where they are to be in the tree
// does not change: the render looks for them there.
func within(needs []model.Needed, bounds *project.Bounds) []model.Needed {
	if bounds == nil || bounds.Project.Credentials == nil {
		return needs
	}
	out := slices.Clone(needs)
	for i := range out {
		out[i].Source = out[i].Source.Within(&model.Logins{Names: bounds.Project.Credentials})
		if out[i].Or != nil {
			or := *out[i].Or
			or.Source = or.Source.Within(&model.Logins{Names: bounds.Project.Credentials})
			out[i].Or = &or
		}
	}
	return out
}

// annotated is a render with more notes. Renders are remembered, so that it is another one.
func annotated(r *Render, notes []fleet.Note) *Render {
	if r == nil || len(notes) == 0 {
		return r
	}
	out := *r
	if out.Cluster != nil {
		c := *out.Cluster
		c.Notes = slices.Concat(c.Notes, notes)
		out.Cluster = &c
		return &out
	}
	out.Notes = slices.Concat(out.Notes, notes)
	return &out
}

// supply gives a view with the sources in it. All are asked for, so that they are fetched at the same time. The notes
// are on how they are named.
func supply(ctx context.Context, e *expansion, view model.View, needs []model.Needed) (_ model.View, notes []fleet.Note, _ error) {
	views := map[string]model.View{}
	var first error
	for _, n := range needs {
		got, n, err := needed(ctx, e, n)
		if err != nil {
			first = firstOf(first, err)
			continue
		}
		at := n.At
		if n.Archive {
			version, _, _ := strings.Cut(got.Revision().Hash, "@")
			at += "-" + strings.ReplaceAll(version, "/", "_") + ".tgz"
		}
		views[at] = got
		if n.Note != nil {
			notes = append(notes, *n.Note)
		}
	}
	if first != nil {
		return nil, nil, first
	}
	return memtree.With(view, views), notes, nil
}

// needed gives what is needed, or what is meant instead where that turns out to be no manifest.
func needed(ctx context.Context, e *expansion, n model.Needed) (model.View, model.Needed, error) {
	e.places = append(e.places, SourcePlace(n.Source.Key()))
	view, err := e.whole(ctx, n.Source)
	if err == nil && n.Or != nil {
		if _, err := view.Stat(model.RemoteFile); err != nil {
			return needed(ctx, e, *n.Or)
		}
	}
	if err != nil && n.By != "" {
		err = fmt.Errorf("%s: %w", n.By, err)
	}
	return view, n, err
}

func firstOf(first, err error) error {
	if first != nil {
		return first
	}
	return err
}
