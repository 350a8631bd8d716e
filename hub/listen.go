package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/batch"
	"github.com/drover-dev/drover/hub/serving"
	"github.com/drover-dev/drover/hub/trail"
	"github.com/drover-dev/drover/protocol"
)

// listener takes what agents say into the state. It runs beside the loop, and leaves to it what needs a
// new bundle.
type listener struct {
	h          *Hub
	state      *State
	identities Identities
	log        *slog.Logger

	trails   *trail.Trails // of journals
	late     *sync.Map     // by cluster: the agent process whose dropped reports the log has
	refusals *sync.Map     // by cluster: *refusals, what it said that is not taken

	identified *batch.Batch[struct{}] // clusters whose identity has changed
}

func newListener(ctx context.Context, h *Hub) listener {
	return listener{h: h, state: h.state, identities: h.Identities, log: h.Log, late: &sync.Map{}, refusals: &sync.Map{},
		identified: &batch.Batch[struct{}]{},
		trails:     trail.New(func(cluster string, from, to uint64) { inquire(ctx, h.Settings, cluster, from, to) })}
}

var _ Listener = listener{}

func (l listener) Report(cluster string, data []byte, at time.Time) {
	r, err := protocol.DecodeReport(data, cluster)
	if err != nil {
		l.refused("a report", cluster, err)
		return
	}
	if l.misplaced(cluster, r, at) {
		return
	}
	if l.h.Meter != nil {
		l.h.Meter.Heard(time.Since(at))
	}
	apis := r.APIs
	r.APIs = nil // the same for most clusters: it is kept once
	if len(r.Agent.Kubernetes) > serving.MaxVersion {
		r.Agent.Kubernetes = ""
	}
	said := claimOf(r)
	behind, moved, first, emptied, upgraded := false, false, false, false, len(apis) > 0 || l.h.capabilities.unheard(r.Agent.APIs)
	counts := false          // from now on, see uncounted; or moves apps to other names, see givenNames
	var late *protocol.Agent // who spoke later
	l.state.edit(func(x *query.Index, _ *SourceStatus) {
		c := x.Edit(cluster)
		if overtaken(c.Report, r) && !l.identities.Identity(cluster).Issued.After(c.Received) {
			late = &c.Report.Agent
			return
		}
		moved = c.Report == nil || c.Report.Epoch != r.Epoch || c.Report.Revision.Hash != r.Revision.Hash
		first = c.Report == nil
		counts = !first && c.Report.Agent.Term == 0 && r.Agent.Term > 0 || r.Agent.Renames && (first || !c.Report.Agent.Renames)
		upgraded = upgraded || first || c.Report.Agent.Kubernetes != r.Agent.Kubernetes || c.Report.Agent.APIs != r.Agent.APIs
		c.Report, c.Received = &r, at
		l.state.learnLeaving(r)
		emptied = c.Pruning && empty(*c)
		d := c.Desired
		behind = r.Generation > d.Generation || r.Generation == d.Generation && r.Generation > 0 && r.Digest != d.Digest ||
			slices.ContainsFunc(c.Waiting, func(x query.Hold) bool { return x.Kind == protocol.HoldGeneration })
	})
	if late != nil {
		l.dropped(cluster, r, *late)
		return
	}
	l.h.overdue.check(l.state, cluster, false)
	l.h.rounds.soon(cluster)
	if moved || behind {
		l.h.do(func(ctx context.Context) error {
			if err := l.h.publisher.check(ctx, cluster, said); err != nil || !behind {
				return err
			}
			return l.h.publisher.overtake(ctx, cluster, said)
		})
	}
	if upgraded {
		l.h.changed(cluster, r.Agent.APIs, apis)
	}
	if counts {
		l.h.do(func(ctx context.Context) error {
			_, err := l.h.publisher.publish(ctx, []string{cluster})
			return err
		})
	}
	switch {
	case first:
		l.h.do(func(ctx context.Context) error { return l.h.heard(ctx, cluster) })
	case emptied:
		l.h.do(func(context.Context) error {
			l.h.publisher.cutOff()
			return nil
		})
	}
}

