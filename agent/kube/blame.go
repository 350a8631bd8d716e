package kube

import (
	"bytes"
	"strings"

	"github.com/drover-dev/drover/agent"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// maxFields is how many paths an event of a drift names.
const maxFields = 10

// Blame compares managedFields: what Drover owns after the repair and did not when the drift was seen is what
// drifted, and the manager that held most of that last did it.
func (c *Client) Blame(drifted, repaired agent.Live) agent.Culprit {
	lost := leaves(setOf(repaired)).Difference(setOf(drifted))
	var out agent.Culprit
	var newest string
	for _, e := range drifted.Managed {
		if ours(e) {
			continue
		}
		if held := decodeSet(e.Fields); !held.Intersection(lost).Empty() && e.Time >= newest {
			out.Manager, newest = e.Manager, e.Time
		}
	}
	lost.Iterate(func(p fieldpath.Path) {
		if len(out.Fields) == maxFields {
			out.More++
			return
		}
		out.Fields = append(out.Fields, strings.TrimPrefix(p.String(), "."))
	})
	return out
}

func leaves(s *fieldpath.Set) *fieldpath.Set { return s.Leaves() }

// setOf is the set of fields that Drover owns.
func setOf(l agent.Live) *fieldpath.Set {
	for _, e := range l.Managed {
		if ours(e) {
			return decodeSet(e.Fields)
		}
	}
	return fieldpath.NewSet()
}

func decodeSet(fields []byte) *fieldpath.Set {
	set := fieldpath.NewSet()
	if err := set.FromJSON(bytes.NewReader(fields)); err != nil {
		return fieldpath.NewSet() // fields that cannot be read blame nobody
	}
	return set
}
