package report

import (
	"encoding/json"
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// MaxProblems is how many problems of one app a report names.
const MaxProblems = 20

// Fit encodes a report, and leaves problems out until it is small enough; how many is said.
func Fit(r protocol.Report) []byte {
	for keep := MaxProblems; ; keep /= 2 {
		data, err := json.Marshal(r)
		if err != nil {
			panic("agent: a report that is not JSON: " + err.Error()) // plain data: cannot happen
		}
		switch {
		case len(data) <= protocol.MaxReport:
			return data
		case r.APIs != nil: // it is asked for again
			r.APIs = nil
			keep *= 2
			continue
		case keep == 0 && slices.ContainsFunc(r.Held, func(h protocol.Held) bool { return h.Objects != nil }):
			for i := range r.Held {
				r.Held[i].Objects = nil // Count and Message say how many there are
			}
			continue
		case keep == 0:
			return data
		}
		for i := range r.Apps {
			a := &r.Apps[i]
			if n := len(a.Problems) - keep/2; n > 0 {
				a.Problems, a.More = a.Problems[:keep/2], a.More+n
			}
		}
	}
}
