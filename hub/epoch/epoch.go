// Package epoch decides whether a hub publishes, and with which epoch, by what it knows of other hubs. Judge is pure.
//
// It may import fleet/query and protocol.
package epoch

import (
	"cmp"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

const (
	// Max is the highest epoch that anybody is believed.
	Max = protocol.MaxEpoch
	// MaxReported is how far above what hubs say an agent's word is believed; maxForced, where a person says that this hub
	// takes over. It is far below protocol.MaxEpochStep, so that an agent that lies cannot lead the hub to where others
	// do not follow.
	MaxReported = 1 << 10
	maxForced   = 1 << 20
)

// Situation is all that decides whether a hub publishes.
type Situation struct {
	Self    protocol.Presence
	Lead    Lead
	Others  []protocol.Presence // that answered
	Bus     uint64              // newest epoch of a bundle on the bus
	Reports uint64              // newest epoch that an agent reported
	Force   bool                // a person said that this hub takes over
	Quiet   bool                // no other hub has answered for long enough
}

// Verdict is what a hub does.
type Verdict struct {
	State  protocol.HubState
	Epoch  uint64 // to publish with
	Newest uint64 // that hubs and the bus know of
	Reason query.Reason
	Other  protocol.Presence // that publishes, of a standby
}

// Judge decides whether a hub publishes, and with which epoch. A restart changes nothing. A hub that may be older
// than the fleet, because its data directory is new, was restored or stood back, waits until nobody answers, and
// takes a new epoch.
func Judge(s Situation) Verdict {
	v := Verdict{State: protocol.HubActive, Epoch: s.Lead.Epoch, Newest: max(s.Lead.Epoch, s.Lead.Seen)}
	if s.Bus < Max {
		v.Newest = max(v.Newest, s.Bus)
	}
	for _, o := range s.Others {
		if o.Epoch < Max {
			v.Newest = max(v.Newest, o.Epoch)
		}
	}
	other, rival := s.Rival()
	next := v.Newest
	switch {
	case s.Reports <= next:
	case s.Reports-next <= MaxReported:
		next = s.Reports
	case s.Force:
		next = min(s.Reports, next+maxForced)
	}
	next++
	switch {
	case s.Force && (rival || s.Lead.Claim || v.Newest > s.Lead.Epoch):
		v.Epoch = next
	case !s.Lead.Claim && v.Newest > s.Lead.Epoch:
		v.State, v.Reason, v.Other = protocol.HubFenced, query.ReasonNewerEpoch, other
	case rival:
		v.State, v.Reason, v.Other = protocol.HubStandby, query.ReasonOtherHub, other
	case !s.Lead.Claim:
	case !s.Quiet:
		v.State, v.Reason = protocol.HubDeciding, query.ReasonTakingOver
	default:
		v.Epoch = next
	}
	return v
}

// Rival gives a hub that this one gives way to, if there is one.
func (s Situation) Rival() (protocol.Presence, bool) {
	for _, o := range s.Others {
		switch {
		case o.State == protocol.HubStandby || o.State == protocol.HubFenced:
		case o.State == protocol.HubDeciding && s.Self.State == protocol.HubActive:
		case o.State != protocol.HubDeciding && s.Self.State != protocol.HubActive:
			return o, true // it publishes
		case o.Epoch < s.Self.Epoch:
		case precedes(o, s.Self):
			return o, true
		}
	}
	return protocol.Presence{}, false
}

// precedes orders hubs that are in the same state: both of them come to the same result, whatever their clocks say.
func precedes(a, b protocol.Presence) bool {
	if a.Claim != b.Claim {
		return b.Claim
	}
	return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Instance, b.Instance)) < 0
}

// Lead is what a data directory remembers of its hub's place among the hubs of the fleet.
type Lead struct {
	// Epoch is that of the bundles which this hub publishes. It is 0 as long as nobody has taken over from a hub that
	// is older than epochs.
	Epoch uint64 `json:"epoch"`
	// Claim: the directory was restored, or its hub stood back. It may be older than what the fleet has, so it
	// publishes with a new epoch only.
	Claim bool `json:"claim,omitempty"`
	// Seen is the newest epoch that was met elsewhere. If it is above Epoch, another hub has taken the fleet over.
	Seen uint64 `json:"seen,omitempty"`
}
