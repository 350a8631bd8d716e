package identity

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/protocol"
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

// Witnesses are the keys that vouch for what the bus took in from cluster at a time: those that were good then, though
// they may have ended since.
func (ids *Identities) Witnesses(cluster string, at time.Time) []ed25519.PublicKey {
	out := ids.voices(cluster, at)
	for _, f := range ids.get(cluster).Former {
		if key, err := publicKey(f.User); err == nil && at.Before(f.End) {
			out = append(out, key)
		}
	}
	return out
}

// dropped counts what was said in the name of a cluster and was not taken.
type dropped struct {
	count uint64
	last  time.Time
	why   string
}

// whyDropped says for people what an error of verification means, and what to do.
func whyDropped(err error) string {
	switch {
	case errors.Is(err, protocol.ErrUnheard):
		return "signed with a key that was not this cluster's at that time: after a restore of the hub, or an upgrade " +
			"from one that kept no former keys, " +
			"it was said before, and there is nothing to do; if the number goes on rising, another program uses the " +
			"cluster's name: see who connects, and " +
			"run `drover cluster rotate %s`"
	case errors.Is(err, protocol.ErrNotSealed):
		return "sealed to the key of another hub: the agent joined a hub with other keys; bring those back with " +
			"`drover hub restore`, or let it join this one " +
			"with `drover agent manifest --cluster %s --replace | kubectl apply -f -`"
	}
	return "not a valid message of this cluster's agent: if the number goes on rising, see who connects with the " +
		"cluster's credential, and run " +
		"`drover cluster rotate %s`"
}
