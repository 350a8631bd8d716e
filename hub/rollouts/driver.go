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
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// Facts is what is known of clusters.
type Facts interface {
	// Given is what a cluster was given last, and when; a Bundle of generation 0 if that was nothing.
	Given(cluster string) (protocol.Bundle, time.Time)
	// Heard is the last report of a cluster's agent, nil if there is none, and whether it is online.
	Heard(cluster string) (*protocol.Report, query.Link)
}

// Declared is a RolloutPolicy as Git has it.
type Declared struct {
	Policy rollout.Policy
	JSON   []byte // the object
}

// Read reads an object that is a RolloutPolicy; is says whether it is one. An error says what is wrong with it.
type Read func(o model.Rendered) (p rollout.Policy, is bool, err error)

// Declare gives the policies among what is declared for many clusters. sure says that all of them can be read.
func Declare(objects []model.Rendered, read Read) (out []Declared, sure bool) {
	sure = true
	for _, o := range objects {
		p, is, err := read(o)
		switch {
		case err != nil:
			sure = false
		case is:
			out = append(out, Declared{p, o.JSON})
		}
	}
	return out, sure
}

// Driver drives the rollouts of all policies.
type Driver struct {
	log      *slog.Logger
	rollouts map[string]*rolling     // by the name of the policy
	entries  map[string]protocol.App // what apps are delivered as, by digestOf

	stored map[string]saved // by the name of the policy
	news   map[string]bool  // digests of entries that the store is to take (true) or to drop
	staged bool             // what Git asks of some member is news
}

// New makes a driver from what Unsaved gave to the store.
func New(from map[string][]byte, read Read, log *slog.Logger) *Driver {
	d := &Driver{log: log, rollouts: map[string]*rolling{}, entries: map[string]protocol.App{}, stored: map[string]saved{},
		news: map[string]bool{}}
	d.load(from, read)
	return d
}

// Active says whether there is any policy.
func (d *Driver) Active() bool { return len(d.rollouts) > 0 }

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
			d.rollouts[name] = r
			d.log.Info("a RolloutPolicy holds changes back from now on", "policy", name)
		}
		if r.gone || string(r.declared) != string(p.JSON) {
			changed = true
			for _, other := range d.rollouts { // which of them holds an app may be another one now
				reread(other)
			}
		}
		r.policy, r.declared, r.gone = p.Policy, p.JSON, false
	}
	for name, r := range d.rollouts {
		if sure && !found[name] && !r.gone {
			r.gone, changed = true, true
			d.log.Warn("a RolloutPolicy is gone from Git: what it holds back goes on as it said, and it ends when its clusters "+
				"have what Git asks for", "policy", name)
		}
	}
	return changed
}

func newRolling() *rolling {
	return &rolling{members: map[string]*member{}, lost: map[string]bool{}, gates: gates{},
		decisions: rollout.Decisions{Pins: map[string]rollout.Pin{}}}
}

// reread has what clusters were given and say be read again.
func reread(r *rolling) {
	for _, m := range r.members {
		m.bundle, m.heardFrom = "", nil
	}
}

// sorted gives the rollouts by the names of their policies.
func (d *Driver) sorted() []*rolling {
	out := make([]*rolling, 0, len(d.rollouts))
	for _, name := range slices.Sorted(maps.Keys(d.rollouts)) {
		out = append(out, d.rollouts[name])
	}
	return out
}

// inOrder gives the rollouts so that each comes behind the one that it waits for.
func inOrder(d *Driver) []*rolling {
	out := d.sorted()
	depth := func(r *rolling) (n int) {
		for n < len(out) && r != nil && r.policy.After != "" {
			r, n = d.rollouts[r.policy.After], n+1
		}
		return n
	}
	slices.SortStableFunc(out, func(a, b *rolling) int { return cmp.Compare(depth(a), depth(b)) })
	return out
}

