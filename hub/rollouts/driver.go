package rollouts

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/hub/rollouts/entries"
	"github.com/drover-dev/drover/hub/rollouts/gate"
	"github.com/drover-dev/drover/hub/rollouts/holder"
	"github.com/drover-dev/drover/hub/rollouts/policies"
	"github.com/drover-dev/drover/hub/rollouts/windows"
	"github.com/drover-dev/drover/protocol"
)

// Facts is what is known of clusters.
type Facts interface {
	// Given is what a cluster was given last, and when; a Bundle of generation 0 if that was nothing.
	Given(cluster string) (protocol.Bundle, time.Time)
	// Heard is the last report of a cluster's agent, nil if there is none, and whether it is online.
	Heard(cluster string) (*protocol.Report, query.Link)
}

// Declared is a policy as it is declared.
type Declared = policies.Declared

// Read reads the policies of an object.
type Read = policies.Read

// Driver drives the rollouts of all policies.
type Driver struct {
	log      *slog.Logger
	rollouts map[string]*rolling // by the name of the policy
	ordered  []*rolling          // by name; nil if that is not known
	entries  entries.Entries     // what apps are delivered as
	digests  content.Digests
	pool     content.Pool
	asks     [][]content.Named // space for what Git asks of one cluster

	fleet    fleetState
	thawed   bool          // a freeze ended, and clusters have yet to be looked at
	sure     bool          // all policies that Git has were met
	expected *expected     // what agents may have accepted at most; nil if that proves nothing
	notes    []audit.Entry // for the journal

	before  []byte          // the fleetState that the store has
	dropped map[string]bool // keys of what ended, which the store is to drop
	staged  bool            // more is news than what is known of some clusters: a step has to look at all
	offered string          // the commit that was offered last
	waiting string          // the cluster of which it was not known what Git asks; "" for none
}

// New makes a driver from what Unsaved gave to the store.
func New(from map[string][]byte, read Read, log *slog.Logger) *Driver {
	d := &Driver{log: log, rollouts: map[string]*rolling{}, dropped: map[string]bool{}, staged: true}
	d.load(from, read)
	return d
}

// Active says whether there is any policy, or anything else that the driver has to do.
func (d *Driver) Active() bool {
	return len(d.rollouts) > 0 || d.fleet.Frozen != nil || d.fleet.Doubt != "" || d.thawed
}

// Follow takes in which policies Git has. If it is not sure that these are all, those that are missing stay. It says
// whether any policy is another one than before.
func (d *Driver) Follow(declared []Declared, sure bool) (changed bool) {
	found := map[string]bool{}
	for _, p := range declared {
		name := p.Policy.Name
		found[name] = true
		r := d.rollouts[name]
		if r == nil {
			r = newRolling()
			d.rollouts[name], d.ordered = r, nil
			d.log.Info("a RolloutPolicy is in force from now on", "policy", name, "waves", len(p.Policy.Waves))
		}
		ended := r.ends != nil
		undefined := r.unread.Undefined() && p.Policy.HasWaves()
		if undefined {
			sees(r, r.unread.Declared)
		}
		if turns(r, p) {
			changed = changed || !ended
			r.news.policy = true
			continue
		}
		if ended || undefined || string(r.declared) != string(p.JSON) {
			changed = true
			for _, other := range d.rollouts { // which of them holds an app may be another one now
				reread(other)
			}
		}
		r.policy, r.declared, r.ends, r.news.policy = p.Policy, p.JSON, nil, r.news.policy || changed
	}
	for name, r := range d.rollouts {
		if !sure || found[name] {
			continue
		}
		if r.ends == nil {
			r.news.policy, changed = true, true
			d.log.Warn("a RolloutPolicy is gone from Git: what it holds back goes on as it said, and it ends when its clusters "+
				"have what Git asks for", "policy", name)
		}
		r.ends = &ending{}
	}
	d.sure, d.staged = sure, d.staged || changed
	met(d)
	return changed
}

func newRolling() *rolling {
	return &rolling{members: map[string]*member{}, lost: map[string]bool{}, gates: gate.Set{}, news: newNews(),
		decisions: rollout.Decisions{Pins: map[string]rollout.Pin{}}}
}

