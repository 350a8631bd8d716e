package hub

import (
	"cmp"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

const (
	// maxEpoch is the highest epoch that anybody is believed.
	maxEpoch = protocol.MaxEpoch
	// maxReported is how far above what hubs say an agent's word is believed; maxForced, where a person says that this hub
	// takes over. It is far below protocol.MaxEpochStep, so that an agent that lies cannot lead the hub to where others
	// do not follow.
	maxReported = 1 << 10
	maxForced   = 1 << 20
)

// situation is all that decides whether a hub publishes.
type situation struct {
	self    protocol.Presence
	lead    Lead
	others  []protocol.Presence // that answered
	bus     uint64              // newest epoch of a bundle on the bus
	reports uint64              // newest epoch that an agent reported
	force   bool                // a person said that this hub takes over
	quiet   bool                // no other hub has answered for long enough
}

// verdict is what a hub does.
type verdict struct {
	state  protocol.HubState
	epoch  uint64 // to publish with
	newest uint64 // that hubs and the bus know of
	reason query.Reason
	other  protocol.Presence // that publishes, of a standby
}

// judge decides whether a hub publishes, and with which epoch. A restart changes nothing. A hub that may be older
// than the fleet, because its data directory is new, was restored or stood back, waits until nobody answers, and
// takes a new epoch.
func judge(s situation) verdict {
	v := verdict{state: protocol.HubActive, epoch: s.lead.Epoch, newest: max(s.lead.Epoch, s.lead.Seen)}
	if s.bus < maxEpoch {
		v.newest = max(v.newest, s.bus)
	}
	for _, o := range s.others {
		if o.Epoch < maxEpoch {
			v.newest = max(v.newest, o.Epoch)
		}
	}
	other, rival := s.rival()
	next := v.newest
	switch {
	case s.reports <= next:
	case s.reports-next <= maxReported:
		next = s.reports
	case s.force:
		next = min(s.reports, next+maxForced)
	}
	next++
	switch {
	case s.force && (rival || s.lead.Claim || v.newest > s.lead.Epoch):
		v.epoch = next
	case !s.lead.Claim && v.newest > s.lead.Epoch:
		v.state, v.reason, v.other = protocol.HubFenced, query.ReasonNewerEpoch, other
	case rival:
		v.state, v.reason, v.other = protocol.HubStandby, query.ReasonOtherHub, other
	case !s.lead.Claim:
	case !s.quiet:
		v.state, v.reason = protocol.HubDeciding, query.ReasonTakingOver
	default:
		v.epoch = next
	}
	return v
}

// rival gives a hub that this one gives way to, if there is one.
func (s situation) rival() (protocol.Presence, bool) {
	for _, o := range s.others {
		switch {
		case o.State == protocol.HubStandby || o.State == protocol.HubFenced:
		case o.State == protocol.HubDeciding && s.self.State == protocol.HubActive:
		case o.State != protocol.HubDeciding && s.self.State != protocol.HubActive:
			return o, true // it publishes
		case o.Epoch < s.self.Epoch:
		case precedes(o, s.self):
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