// holder is the policy of those that select a cluster that holds one of its apps: the one that has it already, else the
// first that names it. nil if none does.
func holder(of []*rolling, cluster, app string) *rolling {
	for _, r := range of {
		if r.policy.HoldsApp(app) && len(r.memory.Clusters[cluster].Apps[app]) > 0 {
			return r
		}
	}
	for _, r := range of {
		if r.policy.HoldsApp(app) {
			return r
		}
	}
	return nil
}

// holds says of a policy which apps of a cluster it holds.
func (d *Driver) holds(r *rolling) func(cluster string) func(app string) bool {
	all := d.sorted()
	return func(cluster string) func(app string) bool {
		of := slices.DeleteFunc(slices.Clone(all), func(x *rolling) bool { return x.members[cluster] == nil })
		free := map[string]bool{}
		if m := r.members[cluster]; m != nil {
			free = m.free
		}
		return func(app string) bool { return !free[app] && holder(of, cluster, app) == r }
	}
}

// Staged is what of a cluster's candidate is to be released.
type Staged struct {
	Apps []protocol.App
	// Other are those that are not as the candidate has them, by name, and those that it has and Apps has not.
	Other map[string]bool
	// Absent says that nothing was ever decided for the cluster, of which Git asks something, and that it is not known
	// what it has: what is missing from Apps must not be taken for gone.
	Absent bool
}

// Stage takes in what Git asks of a cluster, and gives what the cluster is to have now: apps that a policy holds are as
// they were released. last is what the cluster was given last. Where its labels are not known, because its description
// cannot be read, it stays with the policies that it was with. Apps of which free holds are no policy's.
func (d *Driver) Stage(now time.Time, labels map[string]string, known bool, b, last protocol.Bundle,
	free func(app string) bool) Staged {
	name := b.Cluster
	var of []*rolling
	for _, r := range d.sorted() {
		switch {
		case !known && r.members[name] != nil:
			of = append(of, r)
		case known && r.policy.Selector.Matches(labels):
			of = append(of, r)
			d.ask(r, name, labels)
		case known:
			r.leave(name)
		}
	}
	if len(of) == 0 {
		return Staged{Apps: b.Apps}
	}
	asked, had := byName(b.Apps), byName(last.Apps)
	names := slices.Sorted(maps.Keys(asked))
	for app := range had {
		if _, is := asked[app]; !is {
			names = append(names, app)
		}
	}
	slices.Sort(names)
	contents, frees := map[*rolling]rollout.Content{}, map[string]bool{}
	out := Staged{Other: map[string]bool{}}
	for _, app := range names {
		want, wanted := asked[app]
		r := holder(of, name, app)
		if free(app) {
			frees[app], r = true, nil
		}
		if r == nil {
			if wanted {
				out.Apps = append(out.Apps, want)
			}
			continue
		}
		if contents[r] == nil {
			contents[r] = rollout.Content{}
		}
		if wanted {
			contents[r][app] = rollout.App{Digest: digestOf(want), Timeout: time.Duration(want.Timeout) * time.Second}
			d.keep(want)
		}
		if was, given := had[app]; given {
			d.keep(was)
		}
		given, is := d.choose(r, now, name, app, asked, had)
		if is {
			out.Apps = append(out.Apps, given)
		}
		if is != wanted || wanted && digestOf(given) != digestOf(want) {
			out.Other[app] = true
		}
	}
	for _, r := range of {
		bare := len(r.memory.Clusters[name].Apps) == 0 && len(contents[r]) > 0
		out.Absent = out.Absent || bare && !slices.ContainsFunc(last.Apps, func(a protocol.App) bool {
			return !frees[a.Name] && holder(of, name, a.Name) == r
		})
		m := r.members[name]
		if !maps.Equal(m.free, frees) {
			m.free, m.bundle = frees, "" // what it was given is read again
		}
		if content := contents[r]; m.asked == nil || !same(m.asked, content) {
			if m.asked = content; content == nil {
				m.asked = rollout.Content{}
			}
			d.staged = true
		}
	}
	return out
}