// reread has what clusters were given and say be read again.
func reread(r *rolling) {
	for _, m := range r.members {
		m.read = false
	}
}

// sorted gives the rollouts by the names of their policies. It is not to be changed.
func (d *Driver) sorted() []*rolling {
	if d.ordered == nil {
		for _, name := range slices.Sorted(maps.Keys(d.rollouts)) {
			d.ordered = append(d.ordered, d.rollouts[name])
		}
	}
	return d.ordered
}

// inOrder gives the rollouts so that each comes behind the one that it waits for.
func inOrder(d *Driver) []*rolling {
	out := slices.Clone(d.sorted())
	depth := func(r *rolling) (n int) {
		for n < len(out) && r != nil && r.policy.After != "" {
			r, n = d.rollouts[r.policy.After], n+1
		}
		return n
	}
	slices.SortStableFunc(out, func(a, b *rolling) int { return cmp.Compare(depth(a), depth(b)) })
	return out
}

// with are those of policies that a cluster is with.
func with(all []*rolling, cluster string) []*rolling {
	return slices.DeleteFunc(slices.Clone(all), func(r *rolling) bool { return r.members[cluster] == nil })
}

// claimsOf are the claims of policies that a cluster is with.
func claimsOf(of []*rolling, cluster string) holder.Claims {
	out := make(holder.Claims, len(of))
	for i, r := range of {
		out[i] = holder.Claim{Policy: &r.policy, Named: r.members[cluster].named, Has: r.memory.Clusters[cluster].Apps,
			Undefined: r.unread.Undefined()}
	}
	return out
}

// holds says of a policy which apps of a cluster it holds.
func holds(d *Driver, r *rolling) func(cluster string) func(app string) bool {
	return func(cluster string) func(app string) bool {
		of := with(d.sorted(), cluster)
		at, all := slices.Index(of, r), claimsOf(of, cluster)
		return func(app string) bool { return at >= 0 && !r.members[cluster].free[app] && all.Of(app) == at }
	}
}

// leave takes a cluster out of a policy.
func leave(d *Driver, r *rolling, cluster string) {
	if r.members[cluster] != nil {
		delete(r.members, cluster)
		r.unread.Left(cluster)
		r.news.unstored[cluster], d.staged = true, true
	}
}

// Leave is for a cluster that has no folder any more.
func (d *Driver) Leave(cluster string) {
	for _, r := range d.rollouts {
		leave(d, r, cluster)
	}
}

// Lost takes in which of the commits that targets are of the branch does not have any more.
func (d *Driver) Lost(commits map[string]bool) {
	for _, r := range d.rollouts {
		lost := map[string]bool{}
		for id := range r.memory.Targets {
			commit, _, _ := strings.Cut(id, "+")
			lost[id] = commits[commit]
		}
		d.staged = d.staged || !maps.Equal(r.lost, lost)
		r.lost = lost
	}
}

