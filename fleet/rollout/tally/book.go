package tally

import (
	"container/heap"
	"maps"
	"slices"
	"strings"
	"time"
)

// Queue is what clusters wait for a place for.
type Queue int

// The queues. In the first, places are given by name, in the others by rank.
const (
	ToReturn Queue = iota
	ToCatchUp
	ToRelease
	Queues // how many there are
)

// Share is what one cluster adds to the counts.
type Share struct {
	Wave, Rank int // its place in the wave; a wave below 0 is none
	Target     int // place among the targets of that which it was released to last; below 0 for none
	Part       Part
	Away       bool // and has a part
	InFlight   bool
	Returning  bool // in flight, and back
	Tries      bool // the next target of its wave
	Failed     bool // with its target
	Jammed     bool // in flight, and waits until fewer are
	Waits      [Queues]bool
	Parts      uint64    // a bit for each target of which parts are counted, and in which it takes part
	Wake       time.Time // when something of it changes by the clock alone; zero for never
}

// Sum counts the clusters of a wave.
type Sum struct {
	Size, InFlight, Returning, Tries, Jammed int
	Counts                                   Counts // by their parts
	Away                                     int
	Failed                                   map[string]int // by target
	Parts                                    map[string]int // by target, of those of which parts are counted
}

// MaxParts is of how many targets parts can be counted.
const MaxParts = 64

// Book has the shares of clusters, and their sums.
type Book struct {
	Shares  map[string]Share // by cluster
	Sums    []Sum            // of each wave
	Targets []string         // ids
	Refs    []int            // how many clusters were released to each of them last
	Lines   [Queues][][]string

	wakes wakes
}

// New makes a book without clusters. sizes are those of the waves, lines the clusters that wait, and parts the
// targets of which parts are counted.
func New(sizes []int, targets []string, lines [Queues][][]string, parts []string) *Book {
	b := &Book{Sums: make([]Sum, len(sizes)), Targets: targets, Refs: make([]int, len(targets)), Lines: lines}
	for i, size := range sizes {
		b.Sums[i] = Sum{Size: size, Failed: map[string]int{}, Parts: map[string]int{}}
		for _, id := range parts {
			b.Sums[i].Parts[id] = 0
		}
	}
	return b
}

// Begin takes in the shares of all clusters.
func (b *Book) Begin(shares map[string]Share) {
	b.Shares = shares
	for name, s := range shares {
		if !s.Wake.IsZero() {
			b.wakes = append(b.wakes, wake{s.Wake, name})
		}
	}
	heap.Init(&b.wakes)
}

// Copy is a book with sums of its own, for finding out what would be if some clusters were otherwise.
func (b *Book) Copy() *Book {
	other := *b
	other.Sums, other.Refs = slices.Clone(b.Sums), slices.Clone(b.Refs)
	for i := range other.Sums {
		s := &other.Sums[i]
		s.Failed, s.Parts = maps.Clone(s.Failed), maps.Clone(s.Parts)
	}
	return &other
}

// Add adds a share to the sums; by is 1, or -1 for taking it off.
func (b *Book) Add(s Share, by int) {
	if s.Target >= 0 {
		b.Refs[s.Target] += by
	}
	if s.Wave < 0 {
		return
	}
	n := &b.Sums[s.Wave]
	n.Counts.Add(s.Part, by)
	for _, one := range [...]struct {
		is bool
		of *int
	}{{s.Away, &n.Away}, {s.InFlight, &n.InFlight}, {s.Returning, &n.Returning}, {s.Tries, &n.Tries},
		{s.Jammed, &n.Jammed}} {
		if one.is {
			*one.of += by
		}
	}
	if s.Failed && s.Target >= 0 {
		n.Failed[b.Targets[s.Target]] += by
	}
	if s.Parts == 0 {
		return
	}
	for i, id := range b.Targets[:min(len(b.Targets), MaxParts)] {
		if s.Parts&(1<<i) != 0 {
			n.Parts[id] += by
		}
	}
}

// Take takes over the sums of a copy, and the shares that made them.
func (b *Book) Take(other *Book, fresh map[string]Share) {
	b.Sums, b.Refs = other.Sums, other.Refs
	for name, s := range fresh {
		was := b.Shares[name]
		if b.Shares[name] = s; !s.Wake.IsZero() {
			heap.Push(&b.wakes, wake{s.Wake, name})
		}
		for q := range Queues {
			if !s.Waits[q] || was.Waits[q] {
				continue
			}
			line := b.Lines[q][s.Wave]
			at, is := slices.BinarySearchFunc(line, name, func(x, y string) int { return b.ahead(q, x, y) })
			if !is {
				b.Lines[q][s.Wave] = slices.Insert(line, at, name)
			}
		}
	}
	if len(b.wakes) > 2*len(b.Shares)+64 {
		b.wakes = slices.DeleteFunc(b.wakes, func(w wake) bool { return !b.Shares[w.name].Wake.Equal(w.at) })
		heap.Init(&b.wakes)
	}
}

// ahead compares the places of two clusters in a queue.
func (b *Book) ahead(q Queue, x, y string) int {
	if q == ToReturn {
		return strings.Compare(x, y)
	}
	return b.Shares[x].Rank - b.Shares[y].Rank
}

// First are the clusters of a queue that get the next places.
func (b *Book) First(q Queue, wave, places int) (names []string) {
	line := &b.Lines[q][wave]
	for len(*line) > 0 && !b.Shares[(*line)[0]].Waits[q] { // a cluster that does not wait any more stays until then
		*line = (*line)[1:]
	}
	for _, name := range *line {
		if len(names) >= places {
			break
		}
		if b.Shares[name].Waits[q] {
			names = append(names, name)
		}
	}
	return names
}

// Waits says whether any cluster waits in a queue, but for some.
func (b *Book) Waits(q Queue, wave int, but map[string]int) bool {
	return slices.ContainsFunc(b.Lines[q][wave], func(name string) bool {
		_, is := but[name]
		return !is && b.Shares[name].Waits[q]
	})
}

// Next is when something changes by the clock alone: of a cluster, or at a time that concerns all. Zero is never.
func (b *Book) Next(all time.Time) time.Time {
	for len(b.wakes) > 0 && !b.Shares[b.wakes[0].name].Wake.Equal(b.wakes[0].at) {
		heap.Pop(&b.wakes)
	}
	if len(b.wakes) > 0 && (all.IsZero() || b.wakes[0].at.Before(all)) {
		return b.wakes[0].at
	}
	return all
}

// wakes are times, the first one on top. One that is not the wake of its cluster any more counts for nothing.
type wakes []wake

type wake struct {
	at   time.Time
	name string
}

func (w wakes) Len() int           { return len(w) }
func (w wakes) Less(i, j int) bool { return w[i].at.Before(w[j].at) }
func (w wakes) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *wakes) Push(x any)        { *w = append(*w, x.(wake)) } //nolint:forcetypeassert // heap gives what it got
func (w *wakes) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