// claimOf is what a report says of the bundle that was accepted. What waits for the loop holds no more than that.
func claimOf(r protocol.Report) protocol.Report {
	return protocol.Report{Generation: r.Generation, Epoch: r.Epoch, Digest: r.Digest, Revision: protocol.Revision{Hash: r.Revision.Hash}}
}

// refusalGap is how often the log has what one cluster says that is not taken, and refusalPause how often its count is
// shown.
const (
	refusalGap   = time.Minute
	refusalPause = time.Second
)

// refusals are those of one cluster.
type refusals struct {
	mu     sync.Mutex
	now    query.Untaken
	logged time.Time
	due    bool // to be shown within refusalPause
}

// refused shows and logs that what a cluster's agent said is not taken. Who sends one may send many: each is counted.
func (l listener) refused(what, cluster string, err error) {
	v, _ := l.refusals.LoadOrStore(cluster, &refusals{})
	r, now := v.(*refusals), time.Now()
	r.mu.Lock()
	r.now = query.Untaken{Count: r.now.Count + 1, Last: now, Reason: what + ": " + err.Error()}
	once, first := !r.due, r.now.Count == 1
	r.due = true
	log := now.Sub(r.logged) >= refusalGap
	if log {
		r.logged = now
	}
	r.mu.Unlock()
	if first {
		l.showRefusals(cluster, r, true)
	}
	if once {
		time.AfterFunc(refusalPause, func() { l.showRefusals(cluster, r, false) })
	}
	if !log {
		return
	}
	l.log.Warn(what+" is not taken: see that the agent is of a release that fits the hub's, and whose its credential is; more "+
		"of this cluster are not logged for a minute", "cluster", cluster, "err", err)
}

// showRefusals brings the state of a cluster up to date.
func (l listener) showRefusals(cluster string, r *refusals, due bool) {
	l.state.edit(func(x *query.Index, _ *SourceStatus) {
		c := x.Edit(cluster)
		r.mu.Lock()
		defer r.mu.Unlock()
		c.Untaken, r.due = r.now, due
	})
}

// overtaken says whether a report was made before the last one that was taken: it was late, or somebody on the bus says
// it again. Reports of one process are numbered, and processes that lead one after the other count their terms. What
// tells neither comes in the order in which the bus took it. Who asks lets a credential that is newer than the last
// report count from the start, because who had the one before may have counted to the end. Clocks decide nothing: those
// of two machines may differ by hours.
func overtaken(last *protocol.Report, r protocol.Report) bool {
	switch {
	case last == nil:
		return false
	case last.Agent.Started.Equal(r.Agent.Started) && last.Agent.Identity == r.Agent.Identity:
		return r.Seq < last.Seq
	case last.Agent.Term > 0 && r.Agent.Term > 0:
		return r.Agent.Term < last.Agent.Term
	}
	return false
}

// dropped logs that a report is not taken, once for each process that speaks late.
func (l listener) dropped(cluster string, r protocol.Report, last protocol.Agent) {
	said := r.Agent.Identity + r.Agent.Started.String()
	if before, _ := l.late.Swap(cluster, said); before == said {
		return
	}
	l.log.Warn("a report is dropped, because a later one was taken; more of this agent process are not logged",
		"cluster", cluster, "agent", r.Agent.Identity, "term", r.Agent.Term, "seq", r.Seq, "taken", last.Identity, "takenTerm", last.Term)
}

func (l listener) Event(cluster string, data []byte) {
	e, err := protocol.DecodeEvent(data, cluster)
	if err != nil {
		l.refused("an event", cluster, err)
		return
	}
	if e.Seq > 2*uint64(time.Now().UnixMicro()) { // agents count from the microseconds since 1970
		l.refused("an event", cluster, fmt.Errorf("%w: its number %d is out of bounds", protocol.ErrMalformed, e.Seq))
		return
	}
	l.trails.Heard(e)
	l.state.edit(func(x *query.Index, _ *SourceStatus) {
		if _, known := x.Get(cluster); !known {
			return // it was forgotten; its journal ages
		}
		c := x.Edit(cluster)
		c.Recent = query.Enter(c.Recent, trail.Bounded(e), maxRecent)
		l.state.shown.Hear(e.Declared) // Git may no longer have it
	})
}

