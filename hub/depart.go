package hub

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/protocol"
)

// ErrNotReleased says that a cluster still has its folder, or was never known.
var ErrNotReleased = errors.New("not released")

// departures are the clusters whose folders are gone from Git: those that are released, and those that are held until a
// person approves. The loop alone touches them.
type departures struct {
	state      *State
	identities Credentials
	ledger     *ledger // only asked
	log        *slog.Logger

	left    map[string]time.Time // released clusters: since when their folder is gone
	holds   []query.Hold         // what is shown of them is never changed, only replaced
	changed bool                 // holds, and they are not stored yet
}

// newDepartures knows what was stored.
func newDepartures(s Settings, state *State, l *ledger, holds []query.Hold) *departures {
	d := &departures{state: state, identities: s.Identities, ledger: l, log: s.Log, left: map[string]time.Time{},
		holds: holds}
	for i, hold := range d.holds { // those of an older release have no ids
		d.holds[i] = identify(hold)
	}
	for name, r := range l.all() {
		if !r.Released.IsZero() {
			d.left[name] = r.Released
		}
	}
	return d
}

// since is when a cluster was released; zero if it is not.
func (d *departures) since(cluster string) time.Time { return d.left[cluster] }

// held are the holds of removed folders.
func (d *departures) held() []query.Hold { return d.holds }

// released gives the clusters that are, in no order.
func (d *departures) released() []string {
	out := make([]string, 0, len(d.left))
	for name := range d.left {
		out = append(out, name)
	}
	return out
}

// gone are the clusters that have no folder among listed, which are sorted, and are neither released nor held, for
// release.Leaving; and how many there are that are neither.
func (d *departures) gone(listed []string) (gone []release.Gone, before int) {
	missing, before := d.state.without(listed)
	for _, c := range missing {
		_, joined := d.identities.OpenKey(c.Name)
		gone = append(gone, release.Gone{Cluster: c.Name, Known: d.ledger.has(c.Name), Joined: joined,
			Heard: c.Report != nil || c.Revoked})
	}
	return gone, before
}

// welcome takes back what was said of clusters that have a folder again, and gives those whose holds ended. news says
// that there are any.
func (d *departures) welcome(listed []string) (ended []string, news bool) {
	back := func(name string) bool {
		_, is := slices.BinarySearch(listed, name)
		return is
	}
	for name := range d.left {
		if back(name) {
			delete(d.left, name)
			news = true
		}
	}
	var still []query.Hold
	for _, hold := range d.holds {
		clusters := slices.DeleteFunc(slices.Clone(hold.Clusters), back)
		if len(clusters) < len(hold.Clusters) {
			d.changed, news = true, true
			ended = append(ended, hold.Clusters...)
		}
		if hold.Clusters = clusters; len(clusters) > 0 {
			still = append(still, d.counted(hold))
		}
	}
	d.holds = still
	return ended, news
}

// hold keeps clusters as they are though their folders are gone, until a person approves.
func (d *departures) hold(names []string, revision protocol.Revision) {
	d.changed = true
	at := slices.IndexFunc(d.holds, func(x query.Hold) bool { return x.Revision.Hash == revision.Hash })
	d.holds = slices.Clone(d.holds)
	if at < 0 {
		at = len(d.holds)
		d.holds = append(d.holds, query.Hold{Revision: revision, Since: time.Now()})
	}
	d.holds[at].Clusters = slices.Sorted(slices.Values(append(slices.Clone(d.holds[at].Clusters), names...)))
	d.holds[at] = d.counted(d.holds[at])
	d.log.Warn("the folders of clusters are gone; nothing changes there until a person approves", "revision", revision.Short(),
		"clusters", d.holds[at].Clusters, "objects", d.holds[at].Count, "approve", "drover approve "+d.holds[at].ID)
}

// approve ends a hold.
func (d *departures) approve(id string) {
	d.holds = slices.DeleteFunc(slices.Clone(d.holds), func(x query.Hold) bool { return x.ID == id })
	d.changed = true
}

// counted completes a hold of removed folders: its id, and how many objects go with them.
func (d *departures) counted(hold query.Hold) query.Hold {
	hold.Count = 0
	for _, name := range hold.Clusters {
		if r := d.ledger.of(name); r.PruneOnRemove {
			for _, a := range r.Bundle.Apps {
				if a.Blob != nil {
					hold.Count += a.Blob.Objects
				}
			}
		}
	}
	return identify(hold)
}

// identify gives a hold of removed folders its id.
func identify(hold query.Hold) query.Hold {
	hold.Kind = protocol.HoldClusters
	hold.ID = protocol.HoldID(hold.Kind, hold.Revision.Hash, hold.Clusters...)
	return hold
}

// leave notes that clusters have no folder any more, and gives those that the hub remembers: where no agent was ever
// installed, nothing is left to tell.
func (d *departures) leave(names []string) (remembered []string) {
	now := time.Now()
	for _, name := range names {
		d.left[name] = now
	}
	d.state.edit(func(x *query.Index, _ *SourceStatus) {
		for _, name := range names {
			c := x.Edit(name)
			c.Held = nil
			if d.ledger.has(name) || c.Joined || c.Revoked || c.Report != nil {
				remembered = append(remembered, name)
				continue
			}
			x.Remove(name)
			delete(d.left, name)
		}
	})
	return remembered
}

// prunable says whether a cluster would be pruned if it was released.
func (d *departures) prunable(name string) bool {
	_, joined := d.identities.OpenKey(name)
	r := d.ledger.of(name)
	return joined && r.PruneOnRemove && r.Bundle.Generation > 0
}

// pruning says whether a released cluster has yet to be emptied.
func (d *departures) pruning(name string) bool {
	_, joined := d.identities.OpenKey(name)
	r := d.ledger.of(name)
	r.Released = d.left[name]
	c, _ := d.state.Get(name)
	return prunes(r, joined) && !empty(c)
}

// prunes says whether a cluster is to be emptied before its credential is revoked, as its last cluster.yaml that could
// be read had asked for.
func prunes(r Record, joined bool) bool {
	return !r.Released.IsZero() && r.PruneOnRemove && joined && r.Bundle.Generation > 0
}

// empty says whether a cluster's agent has accepted what was published last, and has no app left.
func empty(c query.Cluster) bool {
	return c.Report != nil && c.Report.Generation == c.Desired.Generation && c.Report.Digest == c.Desired.Digest &&
		len(c.Report.Apps) == 0 && len(c.Desired.Apps) == 0
}

// cutOff revokes the credentials of released clusters, of those that are pruned when that is done, and gives them. What
// fails is tried again at the next revision; it keeps nobody else waiting.
func (d *departures) cutOff() (revoked []string) {
	for name := range d.left {
		if _, joined := d.identities.OpenKey(name); !joined || d.pruning(name) {
			continue
		}
		if err := d.identities.Revoke(name); err != nil {
			d.log.Error("the credential of a released cluster is not revoked yet; it is tried again at the next revision",
				"cluster", name, "err", err)
			continue
		}
		d.log.Info("the cluster is released and its credential revoked", "cluster", name, "pruned",
			d.ledger.of(name).PruneOnRemove)
		revoked = append(revoked, name)
	}
	return revoked
}

// unsaved are the holds, where they have to be stored; else nil.
func (d *departures) unsaved() *[]query.Hold {
	if !d.changed {
		return nil
	}
	return &d.holds
}

func (d *departures) saved() { d.changed = false }

// forget is for a cluster that is no longer there.
func (d *departures) forget(cluster string) { delete(d.left, cluster) }
