package rollout

import (
	"maps"
	"slices"

	"github.com/drover-dev/drover/fleet/rollout/tally"
)

// others is what a step that looks at some clusters knows of all others: their counts, and which of them wait for a
// place. A step that looks at all has none.
type others struct {
	*tally.Book
	subjects []subject
	failing  []Known  // targets with which clusters failed, but not so many that they are bad
	owed     []string // clusters that have yet to be given something
	worst    map[[2]string][]BadContent
	fresh    map[string]tally.Share // of the clusters that the step looks at
}

// subject is what the clusters of a wave are counted for.
type subject struct {
	shown Known // that the wave is at, or is shown with
	limit int   // how many of its clusters count for that
	next  Known // that it may take; none if it has no id
}

func (s subject) same(other subject) bool {
	return s.shown.ID == other.shown.ID && s.limit == other.limit && s.next.ID == other.next.ID
}

// of are the sums of a wave.
func (o *others) of(wave int) tally.Sum {
	if o == nil || wave < 0 {
		return tally.Sum{}
	}
	return o.Sums[wave]
}

// counts are those of a wave's first clusters that take part in a target.
func (o *others) counts(r *run, wave int, target string, limit int) tally.Counts {
	if o != nil && (o.subjects[wave].shown.ID != target || o.subjects[wave].limit != limit) {
		r.stuck = true
	}
	return o.of(wave).Counts
}

// tries says whether any cluster of a wave has to try a target.
func (o *others) tries(r *run, wave int, target string) bool {
	r.stuck = r.stuck || o != nil && o.subjects[wave].next.ID != target
	return o.of(wave).Tries > 0
}

// parts is how many clusters of a wave take part in a target.
func (o *others) parts(r *run, wave int, target string) int {
	n, known := o.of(wave).Parts[target]
	r.stuck = r.stuck || o != nil && (!known || slices.Index(o.Targets, target) >= tally.MaxParts)
	return n
}

// shareOf counts one cluster.
func shareOf(r *run, name string, w, rank int, o *others) tally.Share {
	c := r.m.Clusters[name]
	s := tally.Share{Wave: w, Rank: rank, Target: slices.Index(o.Targets, c.Target), Wake: r.wakes[name]}
	if w < 0 {
		return s
	}
	about := o.subjects[w]
	if rank < about.limit {
		if s.Part = (waves{r}).part(about.shown, name, &c); s.Part != tally.None {
			s.Away = r.away(name)
		}
	}
	s.InFlight = (c.Phase == InFlight || c.Phase == Waits) && !r.away(name)
	s.Returning, s.Failed = c.Back && s.InFlight, c.Phase == Failed && recall{r}.failedWith(name, c.Target)
	s.Tries = about.next.ID != "" && takesPart(r, about.next, name, &c) && !waves{r}.first(about.next, name, &c)
	for _, t := range o.failing {
		if i := slices.Index(o.Targets, t.ID); i < tally.MaxParts && takesPart(r, t, name, &c) {
			s.Parts |= 1 << i
		}
	}
	s.Wake = r.wakes[name] // what was asked now may have one
	return s
}

// count counts the clusters of a step, and adds them to the others.
func (o *others) count(r *run) map[string]tally.Share {
	shares := make(map[string]tally.Share, len(r.names))
	for w, names := range r.in {
		for rank, name := range names {
			if s, is := o.Shares[name]; is {
				rank = s.Rank
			}
			shares[name] = shareOf(r, name, w, rank, o)
		}
	}
	for _, name := range r.names {
		if r.wave[name] < 0 {
			shares[name] = shareOf(r, name, -1, 0, o)
		}
	}
	for q := range r.blocked {
		for _, names := range r.blocked[q] {
			for _, name := range names {
				s := shares[name]
				s.Waits[q], s.Jammed = true, s.Jammed || tally.Queue(q) != tally.ToReturn && s.InFlight
				shares[name] = s
			}
		}
	}
	for _, s := range shares {
		o.Add(s, 1)
	}
	return shares
}

// countAll counts the clusters of a step that looks at all.
func countAll(r *run, subjects []subject) *others {
	o := &others{subjects: subjects, worst: r.worst}
	failed := map[string]bool{}
	for _, name := range r.names {
		if !r.ailing {
			break
		}
		target := r.m.Clusters[name].Target
		if r.wave[name] >= 0 && r.m.Targets[target].Failed == nil && (recall{r}).failedWith(name, target) {
			failed[target] = true
		}
	}
	ids := slices.Sorted(maps.Keys(failed))
	for _, id := range ids {
		o.failing = append(o.failing, r.m.Targets[id])
	}
	sizes := make([]int, len(r.in))
	for i, names := range r.in {
		sizes[i] = len(names)
	}
	o.Book = tally.New(sizes, slices.Sorted(maps.Keys(r.m.Targets)), r.blocked, ids)
	for name, c := range r.m.Clusters {
		if len(r.m.Clusters) == len(r.names) {
			break // all are members
		}
		if _, member := r.Members[name]; !member {
			o.Add(tally.Share{Wave: -1, Target: slices.Index(o.Targets, c.Target)}, 1)
		}
	}
	o.Begin(o.count(r))
	return o
}
