package rollouts

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/hub/rollouts/earlier"
	"github.com/drover-dev/drover/hub/rollouts/gate"
	"github.com/drover-dev/drover/hub/rollouts/shown"
	"github.com/drover-dev/drover/hub/rollouts/unread"
	"github.com/drover-dev/drover/hub/rollouts/windows"
	"github.com/drover-dev/drover/protocol"
)

// rolling is one policy at work.
type rolling struct {
	policy    rollout.Policy
	declared  []byte  // the RolloutPolicy, as JSON
	ends      *ending // nil while Git has it, with its waves
	memory    rollout.Memory
	decisions rollout.Decisions
	history   []Event // the newest last

	members map[string]*member
	offered []rollout.Target // not taken in yet: the newest last, at most maxOffered
	more    []rollout.Target // what remembered targets say of more clusters; not taken in yet
	lost    map[string]bool  // targets that the branch does not have any more
	gates   gate.Set
	why     []rollout.WaveState
	wake    time.Time             // when to step although nothing changes; zero for never
	names   map[uint64]string     // what targets are called, by their numbers: the newest maxNames
	seen    string                // the commit that was offered last, as long as the hub runs
	reverts map[string]*reverting // by branch; never changed, but replaced
	machine *rollout.Machine      // of memory; nil before the first step
	unread  unread.Parts          // of what was stored
	news    news
}

// member is a cluster that a policy holds.
type member struct {
	labels map[string]string
	asked  rollout.Content // what Git asks for; nil if that is not known
	free   map[string]bool // apps that a person releases, and no policy
	stays  []string        // apps that are never taken back, sorted
	named  []string        // apps that name the policy, where it is of another tool's object, sorted

	given     rollout.Released // of the bundle that is named below
	bundle    generation
	report    rollout.Report
	heardFrom *protocol.Report
	read      bool     // given and report are up to date with these
	noted     [16]byte // the release that the journal has
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
	r.news.policy = true
	r.history = append(r.history, e)
	r.history = slices.Clone(r.history[max(0, len(r.history)-maxHistory):])
}

// ending is what comes after a policy that goes on, as it was, only until its clusters have what Git asks for.
type ending struct {
	next *Declared // what Git has of its name, without waves; nil if that is nothing
}

// turns says whether Git has a policy without waves where it had some. What they hold back does not reach every cluster
// at once for that: the policy goes on until its clusters have what Git asks for.
func turns(r *rolling, now Declared) bool {
	if now.Policy.HasWaves() || !r.policy.HasWaves() || len(r.memory.Clusters) == 0 {
		return false
	}
	r.ends, r.policy.Deletions = &ending{&now}, now.Policy.Deletions
	return true
}

