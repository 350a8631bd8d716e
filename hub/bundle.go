package hub

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// bundleOf is the bundle that a resolution asks for, without a generation. An app that could not be rendered keeps its
// last good blob, from last; and while a folder cannot be read whole, an app that seems to be missing from it is kept
// too. last may be empty, because the hub's store was lost: so everything that is in doubt is written into the bundle,
// and the agent keeps what it knows.
func bundleOf(res resolve.Resolution, revision protocol.Revision, last protocol.Bundle) protocol.Bundle {
	b := protocol.Bundle{
		Version: protocol.Version, Cluster: res.Cluster.Name, Revision: revision, Suspend: res.Cluster.Suspend,
		AgentImage: res.Cluster.AgentImage, Incomplete: incomplete(&res),
	}
	if res.Cluster.Unclear {
		b.Suspend, b.AgentImage = last.Suspend, last.AgentImage
		b.FlagsUnknown = cmp.Or(strings.Join(res.Cluster.Problems, "; "), "cluster.yaml cannot be read")
	}
	for _, r := range res.Apps {
		b.Apps = append(b.Apps, appOf(r, revision, find(last.Apps, r.App.Name)))
	}
	parentOf := func(app string) string {
		if a := find(last.Apps, app); a != nil {
			return a.Parent
		}
		return ""
	}
	kept := 0
	for _, a := range last.Apps {
		if find(b.Apps, a.Name) != nil {
			continue
		}
		if doubt := fleet.WhyKept(b, a.Name, parentOf); doubt != "" {
			a.Error, a.Reason = fleet.Doubted(doubt), ""
			b.Apps = append(b.Apps, a)
			kept++
		}
	}
	if kept > 0 {
		slices.SortFunc(b.Apps, func(a, b protocol.App) int { return strings.Compare(a.Name, b.Name) })
	}
	return b
}

// incomplete says why the apps of a resolution may lack some that exist.
func incomplete(r *resolve.Resolution) string {
	reasons := slices.Clone(r.Cluster.Problems)
	if r.Doubt != "" && !slices.Contains(reasons, r.Doubt) {
		reasons = append(reasons, r.Doubt)
	}
	return strings.Join(reasons, "; ")
}

// asksTheSame says whether a bundle need not be published, because prev asked for the same. A doubt about files that
// concern many clusters is not worth a generation of its own: it is published with what changes next, or where the hub
// does not remember what it published.
func asksTheSame(b, prev protocol.Bundle, digest string, res *resolve.Resolution) bool {
	b = settled(res, b, prev)
	if b.Digest() == digest {
		return true
	}
	if res == nil || res.Doubt == "" || len(res.Cluster.Problems) > 0 && prev.Incomplete == "" {
		return false
	}
	b.Incomplete, prev.Incomplete = "", ""
	return b.Digest() == prev.Digest()
}

func find(apps []protocol.App, name string) *protocol.App {
	for i := range apps {
		if apps[i].Name == name {
			return &apps[i]
		}
	}
	return nil
}

func appOf(r resolve.AppResult, revision protocol.Revision, last *protocol.App) protocol.App {
	a := protocol.App{
		Name: r.App.Name, Declared: declaredBy(r.App), Formerly: r.App.Formerly, Parent: r.App.Parent, DependsOn: r.App.DependsOn, Prune: r.App.Prune, Suspend: r.App.Suspend,
		Namespace: r.App.Namespace, Timeout: int(r.App.Timeout / time.Second), Blob: r.Ref, Error: r.Err, Reason: r.Reason, Revision: revision.Hash,
		Handling: r.App.Handling, Needs: r.App.Handling.Needs(),
	}
	if last == nil {
		return a
	}
	if r.Err != "" {
		// What else the declaration says may be as broken as what it renders to.
		kept := *last
		kept.Name, kept.Declared, kept.Formerly = a.Name, a.Declared, a.Formerly
		kept.Error, kept.Reason = r.Err, r.Reason
		if r.Kept != nil && kept.Blob != nil {
			kept.Blob = r.Kept
		}
		return kept
	}
	if last.Blob != nil && last.Blob.Digest == a.Blob.Digest {
		a.Revision, a.Blob = last.Revision, last.Blob
	}
	return a
}

// next is the record that follows prev when b is published.
func next(prev Record, b protocol.Bundle, floor uint64, now time.Time) Record {
	last := prev.Bundle.Generation
	if last > protocol.MaxFollowed && b.Epoch > prev.Bundle.Epoch {
		last = 0 // the numbers were used up, see Hub.spent
	}
	b.Generation = max(last, floor) + 1
	r := prev
	r.Bundle, r.Digest, r.Time, r.Retired = b, b.Digest(), now, retire(prev, b)
	if prev.Bundle.Generation > 0 {
		r.History = append([]Past{{prev.Bundle.Generation, prev.Bundle.Revision, prev.Time, prev.Digest}}, prev.History...)
		r.History = r.History[:min(len(r.History), MaxHistory)]
	}
	return r
}

// warnOfImage logs what is to be said of the agent's image that a cluster is told to run from now on.
func warnOfImage(log *slog.Logger, cluster string, res *resolve.Resolution) {
	if res == nil {
		return
	}
	for _, n := range res.Cluster.Notes {
		if n.Field == model.FieldAgentImage {
			log.Warn("the agent's image is named by a tag", "cluster", cluster, "note", n.String())
		}
	}
}

// wanted lists apps for people.
func wanted(b protocol.Bundle, declared []model.App) []query.DesiredApp {
	out := make([]query.DesiredApp, 0, len(b.Apps))
	for _, a := range b.Apps {
		w := query.DesiredApp{Name: a.Name, Declared: a.Declared, Formerly: a.Formerly, Error: a.Error, Reason: a.Reason}
		if a.Blob != nil {
			w.Objects = a.Blob.Objects
		}
		if i := slices.IndexFunc(declared, func(d model.App) bool { return d.Name == a.Name }); i >= 0 {
			w.Path = declared[i].Path
		}
		out = append(out, w)
	}
	return out
}

// settled is a resolution's bundle as if what is being rendered, and all that depends on it, was as in prev: that a
// render takes long is not worth a generation of its own.
func settled(r *resolve.Resolution, b, prev protocol.Bundle) protocol.Bundle {
	if r == nil || !r.Pending() {
		return b
	}
	if r.Planning && len(r.Cluster.Problems) == 1 {
		b.Incomplete = prev.Incomplete
	}
	var apps []protocol.App
	for _, a := range b.Apps {
		i := slices.IndexFunc(r.Apps, func(x resolve.AppResult) bool { return x.App.Name == a.Name })
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

// shownApps adds to what is shown of apps which of them are being rendered.
func shownApps(r *resolve.Resolution, apps []query.DesiredApp) []query.DesiredApp {
	for _, a := range r.Apps {
		if !a.Pending {
			continue
		}
		i := slices.IndexFunc(apps, func(x query.DesiredApp) bool { return x.Name == a.App.Name })
		if i < 0 {
			apps = append(apps, query.DesiredApp{Name: a.App.Name, Declared: declaredBy(a.App), Formerly: a.App.Formerly,
				Path: a.App.Path})
			i = len(apps) - 1
		}
		apps[i].Error, apps[i].Reason = a.Err, a.Reason
	}
	return apps
}
