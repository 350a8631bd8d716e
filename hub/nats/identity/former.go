package identity

import (
	"cmp"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/nats/limits"
)

const (
	// formerAge is how long the key of a credential that ended is kept: as long as the events that it signed are kept,
	// and a day.
	formerAge = limits.JournalAge + 24*time.Hour
	// maxFormer bounds how many are kept for one cluster. The last one that ended is always kept: the last report,
	// which does not age, may be signed with it.
	maxFormer = 32
)

// former is the public key of a credential that ended. It verifies what the bus took in before that, and nothing else.
type former struct {
	User string    `json:"user"`
	End  time.Time `json:"end"` // of the credential, by the hub's clock
}

// retire keeps the key of a credential that ends.
func (id *identity) retire(c credential, end time.Time) {
	if !c.Expires.IsZero() && c.Expires.Before(end) {
		end = c.Expires
	}
	if !slices.ContainsFunc(id.Former, func(f former) bool { return f.User == c.User }) {
		id.Former = append(id.Former, former{c.User, end})
	}
}

// forgetFormer drops former keys of which nothing is kept any more.
func (id *identity) forgetFormer(now time.Time) {
	if len(id.Former) == 0 {
		return
	}
	slices.SortStableFunc(id.Former, func(a, b former) int { return cmp.Compare(b.End.UnixNano(), a.End.UnixNano()) })
	keep := 1
	for keep < min(len(id.Former), maxFormer) && now.Sub(id.Former[keep].End) < formerAge {
		keep++
	}
	id.Former = id.Former[:keep]
}