// Commits are those of the targets that are remembered, by their ids.
func (d *Driver) Commits() (ids []string) {
	found := map[string]bool{}
	for _, r := range d.rollouts {
		for id := range r.memory.Targets {
			commit, _, _ := strings.Cut(id, "+")
			found[commit] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Commit is what a revision says of itself.
type Commit struct {
	Author   string // by mail address
	Reviewed string // see rollout.Target
}

// Offer makes targets of what Git asks for at a revision, where that is news. waits says that it is not known yet what
// Git asks of a cluster: then there is no target before that is known.
func (d *Driver) Offer(rev protocol.Revision, by Commit, waits func(cluster string) bool) {
	if !d.staged && d.offered == rev.Hash && (d.waiting == "" || waits(d.waiting)) {
		return // it was offered, or waits still
	}
	d.offered, d.waiting = rev.Hash, ""
	seq := uint64(1)
	for _, r := range d.rollouts {
		seq = max(seq, seqOf(r)+1)
	}
	for _, r := range d.sorted() { // the same number for all: one policy waits for what another one makes of a commit
		if !r.policy.HasWaves() || r.unread.All() {
			continue
		}
		offered, waiting := r.offer(seq, rev, by, waits)
		d.staged, d.waiting = d.staged || offered, cmp.Or(waiting, d.waiting)
	}
}

// Step decides what is released now, and gives the clusters that are to be given something, sorted. What Unsaved gives
// has to be stored before they are.
func (d *Driver) Step(now time.Time, facts Facts) (clusters []string) {
	suspect(d, now, facts, d.staged)
	found, whole := map[string]bool{}, d.staged
	d.staged = false
	for _, r := range inOrder(d) {
		if !r.policy.HasWaves() {
			if r.ends != nil {
				end(d, r)
			}
			continue
		}
		if r.stalls() {
			view{facts, holds(d, r), &d.digests, &d.pool}.blind(r, whole)
			continue
		}
		candidates := admit(r, d.rollouts[r.policy.After])
		beside := windows.At(now, besides(d, r))
		whole := whole || !beside.Same(r.news.beside)
		r.news.beside = beside
		releases, events := r.step(now, view{facts, holds(d, r), &d.digests, &d.pool}, candidates, d.fleet.Frozen, whole)
		for _, rel := range releases {
			found[rel.Cluster] = true
		}
		decideReverts(r, now)
		names, named := held(r).Called()
		r.names, r.news.policy = names, r.news.policy || named
		for _, e := range events {
			tell(d.log, r.policy.Name, e)
		}
		d.notes = append(d.notes, notesOf(r, now, releases, events)...)
		if r.ends != nil && r.settled() {
			end(d, r)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// besides are the windows that hold back, too, what the steps of another tool's object hold.
func besides(d *Driver, r *rolling) (out []windows.Of) {
	for _, other := range d.sorted() {
		o := other.policy.Origin
		if r.policy.Origin != nil && len(r.policy.Windows) == 0 && o != nil && len(other.policy.Windows) > 0 {
			out = append(out, windows.Of{Object: o.Object, Windows: other.policy.Windows, Named: other.named})
		}
	}
	return out
}

// end is for a policy that is gone from Git, and holds nothing back any more.
func end(d *Driver, r *rolling) {
	name := r.policy.Name
	d.log.Info("a RolloutPolicy that is gone from Git has ended", "policy", name)
	delete(d.rollouts, name)
	d.ordered = nil
	drop(r, d.dropped)
	if next := r.ends.next; next != nil {
		r = newRolling()
		r.policy, r.declared = next.Policy, next.JSON
		d.rollouts[name], d.staged = r, true
	}
}

// tell logs an event.
func tell(log *slog.Logger, policy string, e Event) {
	level := slog.LevelInfo
	if e.Kind == string(rollout.EventFailed) {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "rollout: "+e.Kind, "policy", policy, "wave", e.Wave, "target", e.Target,
		"why", e.Text)
}

// Due is when to step although nothing changes; zero for never.
func (d *Driver) Due() (first time.Time) {
	if f := d.fleet.Frozen; f != nil {
		first = f.Until
	}
	for _, r := range d.rollouts {
		for _, at := range []time.Time{r.wake, r.gates.Due(gate.Asked(r.policy, r.memory.Waves)), retries(r)} {
			if !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

// Show is how all policies stand, by name, but for those of other tools' objects that no app names.
func (d *Driver) Show() (out []query.Rollout) {
	for _, r := range d.sorted() {
		if r.policy.Origin == nil || len(r.members) > 0 {
			out = append(out, r.show())
		}
	}
	return out
}

// History is what a policy's rollout has done, the newest last; known says whether there is such a policy.
func (d *Driver) History(policy string) (events []Event, known bool) {
	r := d.rollouts[policy]
	if r == nil {
		return nil, false
	}
	return slices.Clone(r.history), true
}

// sees has a policy go on of which something could not be read, which a change of that ends.
func sees(r *rolling, change func()) {
	if !r.unread.Any() {
		return
	}
	change()
	r.machine, r.news.policy, r.news.targets = nil, true, map[string]rollout.Known{}
	reread(r)
	for name := range r.members {
		r.news.unstored[name] = true
	}
}
