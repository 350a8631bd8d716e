package rollout

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// run is one step at work. It owns the memory that becomes the result.
type run struct {
	Input
	m      Memory
	names  []string       // members, sorted
	wave   map[string]int // of each member, by its labels
	in     [][]string     // members of each wave, in the order in which slices take them
	wake   time.Time      // when something changes by the clock alone
	events []Event
	news   bool // something became different
}

// put remembers a cluster.
func (r *run) put(name string, c Cluster) { r.m.Clusters[name], r.news = c, true }

// set remembers a wave.
func (r *run) set(name string, w WaveMemory) {
	r.news = r.news || r.m.Waves[name] != w
	r.m.Waves[name] = w
}

func begin(before Memory, in Input) *run {
	r := &run{Input: in, m: before.clone(), names: slices.Sorted(maps.Keys(in.Members)), wave: map[string]int{},
		in: make([][]string, len(in.Policy.Waves))}
	for _, name := range r.names {
		w := in.Policy.WaveOf(in.Members[name].Labels)
		r.wave[name] = w
		if w >= 0 {
			r.in[w] = append(r.in[w], name)
		}
	}
	for _, members := range r.in {
		slices.SortFunc(members, func(a, b string) int {
			return cmp.Or(cmp.Compare(r.place(a), r.place(b)), cmp.Compare(a, b))
		})
	}
	return r
}

// place is where a cluster comes in its wave: it depends on nothing but the names.
func (r *run) place(cluster string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(r.Policy.Name + "/" + cluster))
	sum := h.Sum64() // names that differ in the last letter come one after the other: they are mixed, as in MurmurHash3
	sum = (sum ^ sum>>33) * 0xff51afd7ed558ccd
	return sum ^ sum>>33
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

// pinned says whether a cluster takes no part.
func (r *run) pinned(cluster string) bool {
	pin, is := r.Decisions.Pins[cluster]
	return is && !r.come(pin.Until)
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
	return !m.Online && (m.Since.IsZero() || r.come(m.Since.Add(r.Policy.after())))
}

// flying says whether a cluster has something that it has not settled, and is there.
func (r *run) flying(cluster string) bool {
	c := r.m.Clusters[cluster]
	return (c.Phase == InFlight || c.Phase == Waits) && !r.away(cluster)
}

// flights counts the clusters of a wave that are in flight.
func (r *run) flights(wave int) (n int) {
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
	for _, b := range r.m.Bad {
		if b.App == app && b.Digest == digest && b.Seq <= seq {
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
