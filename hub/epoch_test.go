package hub

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
		s    situation
		want verdict
	}{
		"a restart":                 {deciding, situation{lead: Lead{Epoch: 2}}, verdict{state: active, epoch: 2}},
		"a restart, with its own":   {deciding, situation{lead: Lead{Epoch: 2}, bus: 2, reports: 2}, verdict{state: active, epoch: 2}},
		"of before epochs":          {deciding, situation{}, verdict{state: active}},
		"a new fleet":               {deciding, situation{lead: Lead{Claim: true}, quiet: true}, verdict{state: active, epoch: 1}},
		"restored, just now":        {deciding, situation{lead: claim}, verdict{state: deciding, epoch: 2, reason: query.ReasonTakingOver}},
		"restored, and quiet":       {deciding, situation{lead: claim, quiet: true}, verdict{state: active, epoch: 3}},
		"restored, and forced":      {deciding, situation{lead: claim, force: true}, verdict{state: active, epoch: 3}},
		"above the bus":             {deciding, situation{lead: claim, quiet: true, bus: 7}, verdict{state: active, epoch: 8}},
		"above what agents have":    {deciding, situation{lead: claim, quiet: true, bus: 3, reports: 9}, verdict{state: active, epoch: 10}},
		"not above lies":            {deciding, situation{lead: claim, quiet: true, bus: 1 << 60, reports: 1 << 50}, verdict{state: active, epoch: 3}},
		"a lie does not fence":      {active, situation{lead: Lead{Epoch: 2}, reports: 3, bus: 1 << 60}, verdict{state: active, epoch: 2}},
		"a newer epoch on the bus":  {deciding, situation{lead: Lead{Epoch: 2}, bus: 3}, verdict{state: fenced, epoch: 2, reason: query.ReasonNewerEpoch}},
		"one that was seen":         {deciding, situation{lead: Lead{Epoch: 2, Seen: 3}}, verdict{state: fenced, epoch: 2, reason: query.ReasonNewerEpoch}},
		"the way back":              {deciding, situation{lead: Lead{Epoch: 2, Seen: 3}, force: true}, verdict{state: active, epoch: 4}},
		"a flag that was left":      {deciding, situation{lead: Lead{Epoch: 2}, force: true}, verdict{state: active, epoch: 2}},
		"a newer hub":               {active, situation{lead: Lead{Epoch: 2}, others: others(peer(active, 3))}, verdict{state: fenced, epoch: 2, reason: query.ReasonNewerEpoch}},
		"an older hub":              {active, situation{lead: Lead{Epoch: 2}, others: others(peer(active, 1, earlier))}, verdict{state: active, epoch: 2}},
		"a copy beside it":          {active, situation{lead: Lead{Epoch: 2}, others: others(peer(deciding, 2, earlier))}, verdict{state: active, epoch: 2}},
		"a copy":                    {deciding, situation{lead: Lead{Epoch: 2}, others: others(peer(active, 2, later))}, verdict{state: standby, epoch: 2, reason: query.ReasonOtherHub}},
		"of a state it cannot know": {deciding, situation{lead: Lead{Epoch: 2}, others: others(peer("new", 2))}, verdict{state: standby, epoch: 2, reason: query.ReasonOtherHub}},
		"restored beside it":        {deciding, situation{lead: claim, quiet: true, others: others(peer(active, 1))}, verdict{state: standby, epoch: 2, reason: query.ReasonOtherHub}},
		"beside one that waits":     {deciding, situation{lead: claim, quiet: true, others: others(peer(standby, 2), peer(fenced, 1))}, verdict{state: active, epoch: 3}},
		"two that publish, first":   {active, situation{lead: Lead{Epoch: 2}, others: others(peer(active, 2, later))}, verdict{state: active, epoch: 2}},
		"two that publish, second":  {active, situation{lead: Lead{Epoch: 2}, others: others(peer(active, 2, earlier))}, verdict{state: standby, epoch: 2, reason: query.ReasonOtherHub}},
		"two that start, first":     {deciding, situation{lead: Lead{Epoch: 2}, others: others(peer(deciding, 2, later))}, verdict{state: active, epoch: 2}},
		"two that start, second":    {deciding, situation{lead: Lead{Epoch: 2}, others: others(peer(deciding, 2, earlier))}, verdict{state: standby, epoch: 2, reason: query.ReasonOtherHub}},
		"the restored gives way":    {deciding, situation{lead: Lead{Epoch: 2}, others: others(peer(deciding, 2, earlier, claims))}, verdict{state: active, epoch: 2}},
		"and knows it":              {deciding, situation{lead: claim, quiet: true, others: others(peer(deciding, 2, later))}, verdict{state: standby, epoch: 2, reason: query.ReasonOtherHub}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.s.lead.Seen = max(tt.s.lead.Seen, tt.s.lead.Epoch)
			tt.s.self = protocol.Presence{Instance: "self", Started: noon, State: tt.is, Epoch: tt.s.lead.Epoch, Claim: tt.s.lead.Claim}
			got := judge(tt.s)
			got.newest, got.other = 0, protocol.Presence{}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestTheBrakeHoldsWhatIsNotNew(t *testing.T) {
	t.Parallel()
	var b brake
	now := noon
	passed := func(commit string, tries int) (n int) {
		for range tries {
			if !b.note(commit, now) {
				n++
			}
			now = now.Add(100 * time.Millisecond)
		}
		return n
	}
	if n := passed("one", 50); n != floodCount {
		t.Errorf("%d generations of one commit went through", n)
	}
	if n := passed("two", 5); n != 5 {
		t.Errorf("%d of 5 generations of another commit went through", n)
	}
	if n := passed("two", 50); n != floodCount-5 {
		t.Errorf("%d more went through", n)
	}
	first := b.until
	if now = first; passed("two", 50) != floodCount {
		t.Error("after the pause nothing goes through")
	}
	if second := b.until.Sub(first); second < 2*floodPause {
		t.Errorf("the second pause is over %s after the first", second)
	}
	var slow brake
	for i := range 100 {
		if slow.note("one", noon.Add(time.Duration(i)*10*time.Second)) {
			t.Fatal("six generations a minute are too many")
		}
	}
}
