package rollouts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/protocol"
)

// rolling is one policy at work.
type rolling struct {
	policy    rollout.Policy
	declared  []byte // the RolloutPolicy, as JSON
	gone      bool   // Git has it no more
	memory    rollout.Memory
	decisions rollout.Decisions
	history   []Event // the newest last

	members map[string]*member
	offered []rollout.Target // not taken in yet: the newest last, at most maxOffered
	lost    map[string]bool  // targets that the branch does not have any more
	gates   gates
	why     []rollout.WaveState
	wake    time.Time // when to step although nothing changes; zero for never
}

// member is a cluster that a policy holds.
type member struct {
	labels map[string]string
	asked  rollout.Content // what Git asks for; nil if that is not known
	free   map[string]bool // apps that a person releases, and no policy

	given     rollout.Released // of the bundle that is named below, by its epoch and generation
	bundle    string
	report    rollout.Report
	heardFrom *protocol.Report
}

// Event is something that a policy's rollout did, or a person had it do.
type Event struct {
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"`
	Wave   string    `json:"wave,omitempty"`
	Target string    `json:"target,omitempty"`
	By     string    `json:"by,omitempty"` // whose decision it is; "" for the rollout's own
	Text   string    `json:"text,omitempty"`
}

// maxHistory is how many events of a policy are remembered.
const maxHistory = 200

func (r *rolling) note(e Event) {
	r.history = append(r.history, e)
	r.history = slices.Clone(r.history[max(0, len(r.history)-maxHistory):])
}

// wanted is what an app of a cluster is to be: a digest, or "" for no such app. known says whether that was decided.
func (r *rolling) wanted(cluster, app string, now time.Time) (digest string, known bool) {
	if pin, is := r.decisions.Pins[cluster]; is && now.Before(pin.Until) {
		if pin.Content == nil {
			return "", false
		}
		return pin.Content[app].Digest, true
	}
	entries := r.memory.Clusters[cluster].Apps[app]
	if len(entries) == 0 {
		return "", false
	}
	return entries[0].Digest, true
}

// newest is the newest target that is remembered or was offered since.
func (r *rolling) newest() (newest rollout.Target, found bool) {
	for _, t := range r.memory.Targets {
		if !r.lost[t.ID] && (!found || t.Seq > newest.Seq) {
			newest, found = t.Target, true
		}
	}
	if n := len(r.offered); n > 0 {
		return r.offered[n-1], true
	}
	return newest, found
}

// offer makes a target of what Git asks for, if that is something else than the newest one asks for. A cluster that the
// newest has nothing to say of is added to it: nobody else gets anything by that.
func (r *rolling) offer(seq uint64, rev protocol.Revision, author string, waits func(string) bool) (offered bool) {
	for name := range r.members {
		if waits(name) {
			return false
		}
	}
	newest, found := r.newest()
	added := map[string]rollout.Content{}
	differs := !found
	for name, m := range r.members {
		content, named := newest.Content[name]
		switch {
		case m.asked == nil: // nobody knows what Git asks of it
		case !named:
			added[name] = m.asked
		case !same(content, m.asked):
			differs = true
		}
	}
	switch {
	case !differs && len(added) == 0 || !found && len(added) == 0:
		return false
	case !differs:
		r.extend(newest.ID, added)
		return true
	}
	t := rollout.Target{ID: r.name(rev), Name: rev.Subject, Author: author, Content: map[string]rollout.Content{},
		Seq: seq}
	for name, m := range r.members {
		if m.asked != nil {
			t.Content[name] = m.asked
		}
	}
	r.offered = append(r.offered, t)
	r.offered = r.offered[max(0, len(r.offered)-maxOffered):]
	return true
}

// maxOffered is how many targets wait for another policy at most: of older ones nobody takes any when a newer is there.
const maxOffered = 16

// seqOf is the number of the newest target that there ever was.
func seqOf(r *rolling) uint64 {
	if n := len(r.offered); n > 0 {
		return r.offered[n-1].Seq
	}
	return r.memory.Seq
}

// hasPassed says of a target by its number whether all waves of the policy have passed it, or what is newer, or wait for
// nothing.
func hasPassed(r *rolling, seq uint64) bool {
	if len(r.policy.Waves) == 0 {
		return false
	}
	last := r.memory.Waves[r.policy.Waves[len(r.policy.Waves)-1].Name].Seq
	return last >= seq || seqOf(r) <= last
}

// admit takes the targets that the policy after which this one comes has passed; all, if there is none.
func admit(r, after *rolling) (admitted []rollout.Target) {
	if r.policy.After == "" {
		admitted, r.offered = r.offered, nil
		return admitted
	}
	for after != nil && len(r.offered) > 0 && hasPassed(after, r.offered[0].Seq) {
		admitted, r.offered = append(admitted, r.offered[0]), r.offered[1:]
	}
	return admitted
}

// extend has a target say something of more clusters.
func (r *rolling) extend(id string, more map[string]rollout.Content) {
	if n := len(r.offered); n > 0 && r.offered[n-1].ID == id {
		maps.Copy(r.offered[n-1].Content, more)
		return
	}
	t := r.memory.Targets[id]
	t.Content = maps.Clone(t.Content)
	maps.Copy(t.Content, more)
	r.memory.Targets = maps.Clone(r.memory.Targets)
	r.memory.Targets[id] = t
}

