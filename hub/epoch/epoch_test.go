package epoch

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func peer(state protocol.HubState, epoch uint64, edit ...func(*protocol.Presence)) protocol.Presence {
	p := protocol.Presence{Instance: "other", State: state, Epoch: epoch, Started: noon}
	for _, f := range edit {
		f(&p)
	}
	return p
}

func earlier(p *protocol.Presence) { p.Started = noon.Add(-time.Hour) }
func later(p *protocol.Presence)   { p.Started = noon.Add(time.Hour) }
func claims(p *protocol.Presence)  { p.Claim = true }

func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		deciding, active = protocol.HubDeciding, protocol.HubActive
		standby, fenced  = protocol.HubStandby, protocol.HubFenced
	)
	claim := Lead{Epoch: 2, Claim: true}
	others := func(p ...protocol.Presence) []protocol.Presence { return p }
	for name, tt := range map[string]struct {
		is   protocol.HubState
		s    Situation
		want Verdict
	}{
		"a restart":                 {deciding, Situation{Lead: Lead{Epoch: 2}}, Verdict{State: active, Epoch: 2}},
		"a restart, with its own":   {deciding, Situation{Lead: Lead{Epoch: 2}, Bus: 2, Reports: 2}, Verdict{State: active, Epoch: 2}},
		"of before epochs":          {deciding, Situation{}, Verdict{State: active}},
		"a new fleet":               {deciding, Situation{Lead: Lead{Claim: true}, Quiet: true}, Verdict{State: active, Epoch: 1}},
		"restored, just now":        {deciding, Situation{Lead: claim}, Verdict{State: deciding, Epoch: 2, Reason: query.ReasonTakingOver}},
		"restored, and quiet":       {deciding, Situation{Lead: claim, Quiet: true}, Verdict{State: active, Epoch: 3}},
		"restored, and forced":      {deciding, Situation{Lead: claim, Force: true}, Verdict{State: active, Epoch: 3}},
		"above the bus":             {deciding, Situation{Lead: claim, Quiet: true, Bus: 7}, Verdict{State: active, Epoch: 8}},
		"above what agents have":    {deciding, Situation{Lead: claim, Quiet: true, Bus: 3, Reports: 9}, Verdict{State: active, Epoch: 10}},
		"not above lies":            {deciding, Situation{Lead: claim, Quiet: true, Bus: 1 << 60, Reports: 1 << 50}, Verdict{State: active, Epoch: 3}},
		"a lie does not fence":      {active, Situation{Lead: Lead{Epoch: 2}, Reports: 3, Bus: 1 << 60}, Verdict{State: active, Epoch: 2}},
		"a newer epoch on the bus":  {deciding, Situation{Lead: Lead{Epoch: 2}, Bus: 3}, Verdict{State: fenced, Epoch: 2, Reason: query.ReasonNewerEpoch}},
		"one that was seen":         {deciding, Situation{Lead: Lead{Epoch: 2, Seen: 3}}, Verdict{State: fenced, Epoch: 2, Reason: query.ReasonNewerEpoch}},
		"the way back":              {deciding, Situation{Lead: Lead{Epoch: 2, Seen: 3}, Force: true}, Verdict{State: active, Epoch: 4}},
		"a flag that was left":      {deciding, Situation{Lead: Lead{Epoch: 2}, Force: true}, Verdict{State: active, Epoch: 2}},
		"a newer hub":               {active, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(active, 3))}, Verdict{State: fenced, Epoch: 2, Reason: query.ReasonNewerEpoch}},
		"an older hub":              {active, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(active, 1, earlier))}, Verdict{State: active, Epoch: 2}},
		"a copy beside it":          {active, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(deciding, 2, earlier))}, Verdict{State: active, Epoch: 2}},
		"a copy":                    {deciding, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(active, 2, later))}, Verdict{State: standby, Epoch: 2, Reason: query.ReasonOtherHub}},
		"of a state it cannot know": {deciding, Situation{Lead: Lead{Epoch: 2}, Others: others(peer("new", 2))}, Verdict{State: standby, Epoch: 2, Reason: query.ReasonOtherHub}},
		"restored beside it":        {deciding, Situation{Lead: claim, Quiet: true, Others: others(peer(active, 1))}, Verdict{State: standby, Epoch: 2, Reason: query.ReasonOtherHub}},
		"beside one that waits":     {deciding, Situation{Lead: claim, Quiet: true, Others: others(peer(standby, 2), peer(fenced, 1))}, Verdict{State: active, Epoch: 3}},
		"two that publish, first":   {active, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(active, 2, later))}, Verdict{State: active, Epoch: 2}},
		"two that publish, second":  {active, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(active, 2, earlier))}, Verdict{State: standby, Epoch: 2, Reason: query.ReasonOtherHub}},
		"two that start, first":     {deciding, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(deciding, 2, later))}, Verdict{State: active, Epoch: 2}},
		"two that start, second":    {deciding, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(deciding, 2, earlier))}, Verdict{State: standby, Epoch: 2, Reason: query.ReasonOtherHub}},
		"the restored gives way":    {deciding, Situation{Lead: Lead{Epoch: 2}, Others: others(peer(deciding, 2, earlier, claims))}, Verdict{State: active, Epoch: 2}},
		"and knows it":              {deciding, Situation{Lead: claim, Quiet: true, Others: others(peer(deciding, 2, later))}, Verdict{State: standby, Epoch: 2, Reason: query.ReasonOtherHub}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.s.Lead.Seen = max(tt.s.Lead.Seen, tt.s.Lead.Epoch)
			tt.s.Self = protocol.Presence{Instance: "self", Started: noon, State: tt.is, Epoch: tt.s.Lead.Epoch, Claim: tt.s.Lead.Claim}
			got := Judge(tt.s)
			got.Newest, got.Other = 0, protocol.Presence{}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
