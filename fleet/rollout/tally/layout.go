package tally

import (
	"maps"
	"slices"
)

// Layout is which clusters there are, and which of them each wave has. It is not changed.
type Layout struct {
	Names []string   // sorted
	In    [][]string // those of each wave, in the order in which slices take them

	policy string
}

// Lay gives the layout of clusters, of which wave has that of each; below 0 is none. It is last, where that says the
// same, because sorting takes longer than looking. last is nil if there is none.
func Lay(last *Layout, policy string, waves int, wave map[string]int) *Layout {
	if last != nil && last.policy == policy && len(last.In) == waves && last.is(wave) {
		return last
	}
	l := &Layout{Names: slices.Sorted(maps.Keys(wave)), In: make([][]string, waves), policy: policy}
	for _, name := range l.Names {
		if w := wave[name]; w >= 0 {
			l.In[w] = append(l.In[w], name)
		}
	}
	for _, names := range l.In {
		Sort(policy, names)
	}
	return l
}

// is says whether the layout is that of some clusters.
func (l *Layout) is(wave map[string]int) bool {
	if len(l.Names) != len(wave) {
		return false
	}
	outside := 0 // of all waves
	for _, name := range l.Names {
		w, is := wave[name]
		if !is {
			return false
		}
		if w < 0 {
			outside++
		}
	}
	for i, names := range l.In {
		for _, name := range names {
			if wave[name] != i {
				return false
			}
		}
		outside += len(names)
	}
	return outside == len(wave)
}