// wanted is what an app of a cluster is to be, see rollout.Cluster.Wanted; has is what the policy holds of the cluster.
func (r *rolling) wanted(cluster, app string, has map[string][]rollout.Entry, now time.Time) (digest string,
	from []string, known bool) {
	var pin *rollout.Pin
	if r.unread.Of(cluster) {
		return "", nil, false
	}
	if p, is := r.decisions.Pins[cluster]; is && now.Before(p.Until) {
		pin = &p
	}
	return rollout.Cluster{Apps: has}.Wanted(app, pin)
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
func (r *rolling) offer(seq uint64, rev protocol.Revision, by Commit, waits func(string) bool) (offered bool,
	waiting string) {
	for name := range r.members {
		if waits(name) {
			return false, name
		}
	}
	base := r.seen
	if r.seen = rev.Hash; base == rev.Hash {
		base = ""
	}
	newest, found := r.newest()
	added := map[string]rollout.Content{}
	differs := !found
	for name, m := range r.members {
		asks, named := newest.Content[name]
		switch {
		case m.asked == nil: // nobody knows what Git asks of it
		case !named:
			added[name] = m.asked
		case !content.Same(asks, m.asked):
			differs = true
		}
	}
	switch {
	case !differs && len(added) == 0 || !found && len(added) == 0:
		return false, ""
	case !differs:
		r.extend(newest.ID, added)
		return true, ""
	}
	t := rollout.Target{ID: r.name(rev), Name: rev.Subject, Author: by.Author, Reviewed: by.Reviewed, Base: base, Seq: seq,
		Content: make(map[string]rollout.Content, len(r.members))}
	for name, m := range r.members {
		if m.asked != nil {
			t.Content[name] = m.asked
		}
	}
	r.offered = append(r.offered, t)
	r.offered = r.offered[max(0, len(r.offered)-maxOffered):]
	return true, ""
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
	if len(r.policy.Waves) == 0 || r.unread.All() {
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
	r.more = append(r.more, rollout.Target{ID: id, Content: more})
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

// news is what is different since the last step, and since the store was told of a policy; and what is known and shown
// of its clusters, which follows what is news.
type news struct {
	clusters map[string]bool          // of which something may be known that the last step did not know
	unstored map[string]bool          // clusters of which the store may have something else
	policy   bool                     // the store may have something else of the policy itself
	targets  map[string]rollout.Known // that the store has

	in     rollout.Input // of the last step
	shown  shown.Clusters
	beside windows.Beside
}

func newNews() news {
	return news{clusters: map[string]bool{}, unstored: map[string]bool{}, policy: true,
		targets: map[string]rollout.Known{}}
}

// Touch has the next step look at clusters: their agents said something, or they were given something.
func Touch(d *Driver, clusters ...string) {
	for _, r := range d.rollouts {
		for _, name := range clusters {
			if r.members[name] != nil {
				r.news.clusters[name] = true
			}
		}
	}
}

// view is what a step sees of clusters.
type view struct {
	Facts
	holds   func(cluster string) func(app string) bool
	digests *content.Digests
	pool    *content.Pool
}

// step decides what is released now, and gives that and what became different. Where no more is news than what is known
// of some clusters, it looks at these; whole says that it is not so.
func (r *rolling) step(now time.Time, see view, candidates []rollout.Target, frozen *rollout.HaltOrder,
	whole bool) ([]rollout.Release, []Event) {
	if r.machine == nil {
		r.machine, whole = rollout.NewMachine(r.memory), true
	}
	candidates, r.more = append(r.more, candidates...), nil
	results := r.gates.Results()
	whole = whole || len(candidates) > 0 || !reflect.DeepEqual(results, r.news.in.Gates)
	waves, changed := r.memory.Waves, slices.Collect(maps.Keys(r.news.clusters))
	out, done := rollout.Output{}, false
	if !whole {
		changed = slices.DeleteFunc(changed, func(name string) bool { return r.members[name] == nil })
		for _, name := range changed {
			see.look(r, name)
		}
		changed = slices.DeleteFunc(changed, r.unread.Of)
		r.news.in.Now = now
		out, done = r.machine.StepSome(r.news.in, changed)
	}
	if !done {
		see.all(r)
		in := &r.news.in
		in.Now, in.Policy, in.Gone, in.Decisions, in.Gates = now, r.policy, r.lost, r.decisions, results
		if frozen != nil {
			all := *frozen
			all.All = true
			all.Reason = "all releases are frozen: " + all.Reason
			in.Decisions.Halts = append([]rollout.HaltOrder{all}, in.Decisions.Halts...)
		}
		in.Candidates = candidates
		out = r.machine.Step(*in)
		in.Candidates = nil
	}
	r.memory, r.why, r.wake = out.Memory, out.Why, r.news.beside.Wake(out.Wake)
	r.news.policy = r.news.policy || !done || !maps.Equal(waves, r.memory.Waves)
	for _, name := range out.Changed {
		r.news.unstored[name] = true
	}
	r.mark(done, slices.Concat(changed, out.Changed)...)
	r.waitBeside()
	clear(r.news.clusters)
	var events []Event
	for _, e := range out.Events {
		events = append(events, Event{Time: e.Time, Kind: string(e.Kind), Wave: e.Wave, Target: e.Target, Text: e.Text})
		r.note(events[len(events)-1])
	}
	return out.Releases, events
}

// look takes in what is known of a cluster.
func (see view) look(r *rolling, name string) {
	m, in := r.members[name], &r.news.in
	report, link := see.Heard(name)
	bundle, at := see.Given(name)
	m.take(name, bundle, at, report, see)
	if r.unread.Of(name) { // it takes no part
		delete(in.Members, name)
		delete(in.Released, name)
		delete(in.Reports, name)
		return
	}
	in.Members[name] = rollout.Member{Labels: m.labels, Online: link.Connected, Since: link.Since, Stays: m.stays,
		Closed: r.news.beside.Closes(name, m.named)}
	if bundle.Generation > 0 {
		in.Released[name] = m.given
	} else {
		delete(in.Released, name)
	}
	if report != nil {
		in.Reports[name] = m.report
	} else {
		delete(in.Reports, name)
	}
}

// all takes in what is known of all clusters.
func (see view) all(r *rolling) {
	in := &r.news.in
	if in.Members == nil {
		n := len(r.members)
		in.Members, in.Released = make(map[string]rollout.Member, n), make(map[string]rollout.Released, n)
		in.Reports = make(map[string]rollout.Report, n)
	}
	for name := range in.Members {
		if r.members[name] == nil {
			delete(in.Members, name)
			delete(in.Released, name)
			delete(in.Reports, name)
		}
	}
	for name := range r.members {
		see.look(r, name)
	}
}

// stalls says whether nothing is decided by the policy: what was decided cannot be read, of it, or of all clusters of a
// wave, which nothing would try then.
func (r *rolling) stalls() bool {
	if r.unread.All() || !r.unread.Any() {
		return r.unread.All()
	}
	sees := map[int]bool{} // by wave: any cluster can be read
	for name, m := range r.members {
		w := r.policy.WaveOf(m.labels)
		sees[w] = sees[w] || !r.unread.Of(name)
	}
	delete(sees, -1)
	return slices.Contains(slices.Collect(maps.Values(sees)), false)
}

// blind is a step of a policy by which nothing is decided: what is known of clusters is shown.
func (see view) blind(r *rolling, whole bool) {
	if !whole && len(r.news.clusters) == 0 {
		return
	}
	see.all(r)
	r.why, r.wake = r.unread.Waves(r.policy), time.Time{}
	r.mark(false)
	clear(r.news.clusters)
}

// take takes in what a cluster was given and says, if that is news.
func (m *member) take(name string, b protocol.Bundle, at time.Time, report *protocol.Report, see view) {
	id := generation{b.Epoch, b.Generation}
	if m.read && m.bundle == id && m.heardFrom == report {
		return
	}
	held := see.holds(name)
	if !m.read || m.bundle != id {
		m.given = rollout.Released{Generation: b.Generation, Time: at,
			Content: see.pool.Of(see.digests.Content(b.Apps, held))}
	}
	if report != nil {
		m.report = see.digests.Report(*report, b, held)
	}
	m.bundle, m.heardFrom, m.read = id, report, true
}

// mark brings up to date what is shown of clusters: of some, or of all.
func (r *rolling) mark(some bool, names ...string) {
	if some {
		for _, name := range names {
			r.news.shown.Set(name, shownOf(r, name))
		}
		return
	}
	r.news.shown = shown.Clusters{}
	if names = r.machine.Names(); len(names) != len(r.members) || r.unread.Any() {
		names = slices.Sorted(maps.Keys(r.members))
	}
	for _, name := range names {
		r.news.shown.Add(shownOf(r, name))
	}
}

// named are the apps of a cluster that name the policy.
func (r *rolling) named(cluster string) []string {
	if m := r.members[cluster]; m != nil {
		return m.named
	}
	return nil
}

// waitBeside has the waves say which clusters wait for windows of other objects, too.
func (r *rolling) waitBeside() {
	if !r.news.beside.Any() {
		return
	}
	waits := map[string][]string{}
	for name, m := range r.news.in.Members {
		if m.Closed && !content.Same(r.members[name].asked, r.members[name].given.Content) {
			waits[name] = r.members[name].named
		}
	}
	for i := range r.why {
		r.news.beside.Waits(&r.why[i], waits)
	}
}

// shownOf is what is shown of a cluster.
func shownOf(r *rolling, name string) (s shown.Cluster) {
	m, c := r.members[name], r.memory.Clusters[name]
	if m == nil {
		return s
	}
	if m.asked != nil && !content.Same(m.asked, m.given.Content) {
		s.Behind = []string{name}
	}
	if len(c.Stays) > 0 {
		s.Stays = []query.Staying{{Cluster: name, Apps: c.Stays}}
	}
	if c.Phase == rollout.Failed {
		s.Failures = []query.RolloutFailure{{Cluster: name, Target: c.Target, Apps: c.Failed, Cause: string(c.Cause),
			Since: c.At, Back: c.Back}}
	}
	return s
}

// settled says whether nothing is held back any more: every cluster has what Git asks for.
func (r *rolling) settled() bool {
	for _, m := range r.members {
		if m.asked == nil || !content.Same(m.asked, m.given.Content) {
			return false
		}
	}
	return true
}

// show is the rollout for people.
func (r *rolling) show() query.Rollout {
	out := query.Rollout{Policy: r.policy.Name, Gone: r.ends != nil, Clusters: len(r.members),
		Selects: r.policy.Selector}
	if o := r.policy.Origin; o != nil {
		out.From = o.Object + ", " + o.Field
	}
	out.Waves = shown.Waves(r.why, r.memory.Targets)
	if n := len(r.offered); n > 0 && len(out.Waves) > 0 {
		t := r.offered[n-1]
		out.Waves[0].Text += fmt.Sprintf("; %.8s %q waits for the policy %s", t.ID, t.Name, r.policy.After)
	}
	out.Behind, out.Stays, out.Failures = r.news.shown.Behind, r.news.shown.Stays, r.news.shown.Failures
	out.Bad = shown.Bad(r.memory.Targets)
	out.Pinned, out.Halts = shown.Decisions(r.decisions)
	out.Reverts, out.Unread = shownReverts(r), r.unread.Shown(r.policy.Name)
	return out
}

// held is what is still held of a policy's clusters.
func held(r *rolling) earlier.Held {
	return earlier.Held{Policy: r.policy.Name, Memory: r.memory, Names: r.names}
}
