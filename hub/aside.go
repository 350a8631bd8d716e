package hub

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// aside answers a question from memory, or beside the loop: until that is done the answer is pending.
func (r *Resolver) aside(ctx context.Context, snap View, key string, render renderFunc) (*Render, error) {
	if r.renders == nil || r.renders.asked == nil {
		return r.memo.do(ctx, snap, key, func(rec *Recorder) (Render, []Packed, error) { return render(ctx, rec) })
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
func (e *expansion) planned(ctx context.Context, key string, templated bool, plan renderFunc) (*Render, error) {
	if templated {
		return e.aside(ctx, e.snap, key, plan)
	}
	return e.memo.do(ctx, e.snap, key, func(rec *Recorder) (Render, []Packed, error) { return plan(ctx, rec) })
}

// templated says whether there are ApplicationSets with Go templates, which are programs, among what is declared.
func templated(declared []Declaration) bool {
	return slices.ContainsFunc(declared, func(d Declaration) bool {
		return bytes.Contains(d.JSON, []byte(`"kind":"ApplicationSet"`)) && bytes.Contains(d.JSON, []byte(`"goTemplate":`))
	})
}

// lostLate remembers which clusters were to lose much by renders that finished after the turn of their commit: these come one after the
// other, and what the guard counts are all clusters that lose by one commit.
type lostLate struct {
	late bool // renders that have finished are taken in
	at   map[string]time.Time
}

// lateWindow is for how long they count together.
const lateWindow = 10 * time.Minute

// note adds clusters, if what they lose comes of renders that were late.
func (l *lostLate) note(names []string) {
	if !l.late {
		return
	}
	if l.at == nil {
		l.at = map[string]time.Time{}
	}
	for _, name := range names {
		l.at[name] = time.Now()
	}
}

// others counts those that are not among names.
func (l *lostLate) others(names []string) int {
	maps.DeleteFunc(l.at, func(_ string, at time.Time) bool { return time.Since(at) > lateWindow })
	n := len(l.at)
	for _, name := range names {
		if _, is := l.at[name]; is {
			n--
		}
	}
	return n
}

// pending says whether an app is being rendered.
func (r *Resolution) pending() bool {
	return r.planning || r.selecting || slices.ContainsFunc(r.Apps, func(a AppResult) bool { return a.Pending })
}

// settled is a bundle as if what is being rendered, and all that depends on it, was as in prev: that a render takes
// long is not worth a generation of its own.
func (r *Resolution) settled(b, prev protocol.Bundle) protocol.Bundle {
	if r == nil || !r.pending() {
		return b
	}
	if r.planning && len(r.Cluster.Problems) == 1 {
		b.Incomplete = prev.Incomplete
	}
	var apps []protocol.App
	for _, a := range b.Apps {
		i := slices.IndexFunc(r.Apps, func(x AppResult) bool { return x.App.Name == a.Name })
		last := find(prev.Apps, a.Name)
		switch {
		case i >= 0 && !r.Apps[i].Pending:
			apps = append(apps, a)
		case last != nil:
			apps = append(apps, *last)
		}
	}
	b.Apps = apps
	return b
}

// shown adds to what is shown of apps which of them are being rendered.
func (r *Resolution) shown(apps []query.DesiredApp) []query.DesiredApp {
	for _, a := range r.Apps {
		if !a.Pending {
			continue
		}
		i := slices.IndexFunc(apps, func(x query.DesiredApp) bool { return x.Name == a.App.Name })
		if i < 0 {
			apps = append(apps, query.DesiredApp{Name: a.App.Name, Path: a.App.Path})
			i = len(apps) - 1
		}
		apps[i].Error, apps[i].Reason = a.Err, a.Reason
	}
	return apps
}
