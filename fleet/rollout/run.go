package rollout

import (
	"time"

	"github.com/drover-dev/drover/fleet/rollout/tally"
)

// run is one step at work. It owns the memory that becomes the result.
type run struct {
	Input
	m      Memory
	names  []string       // members, sorted
	wave   map[string]int // of each member, by its labels
	in     [][]string     // members of each wave, in the order in which slices take them
	wake   time.Time      // when something changes by the clock alone, for all clusters
	events []Event
	news   bool // something became different
	ailing bool // some cluster that the step looks at has failed

	wakes   map[string]time.Time     // when something changes by the clock alone, by cluster
	blocked [tally.Queues][][]string // clusters that wait for a place, by queue and wave
	before  map[string]Cluster       // clusters that were put, as they were
	worst   map[[2]string][]BadContent
	moves   map[[3]uintptr]*move
	version int       // rises whenever something becomes different
	counts  []counted // by wave
	others  *others   // those that the step does not look at; nil if it looks at all
	stuck   bool      // a step that looks at all is needed
}

// put remembers a cluster.
func (r *run) put(name string, c Cluster) {
	if _, is := r.before[name]; !is {
		r.before[name] = r.m.Clusters[name]
	}
	r.m.Clusters[name], r.news = c, true
	r.version++
}

// set remembers a wave.
func (r *run) set(name string, w WaveMemory) {
	if r.m.Waves[name] != w {
		r.news = true
		r.version++
	}
	r.m.Waves[name] = w
}

// begin is a step that looks at all clusters. It owns the memory. last is how they were laid out before, nil if that is
// not known.
func begin(m Memory, in Input, last *tally.Layout) (*run, *tally.Layout) {
	r := newRun(m, in)
	r.wave = make(map[string]int, len(in.Members))
	for name, member := range in.Members {
		r.wave[name] = in.Policy.WaveOf(member.Labels)
	}
	layout := tally.Lay(last, in.Policy.Name, len(in.Policy.Waves), r.wave)
	r.names, r.in = layout.Names, layout.In
	return r, layout
}

func newRun(m Memory, in Input) *run {
	r := &run{Input: in, m: m, wakes: map[string]time.Time{}, before: map[string]Cluster{}}
	judgeAgain(r)
	again(r)
	return r
}

// again forgets what was found out of clusters: it is found out again.
func again(r *run) {
	r.wake, r.news, r.counts = time.Time{}, false, make([]counted, len(r.Policy.Waves))
	r.version++
	clear(r.wakes)
	for q := range r.blocked {
		r.blocked[q] = make([][]string, len(r.Policy.Waves))
	}
}

// judgeAgain forgets what depends on what is bad.
func judgeAgain(r *run) {
	r.worst, r.moves = nil, map[[3]uintptr]*move{}
	r.version++
}

// blocks notes that a cluster waits for a place.
func blocks(r *run, q tally.Queue, wave int, name string) {
	r.blocked[q][wave] = append(r.blocked[q][wave], name)
}

// come says whether a time has come; if it has not, the next step is then at the latest.
func (r *run) come(at time.Time) bool {
	if !r.Now.Before(at) {
		return true
	}
	if r.wake.IsZero() || at.Before(r.wake) {
		r.wake = at
	}
	return false
}

// comes is come for a time that concerns one cluster.
func comes(r *run, cluster string, at time.Time) bool {
	if !r.Now.Before(at) {
		return true
	}
	if first, is := r.wakes[cluster]; !is || at.Before(first) {
		r.wakes[cluster] = at
	}
	return false
}

// pinned says whether a cluster takes no part.
func (r *run) pinned(cluster string) bool {
	pin, is := r.Decisions.Pins[cluster]
	return is && !comes(r, cluster, pin.Until)
}

// halted gives the order that stops releases of a wave.
func (r *run) halted(wave string) (HaltOrder, bool) {
	for _, h := range r.Decisions.Halts {
		if (h.Wave == "" || h.Wave == wave) && (h.Until.IsZero() || !r.come(h.Until)) {
			return h, true
		}
	}
	return HaltOrder{}, false
}

// open says whether the windows allow releases.
func (r *run) open() bool {
	open, _ := r.Policy.Windows.Open(r.Now)
	if at := r.Policy.Windows.Change(r.Now); !at.IsZero() {
		r.come(at)
	}
	return open
}

// away says whether a cluster is offline for so long that nobody waits for it.
func (r *run) away(cluster string) bool {
	m := r.Members[cluster]
	return !m.Online && (m.Since.IsZero() || comes(r, cluster, m.Since.Add(r.Policy.after())))
}

// flying says whether a cluster has something that it has not settled, and is there.
func (r *run) flying(cluster string) bool {
	c := r.m.Clusters[cluster]
	return (c.Phase == InFlight || c.Phase == Waits) && !r.away(cluster)
}

// flights counts the clusters of a wave that are in flight.
func (r *run) flights(wave int) (n int) {
	n = r.others.of(wave).InFlight
	for _, name := range r.in[wave] {
		if r.flying(name) {
			n++
		}
	}
	return n
}

// note adds an event.
func (r *run) note(kind EventKind, wave, target, text string) {
	r.events = append(r.events, Event{Time: r.Now, Kind: kind, Wave: wave, Target: target, Text: text})
}

// newest is the newest target that the branch has.
func (r *run) newest() (newest Known, found bool) {
	for id, t := range r.m.Targets {
		if !r.Gone[id] && (!found || t.Seq > newest.Seq) {
			newest, found = t, true
		}
	}
	return newest, found
}

// bad says whether content of an app may not be released, or has to be taken back where it came with the target seq.
func (r *run) bad(app, digest string, seq uint64) (BadContent, bool) {
	if len(r.m.Bad) == 0 {
		return BadContent{}, false
	}
	if r.worst == nil {
		r.worst = map[[2]string][]BadContent{}
		for _, b := range r.m.Bad {
			key := [2]string{b.App, b.Digest}
			r.worst[key] = append(r.worst[key], b)
		}
	}
	for _, b := range r.worst[[2]string{app, digest}] {
		if b.Seq <= seq {
			return b, true
		}
	}
	return BadContent{}, false
}

// resumed is when a person took a target for good again; the zero time if nobody did.
func (r *run) resumed(target string) (at time.Time) {
	for _, d := range r.Decisions.Resumes {
		if d.Target == target && d.Time.After(at) {
			at = d.Time
		}
	}
	return at
}