// name is the id of a new target: the commit's, and a number where what the commit takes from elsewhere has moved.
func (r *rolling) name(rev protocol.Revision) string {
	taken := func(id string) bool {
		_, known := r.memory.Targets[id]
		return known || slices.ContainsFunc(r.offered, func(t rollout.Target) bool { return t.ID == id }) ||
			slices.ContainsFunc(r.history, func(e Event) bool { return e.Target == id })
	}
	id := rev.Hash
	for i := 2; taken(id); i++ {
		id = fmt.Sprintf("%s+%d", rev.Hash, i)
	}
	return id
}

// step decides what is released now, and gives the clusters that are to be given something.
func (r *rolling) step(now time.Time, facts Facts, candidates []rollout.Target,
	holds func(cluster string) func(app string) bool) (clusters []string) {
	in := rollout.Input{Now: now, Policy: r.policy, Members: map[string]rollout.Member{}, Candidates: candidates,
		Gone: r.lost, Released: map[string]rollout.Released{}, Reports: map[string]rollout.Report{},
		Decisions: r.decisions, Gates: r.gates.results()}
	for name, m := range r.members {
		report, link := facts.Heard(name)
		bundle, at := facts.Given(name)
		m.take(bundle, at, report, holds(name))
		in.Members[name] = rollout.Member{Labels: m.labels, Online: link.Connected, Since: link.Since}
		if bundle.Generation > 0 {
			in.Released[name] = m.given
		}
		if report != nil {
			in.Reports[name] = m.report
		}
	}
	out := rollout.Step(r.memory, in)
	r.memory, r.why, r.wake = out.Memory, out.Why, out.Wake
	for _, e := range out.Events {
		r.note(Event{Time: e.Time, Kind: string(e.Kind), Wave: e.Wave, Target: e.Target, Text: e.Text})
	}
	for _, rel := range out.Releases {
		clusters = append(clusters, rel.Cluster)
	}
	return clusters
}

// take takes in what a cluster was given and says, if that is news.
func (m *member) take(b protocol.Bundle, at time.Time, report *protocol.Report, holds func(app string) bool) {
	id := fmt.Sprint(b.Epoch, " ", b.Generation)
	if m.bundle == id && m.heardFrom == report {
		return
	}
	if m.bundle != id {
		m.given = givenOf(b, at, holds)
	}
	if report != nil {
		m.report = reportOf(*report, b, holds)
	}
	m.bundle, m.heardFrom = id, report
}

// settled says whether nothing is held back any more: every cluster has what Git asks for.
func (r *rolling) settled() bool {
	for _, m := range r.members {
		if m.asked == nil || !same(m.asked, m.given.Content) {
			return false
		}
	}
	return true
}

// same says whether two contents ask for the same.
func same(a, b rollout.Content) bool {
	return maps.EqualFunc(a, b, func(x, y rollout.App) bool { return x.Digest == y.Digest })
}

// show is the rollout for people.
func (r *rolling) show() query.Rollout {
	out := query.Rollout{Policy: r.policy.Name, Gone: r.gone, Waves: []query.Wave{}, Clusters: len(r.members)}
	for _, w := range r.why {
		if w.Text == "no clusters" {
			w.Text = "no clusters that have joined"
		}
		out.Waves = append(out.Waves, query.Wave{Name: w.Wave, Target: w.Target, Subject: r.subject(w.Target), Text: w.Text,
			Since: w.Since, Clusters: w.Clusters, Settled: w.Settled, Failed: w.Failed, Budget: w.Budget,
			Offline: w.Offline})
	}
	if n := len(r.offered); n > 0 && len(out.Waves) > 0 {
		t := r.offered[n-1]
		out.Waves[0].Text += fmt.Sprintf("; %.8s %q waits for the policy %s", t.ID, t.Name, r.policy.After)
	}
	for _, name := range slices.Sorted(maps.Keys(r.members)) {
		m := r.members[name]
		c := r.memory.Clusters[name]
		if m.asked != nil && !same(m.asked, m.given.Content) {
			out.Behind = append(out.Behind, name)
		}
		if c.Phase == rollout.Failed {
			out.Failures = append(out.Failures, query.RolloutFailure{Cluster: name, Target: c.Target, Apps: c.Failed,
				Cause: string(c.Cause), Since: c.At, Back: c.Back})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.memory.Targets)) {
		if t := r.memory.Targets[id]; t.Failed != nil {
			out.Bad = append(out.Bad, query.BadTarget{Target: id, Subject: t.Name, Since: t.Failed.Since, Why: t.Failed.Why,
				Apps: t.Failed.Apps})
		}
	}
	for cluster, pin := range r.decisions.Pins {
		out.Pinned = append(out.Pinned, query.Pin{Cluster: cluster, Until: pin.Until, Reason: pin.Reason})
	}
	slices.SortFunc(out.Pinned, func(a, b query.Pin) int { return strings.Compare(a.Cluster, b.Cluster) })
	for _, h := range r.decisions.Halts {
		out.Halts = append(out.Halts, query.Halt{Wave: h.Wave, Until: h.Until, By: h.By, Reason: h.Reason})
	}
	return out
}

// subject is what people call a target.
func (r *rolling) subject(id string) string { return r.memory.Targets[id].Name }