// keep remembers how an app is delivered.
func (d *Driver) keep(a protocol.App) {
	digest := digestOf(a)
	if _, have := d.entries[digest]; !have {
		d.entries[digest], d.news[digest] = lasting(a), true
	}
}

// ask makes a cluster a member of a policy.
func (d *Driver) ask(r *rolling, name string, labels map[string]string) {
	m := r.members[name]
	if m == nil {
		m = &member{}
		r.members[name], d.staged = m, true
	}
	d.staged = d.staged || !maps.Equal(m.labels, labels)
	m.labels = labels
}

// choose is what an app of a cluster is to be now; is says whether there is to be such an app. What is not decided, or
// not known any more, is kept as it was given.
func (d *Driver) choose(r *rolling, now time.Time, cluster, app string, asked,
	had map[string]protocol.App) (a protocol.App, is bool) {
	want, wanted := asked[app]
	was, given := had[app]
	digest, known := r.wanted(cluster, app, now)
	switch {
	case wanted && (known && digest == digestOf(want) || given && digestOf(want) == digestOf(was) && !known):
		return want, true
	case known && digest == "":
		return protocol.App{}, false
	case known && (!given || digestOf(was) != digest):
		if kept, have := d.entries[digest]; have {
			was, given = kept, true
		} else {
			d.log.Error("what an app was released to is not known any more: the version that was given last is kept",
				"cluster", cluster,
				"app", app, "policy", r.policy.Name)
		}
	}
	if !given {
		return protocol.App{}, false
	}
	was.Error, was.Reason = "", "" // they are of the revision at which it was given
	if wanted {
		was.Suspend, was.Declared, was.Formerly = want.Suspend, want.Declared, want.Formerly
	}
	return was, true
}

// leave takes a cluster out of a policy.
func (r *rolling) leave(cluster string) { delete(r.members, cluster) }

// Leave is for a cluster that has no folder any more.
func (d *Driver) Leave(cluster string) {
	for _, r := range d.rollouts {
		r.leave(cluster)
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

// Offer makes targets of what Git asks for at a revision, where that is news. waits says that it is not known yet what
// Git asks of a cluster: then there is no target before that is known.
func (d *Driver) Offer(rev protocol.Revision, author string, waits func(cluster string) bool) {
	seq := uint64(1)
	for _, r := range d.rollouts {
		seq = max(seq, seqOf(r)+1)
	}
	for _, r := range d.sorted() { // the same number for all: one policy waits for what another one makes of a commit
		if r.offer(seq, rev, author, waits) {
			d.staged = true
		}
	}
}

// Step decides what is released now, and gives the clusters that are to be given something, sorted. What Unsaved gives
// has to be stored before they are.
func (d *Driver) Step(now time.Time, facts Facts) (clusters []string) {
	d.staged = false
	found := map[string]bool{}
	for _, r := range inOrder(d) {
		before := len(r.history)
		for _, name := range r.step(now, facts, admit(r, d.rollouts[r.policy.After]), d.holds(r)) {
			found[name] = true
		}
		for _, e := range r.history[min(before, len(r.history)):] {
			tell(d.log, r.policy.Name, e)
		}
		if r.gone && r.settled() {
			d.log.Info("a RolloutPolicy that is gone from Git has ended", "policy", r.policy.Name)
			delete(d.rollouts, r.policy.Name)
		}
	}
	return slices.Sorted(maps.Keys(found))
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
	for _, r := range d.rollouts {
		for _, at := range []time.Time{r.wake, r.asks()} {
			if !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

// Show is how all policies stand, by name.
func (d *Driver) Show() (out []query.Rollout) {
	for _, r := range d.sorted() {
		out = append(out, r.show())
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

func byName(apps []protocol.App) map[string]protocol.App {
	out := make(map[string]protocol.App, len(apps))
	for _, a := range apps {
		out[a.Name] = a
	}
	return out
}
