package hub

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/protocol"
)

// bundleOf is the bundle that a resolution asks for, without a generation. An app that could not be rendered keeps its last good blob, from
// last; and while a folder cannot be read whole, an app that seems to be missing from it is kept too. last may be empty, because the
// hub's store was lost: so everything that is in doubt is written into the bundle, and the agent keeps what it knows.
func bundleOf(res Resolution, revision protocol.Revision, last protocol.Bundle) protocol.Bundle {
	b := protocol.Bundle{
		Version: protocol.Version, Cluster: res.Cluster.Name, Revision: revision, Suspend: res.Cluster.Suspend,
		AgentImage: res.Cluster.AgentImage, Incomplete: res.incomplete(),
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
func (r *Resolution) incomplete() string {
	reasons := slices.Clone(r.Cluster.Problems)
	if r.Doubt != "" && !slices.Contains(reasons, r.Doubt) {
		reasons = append(reasons, r.Doubt)
	}
	return strings.Join(reasons, "; ")
}

// asksTheSame says whether a bundle need not be published, because prev asked for the same. A doubt about files that concern many clusters is
// not worth a generation of its own: it is published with what changes next, or where the hub does not remember what it published.
func asksTheSame(b, prev protocol.Bundle, digest string, res *Resolution) bool {
	b = res.settled(b, prev)
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

func appOf(r AppResult, revision protocol.Revision, last *protocol.App) protocol.App {
	a := protocol.App{
		Name: r.App.Name, Parent: r.App.Parent, DependsOn: r.App.DependsOn, Prune: r.App.Prune, Suspend: r.App.Suspend,
		Namespace: r.App.Namespace, Timeout: int(r.App.Timeout / time.Second), Blob: r.Ref, Error: r.Err, Reason: r.Reason, Revision: revision.Hash,
		Handling: r.App.Handling, Needs: r.App.Handling.Needs(),
	}
	if last == nil {
		return a
	}
	if r.Err != "" {
		// What else the declaration says may be as broken as what it renders to.
		kept := *last
		kept.Error, kept.Reason = r.Err, r.Reason
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

// publish gives clusters a new generation where what they are to run has changed, remembers it, and
// sends whatever the bus has yet to take. It says how many bundles that were.
func (h *Hub) publish(ctx context.Context, names []string) (int, error) {
	if err := h.save(names); err != nil {
		return 0, err
	}
	h.show(names)
	return h.send(ctx)
}

// save remembers what clusters need next, with everything else that is not stored yet.
func (h *Hub) save(names []string) error {
	batch := h.Resolver.memo.unsaved()
	batch.Records = map[string]Record{}
	names = slices.DeleteFunc(slices.Clone(names), h.patient)
	for _, name := range names {
		delete(h.fresh.delayed, name)
		if r, changed := h.plan(name); changed {
			batch.Records[name] = r
		}
	}
	if h.holdsChanged {
		batch.Holds = &h.holds
	}
	if batch.empty() {
		return nil
	}
	if err := h.Store.Save(batch); err != nil {
		return err
	}
	h.Resolver.memo.saved()
	h.holdsChanged = false
	for _, name := range names {
		if !h.fresh.delayed[name] { // else what was approved is for the bundle that was put off
			delete(h.passes, name)
		}
	}
	held := false
	for name, r := range batch.Records {
		if r.Bundle.Generation > h.records[name].Bundle.Generation {
			h.unsent[name] = true
		}
		held = h.noteHolds(name, h.records[name].Deletions, r.Deletions) || held
		h.records[name] = r
	}
	if held {
		h.showHolds(nil)
	}
	return nil
}

// plan is the record that a cluster needs next, if it needs one. A new generation is only for a cluster whose agent has a
// credential.
func (h *Hub) plan(name string) (Record, bool) {
	res, prev := h.resolved[name], h.records[name]
	r := prev
	r.Released = h.left[name]
	changed := !r.Released.Equal(prev.Released)
	approved := h.passes[name]
	if approved != nil {
		r.Deletions.Remember(approved.Approval)
		changed = true
	}
	_, joined := h.Identities.OpenKey(name)
	var c release.Candidate
	switch {
	case res != nil && joined:
		if !res.Cluster.Unclear && r.PruneOnRemove != res.Cluster.PruneOnRemove {
			r.PruneOnRemove, changed = res.Cluster.PruneOnRemove, true
		}
		if res.charts() && r.Kubernetes != res.kubernetes {
			r.Kubernetes, changed = res.kubernetes, true
		}
		if res.asksAPIs && r.APIs != res.apis {
			r.APIs, changed = res.apis, true
		}
		c = candidateOf(*res, h.revision, prev.Bundle)
	case h.pruning(name):
		c = release.Emptied(prev.Bundle, h.revision)
	default:
		return r, changed
	}
	c.Bundle.Trust, c.Bundle.ClusterUID, c.Bundle.Deletions = h.Trust, h.Identities.Place(name), prev.Bundle.Deletions
	c.Bundle.Epoch = h.fence.lead.Epoch
	floor := h.floors[name]
	same := func(b protocol.Bundle) bool {
		return prev.Bundle.Generation > floor && prev.Bundle.Epoch == b.Epoch && asksTheSame(b, prev.Bundle, prev.Digest, res)
	}
	if approved == nil && c.Bundle.Deletions != nil && same(c.Bundle) {
		noted := r.Deletions
		r.Deletions.Note(c)
		return r, changed || r.Deletions.HadFleet != noted.HadFleet || r.Deletions.HadFile != noted.HadFile
	}
	out := h.gate().Release(time.Now(), c, release.Released{Bundle: prev.Bundle, Digest: prev.Digest, Deletions: r.Deletions},
		release.Facts{Report: h.reportOf(name), Collecting: h.later != nil, Everywhere: h.everywhere}, approved)
	if out.Collect {
		h.later[name] = struct{}{}
		return prev, false
	}
	r.Deletions = out.Released.Deletions
	b := out.Released.Bundle
	if same(b) {
		return r, true
	}
	if h.spent(name) || h.delays(name, b.Revision.Hash) { // what it would permit is worked out again then
		r.Deletions = prev.Deletions
		return r, changed
	}
	if b.AgentImage != prev.Bundle.AgentImage {
		h.warnOfImage(name, res)
	}
	return next(r, b, floor, time.Now()), true
}

// warnOfImage logs what is to be said of the agent's image that a cluster is told to run from now on.
func (h *Hub) warnOfImage(cluster string, res *Resolution) {
	if res == nil {
		return
	}
	for _, n := range res.Cluster.Notes {
		if n.Field == fleet.FieldAgentImage {
			h.Log.Warn("the agent's image is named by a tag", "cluster", cluster, "note", n.String())
		}
	}
}

// send gives the bus what it has yet to take.
func (h *Hub) send(ctx context.Context) (int, error) {
	var blobs []Packed
	var bundles []Delivery
	ids := map[string]bool{}
	for name := range h.unsent {
		key, joined := h.Identities.OpenKey(name)
		r, known := h.records[name]
		if !joined || !known || h.barred(name) != nil {
			continue // it will be sent when its agent has a credential, and nothing is in the way
		}
		missing, err := h.missing(r.Bundle, ids)
		if err != nil {
			h.Log.Error("the bundle is not published", "cluster", name, "err", err)
			continue
		}
		d, err := h.deliver(r, key)
		if err != nil {
			h.Log.Error("the bundle is not published", "cluster", name, "err", err)
			continue
		}
		blobs, bundles = append(blobs, missing...), append(bundles, d)
	}
	if len(bundles) == 0 {
		return 0, nil
	}
	bundles, err := h.share(ctx, blobs, bundles)
	for _, d := range bundles {
		delete(h.unsent, d.Cluster)
		h.sealed[d.Cluster] = d.Key
		h.checkOverdue(d.Cluster, false)
	}
	return len(bundles), err
}

// deliver signs and seals a record for its cluster.
func (h *Hub) deliver(r Record, openKey []byte) (Delivery, error) {
	envelope, err := protocol.SignBundle(r.Bundle, h.Signers...)
	if err != nil {
		return Delivery{}, err
	}
	sealed, err := protocol.Seal(openKey, r.Bundle.Cluster, envelope)
	b := r.Bundle
	return Delivery{b.Cluster, b.Generation, OpenKeyID(openKey), sealed, b.Epoch, b.Revision.Hash}, err
}

// missing gives the blobs of a bundle that neither the bus nor ids has, and adds them to ids.
func (h *Hub) missing(b protocol.Bundle, ids map[string]bool) ([]Packed, error) {
	var out []Packed
	for _, a := range b.Apps {
		if a.Blob == nil {
			continue
		}
		id := a.Blob.ID()
		if h.held[id] || ids[id] {
			continue
		}
		sealed, err := h.Resolver.Sealed(*a.Blob)
		if err != nil {
			return nil, err
		}
		ids[id] = true
		out = append(out, Packed{*a.Blob, sealed})
	}
	return out, nil
}

// reconcile brings back what the bus has lost, and learns what it has that the hub has forgotten.
func (h *Hub) reconcile(ctx context.Context) error {
	has, err := h.Bus.Holdings(ctx)
	if err != nil {
		return err
	}
	if has, err = h.compete(ctx, has); err != nil {
		return err
	}
	h.weed(&has)
	h.held, h.sealed = has.Blobs, has.Keys
	h.garbage.onBus = maps.Clone(has.Generations)
	for name, r := range h.records {
		if has.Generations[name] < r.Bundle.Generation || has.Epochs[name] < r.Bundle.Epoch || h.outdated(name) {
			h.unsent[name] = true
			continue
		}
		for _, a := range r.Bundle.Apps {
			if a.Blob != nil && !h.held[a.Blob.ID()] {
				h.unsent[name] = true
			}
		}
	}
	for name, generation := range has.Generations {
		if has.Proven[name] {
			h.proven[name] = max(h.proven[name], generation)
		}
		if generation <= protocol.MaxFollowed && has.Epochs[name] >= h.records[name].Bundle.Epoch &&
			h.beyond(name, generation) > 0 {
			h.floors[name] = max(h.floors[name], generation)
			if _, err := h.vouch(ctx, name, has.Revisions[name]); err != nil {
				return err
			}
		}
	}
	var names []string
	if h.listing != nil {
		names = slices.AppendSeq(slices.Clone(h.listing.names), maps.Keys(h.left))
	}
	if _, err = h.publish(ctx, names); err != nil {
		return err
	}
	return errors.Join(h.renumber(ctx), h.catchUp(ctx))
}

// beyond is generation if it is more than the hub remembers, else 0: then the hub's store was lost or is older than what
// was published, and the next generation must rise above it.
func (h *Hub) beyond(name string, generation uint64) uint64 {
	if generation > h.records[name].Bundle.Generation {
		return generation
	}
	return 0
}

// show brings the state of clusters up to date.
func (h *Hub) show(names []string) {
	h.state.edit(func(x *query.Index, _ *SourceStatus) {
		for _, name := range names {
			c := x.Edit(name)
			h.introduce(c)
			r := h.records[name]
			c.Released, c.Pruning, c.Approved = h.left[name], prunes(r, c.Joined), r.Deletions.Lately()
			if res := h.resolved[name]; res != nil {
				c.Problems, c.Notes = res.Cluster.Problems, res.Notes()
				if res.reading {
					c.Problems = append(slices.Clone(c.Problems), query.FolderBuilding)
				}
				if !res.Cluster.Unclear {
					c.Labels, c.Suspended = res.Cluster.Labels, res.Cluster.Suspend
				}
				if r.Bundle.Generation == 0 {
					r.Bundle = bundleOf(*res, h.revision, protocol.Bundle{})
				}
				c.Desired.Apps = res.shown(wanted(r.Bundle, res.Cluster.Apps))
			} else if c.Pruning {
				c.Desired.Apps = nil
			}
			c.Desired.Generation, c.Desired.Digest, c.Desired.Published = r.Bundle.Generation, r.Digest, r.Time
		}
	})
}

// recall shows what is remembered, before the first revision is seen.
func (h *Hub) recall() {
	h.state.edit(func(x *query.Index, _ *SourceStatus) {
		for _, name := range h.Identities.Clusters() {
			h.introduce(x.Edit(name))
		}
		for name, r := range h.records {
			c := x.Edit(name)
			h.introduce(c)
			h.noteHolds(name, release.Deletions{}, r.Deletions)
			c.Approved = r.Deletions.Lately()
			if !r.Released.IsZero() {
				h.left[name] = r.Released
				c.Released, c.Pruning = r.Released, prunes(r, c.Joined)
			}
			c.Desired = query.Desired{Generation: r.Bundle.Generation, Digest: r.Digest, Revision: r.Bundle.Revision,
				Published: r.Time, Apps: wanted(r.Bundle, nil)}
		}
	})
	h.showHolds(nil)
}

// wanted lists apps for people.
func wanted(b protocol.Bundle, declared []fleet.App) []query.DesiredApp {
	out := make([]query.DesiredApp, 0, len(b.Apps))
	for _, a := range b.Apps {
		w := query.DesiredApp{Name: a.Name, Error: a.Error, Reason: a.Reason}
		if a.Blob != nil {
			w.Objects = a.Blob.Objects
		}
		if i := slices.IndexFunc(declared, func(d fleet.App) bool { return d.Name == a.Name }); i >= 0 {
			w.Path = declared[i].Path
		}
		out = append(out, w)
	}
	return out
}
