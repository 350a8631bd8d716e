package tally

import (
	"cmp"
	"hash/fnv"
	"slices"
)

// Sort sorts clusters by the place in which slices of a policy's waves take them.
func Sort(policy string, clusters []string) {
	type placed struct {
		place uint64
		name  string
	}
	all := make([]placed, len(clusters))
	for i, name := range clusters {
		all[i] = placed{place(policy, name), name}
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.name, b.name))
	})
	for i, p := range all {
		clusters[i] = p.name
	}
}

// place is where a cluster comes in its wave: it depends on nothing but the names.
func place(policy, cluster string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(policy + "/" + cluster))
	sum := h.Sum64() // names that differ in the last letter come one after the other: they are mixed, as in MurmurHash3
	sum = (sum ^ sum>>33) * 0xff51afd7ed558ccd
	return sum ^ sum>>33
}