func (l listener) Link(cluster string, connected bool, at time.Time) {
	l.state.edit(func(x *query.Index, _ *SourceStatus) {
		if _, known := x.Get(cluster); known {
			x.Edit(cluster).Link = query.Link{Connected: connected, Since: at}
		}
	})
	if connected {
		l.trails.Linked(cluster)
	}
	l.h.overdue.check(l.state, cluster, true)
	l.h.rounds.soon(cluster)
}

func (l listener) Damaged(what string, at time.Time) {
	l.state.edit(func(_ *query.Index, s *SourceStatus) {
		s.Damage = Damage{Text: what, Time: at.UTC(), Count: s.Damage.Count + 1}
	})
}

func (l listener) Reset() { l.h.do(l.h.publisher.reconcile) }

func (l listener) Wanted(cluster string) error {
	c, known := l.state.Get(cluster)
	switch {
	case known && (c.Released.IsZero() || c.Pruning):
		return nil
	case !known && l.state.Source().Revision.Hash == "":
		return errors.New("the hub has not read its repository yet: the request is made again by itself")
	}
	return fmt.Errorf("cluster %s has no folder in Git, or no longer: bring it back", cluster)
}

func (l listener) Identities(clusters []string) {
	first := false
	for _, cluster := range clusters {
		first = l.identified.Add(cluster, struct{}{}) || first
	}
	if !first {
		return // the task for the first takes these too
	}
	var names []string
	l.h.do(func(ctx context.Context) error {
		names = slices.AppendSeq(names, maps.Keys(l.identified.Take()))
		return l.h.identified(ctx, names)
	})
}

// Peer implements Listener. What another hub says of itself is looked into if it could keep this one from publishing,
// or has published.
func (l listener) Peer(p protocol.Presence) {
	if p.State == protocol.HubDeciding || p.State == protocol.HubStandby {
		return
	}
	l.h.do(func(ctx context.Context) error {
		pub := l.h.publisher
		if !pub.fence.open() || p.Epoch < pub.fence.epoch() && p.State == protocol.HubFenced {
			return nil
		}
		if p.Epoch < pub.fence.epoch() { // it may have published before it learned of this one
			return pub.reconcile(ctx)
		}
		err := pub.convene(ctx, nil)
		if err != nil && ctx.Err() == nil {
			l.log.Debug("another hub is there, and cannot be asked what it does", "err", err)
		}
		return nil
	})
}

// misplaced says whether a report comes from another cluster than the credential belongs to. It is shown then, and not
// taken.
func (l listener) misplaced(cluster string, r protocol.Report, at time.Time) bool {
	uid, h := r.Agent.ClusterUID, l.h
	if uid == "" || len(uid) > maxUID {
		return false // its agent may not know
	}
	known := h.Identities.Place(cluster)
	holds := slices.ContainsFunc(r.Held, func(x protocol.Held) bool { return x.Kind == protocol.HoldIdentity })
	switch {
	case known == uid:
		return false
	case known == "" && !holds:
		h.do(func(context.Context) error { return settle(h.Identities, cluster, uid) })
		return false
	}
	news := false
	h.state.edit(func(x *query.Index, _ *SourceStatus) {
		c := x.Edit(cluster)
		news = c.Copy == nil || c.Copy.UID != uid
		c.Copy = &query.Copy{UID: uid, Known: known, Agent: r.Agent.Identity, Heard: at}
	})
	if news {
		h.Log.Warn("a cluster's credential is used in another cluster: its reports are not taken", "cluster", cluster,
			"uid", uid, "known", known,
			"agent", r.Agent.Identity, "accept", "drover cluster accept "+cluster)
		h.do(func(ctx context.Context) error { return h.name(ctx, cluster) })
	}
	return true
}
