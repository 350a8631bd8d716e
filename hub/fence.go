package hub

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/epoch"
	"github.com/drover-dev/drover/protocol"
)

const (
	// Silence is how long no other hub may answer before one whose data directory is new or restored takes the fleet
	// over.
	Silence = 10 * time.Second
	// backPace and peerPace are how often a hub that does not publish, and one that does, looks for others.
	backPace = 2 * time.Second
	peerPace = 15 * time.Second
	// raiseTime is how long after it took over a hub raises its epoch above what an agent reports, and maxRaises how
	// often: agents that come back late may know a newer one than anybody else.
	raiseTime = time.Minute
	maxRaises = 3
)

// takeOverCommand is the way back for a hub that stands back.
const takeOverCommand = "stop the other hub, and start this one once with `drover hub --take-over`"

// fence is the hub's place among the hubs of the fleet: whether it publishes, and with which epoch. The loop alone
// touches it. What it is told as stale is what else keeps the hub from publishing, for what it shows.
type fence struct {
	peers      Peers // nil, as leads, of a hub that is alone
	leads      Leads
	identities Credentials
	state      *State
	log        *slog.Logger
	pause      time.Duration // see Silence
	force      bool          // a person said that this hub takes the fleet over, whichever other there is

	self   protocol.Presence
	lead   Lead
	known  bool // lead was saved once, or is what an older release left
	bus    uint64
	quiet  time.Time // since when no other hub has answered; zero if one does, or none was asked for
	skip   bool      // nobody has to be waited for
	rivals bool      // another hub went first once, so that one may be there again
	ripe   bool      // it would publish, but for what the bus has, which is to be read first
	since  time.Time // in this state since
	took   time.Time // when it took the fleet over in this process
	raised int
	aliens map[string]uint64 // clusters whose agents have accepted a newer epoch
	shown  *query.Withheld   // why it does not publish; nil if it does
}

// newFence prepares the place of a hub. One without Peers and Leads is alone and has no epoch. older says that the
// store has records, though they may be of a release that is older than epochs.
func newFence(s Settings, state *State, older bool) (*fence, error) {
	host, _ := os.Hostname() // for people
	f := &fence{peers: s.Peers, leads: s.Leads, identities: s.Identities, state: state, log: s.Log, pause: s.Silence,
		force: s.TakeOver, aliens: map[string]uint64{},
		self: protocol.Presence{Instance: rand.Text(), Host: host, Started: time.Now(), State: protocol.HubDeciding}}
	if f.pause <= 0 {
		f.pause = Silence
	}
	f.since = f.self.Started
	if f.alone() {
		f.known, f.self.State = true, protocol.HubActive
		return f, nil
	}
	var err error
	if f.lead, f.known, err = f.leads.Lead(); err != nil {
		return nil, fmt.Errorf("read the hub's store: %w", err)
	}
	f.known = f.known || older
	f.stand(epoch.Verdict{State: protocol.HubDeciding, Reason: query.ReasonDeciding}, nil)
	return f, nil
}

// alone says whether there can be no other hub.
func (f *fence) alone() bool { return f.peers == nil || f.leads == nil }

// open says whether the hub publishes.
func (f *fence) open() bool { return f.self.State == protocol.HubActive }

// epoch is that of the bundles that the hub publishes.
func (f *fence) epoch() uint64 { return f.lead.Epoch }

// tookOver says whether the hub took the fleet over in this process.
func (f *fence) tookOver() bool { return !f.took.IsZero() }

// reckon takes in what the bus has. It decides what a directory without an epoch is: that of a new fleet, or a new
// one of a fleet that is there.
func (f *fence) reckon(has Holdings) {
	f.bus = 0
	for _, e := range has.Epochs {
		if e < epoch.Max {
			f.bus = max(f.bus, e)
		}
	}
	if f.skip = f.peers.Alone() && len(has.Generations) > 0; f.known {
		return
	}
	f.known, f.lead.Claim = true, true
	if len(has.Generations) == 0 && len(f.identities.Clusters()) == 0 {
		f.skip = true // a new fleet
		return
	}
	f.log.Warn("this data directory has no epoch, and the fleet is older: this hub takes it over with a new one",
		"clusters", len(f.identities.Clusters()), "bundles", len(has.Generations), "waits for other hubs", !f.skip)
}

// convene asks which other hubs there are, and decides whether this one publishes. has is what the bus has; without
// that a hub does not begin to. It says whether the hub began to publish.
func (f *fence) convene(ctx context.Context, has *Holdings, stale *query.Withheld) (began bool, err error) {
	if f.alone() {
		return false, nil
	}
	if has != nil {
		f.reckon(*has)
	}
	for range 3 { // that it publishes is told before it does, and two hubs may do so at once
		f.self.Epoch, f.self.Claim = f.lead.Epoch, f.lead.Claim
		others, err := f.peers.Meet(ctx, f.self)
		if err != nil {
			f.quiet = time.Time{} // nobody was there to answer
			return began, err
		}
		s := epoch.Situation{Self: f.self, Lead: f.lead, Others: others, Bus: f.bus,
			Reports: f.state.reported(f.believable()), Force: f.force}
		_, rival := s.Rival()
		switch {
		case rival:
			f.quiet, f.rivals = time.Time{}, true
		case f.quiet.IsZero():
			f.quiet = time.Now()
		}
		s.Quiet = !rival && (f.skip && !f.rivals || time.Since(f.quiet) >= f.pause)
		v := epoch.Judge(s)
		if f.ripe = v.State == protocol.HubActive && !f.open() && has == nil; f.ripe {
			return began, nil
		}
		before := f.self.State
		begins, err := f.enact(v, stale)
		if began = began || begins; err != nil {
			return began, err
		}
		if f.self.State == before {
			return began, nil
		}
	}
	return began, nil
}

// enact remembers a verdict and does what it says. It says whether the hub began to publish.
func (f *fence) enact(v epoch.Verdict, stale *query.Withheld) (began bool, err error) {
	lead := f.lead
	lead.Seen = max(lead.Seen, v.Newest)
	switch v.State {
	case protocol.HubActive:
		lead.Epoch, lead.Claim = v.Epoch, false
	case protocol.HubStandby:
		lead.Claim = true
	}
	lead.Seen = max(lead.Seen, lead.Epoch)
	if lead != f.lead && (lead.Epoch > 0 || lead.Claim || lead.Seen > 0) {
		if err := f.leads.SaveLead(lead); err != nil {
			return false, err
		}
	}
	if v.State == protocol.HubActive {
		f.force = false // it was said once, for what there was then
	}
	if lead.Epoch > f.lead.Epoch {
		f.log.Info("this hub publishes with a new epoch", "epoch", lead.Epoch, "before", f.lead.Epoch)
		f.took, f.raised = time.Now(), 0
	}
	f.lead = lead
	began = f.stand(v, stale)
	f.peers.Serve(f.open(), lead.Epoch)
	return began, nil
}

// stand takes a place, and shows it. It says whether the hub began to publish.
func (f *fence) stand(v epoch.Verdict, stale *query.Withheld) (began bool) {
	changed := f.self.State != v.State
	if f.self.State = v.State; changed {
		f.since = time.Now()
	}
	var w *query.Withheld
	if !f.open() {
		w = &query.Withheld{Reason: v.Reason, Message: f.explain(v), Since: f.since}
		if v.Reason != query.ReasonDeciding {
			w.Command = takeOverCommand
		}
	}
	if changed && w != nil {
		f.log.Warn("this hub publishes nothing", "reason", w.Reason, "why", w.Message, "command", w.Command)
	}
	status := HubStatus{State: v.State, Epoch: f.lead.Epoch, Instance: f.self.Instance, Since: f.since}
	f.shown = w
	if f.open() {
		w = stale
	}
	if was := f.state.Source(); was.Hub != status || !w.Same(was.Withheld) {
		f.state.edit(func(_ *query.Index, s *SourceStatus) { s.Hub, s.Withheld = status, w })
	}
	return changed && f.open()
}

// explain says what a hub that does not publish waits for.
func (f *fence) explain(v epoch.Verdict) string {
	other := "another hub"
	if v.Other.Instance != "" {
		other = fmt.Sprintf("the hub %.8s on %.80s, which runs since %s,", v.Other.Instance, v.Other.Host,
			v.Other.Started.UTC().Format(time.RFC3339))
	}
	switch v.Reason {
	case query.ReasonOtherHub:
		return fmt.Sprintf("%s publishes for this fleet; this hub follows Git, and takes over with a new epoch "+
			"when no other hub has answered for %s", other, f.pause)
	case query.ReasonNewerEpoch:
		return fmt.Sprintf("%s has taken the fleet over with epoch %d, and this hub has epoch %d; "+
			"agents refuse what it would publish", other, v.Newest, f.lead.Epoch)
	case query.ReasonTakingOver:
		return fmt.Sprintf("its data directory is new, was restored or may be older than the fleet, so it takes over "+
			"when no other hub has answered for %s", f.pause)
	}
	return "it has not found out yet which other hubs there are"
}

// believable is the newest epoch that an agent is believed to have accepted: one that lies must not hide what others
// say.
func (f *fence) believable() uint64 {
	if f.force {
		return epoch.Max
	}
	return max(f.lead.Epoch, f.lead.Seen, f.bus) + epoch.MaxReported
}

// reported is the newest epoch up to a limit that any agent has reported.
func (s *State) reported(limit uint64) (newest uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.index.All() {
		if c.Report != nil && c.Report.Epoch <= limit {
			newest = max(newest, c.Report.Epoch)
		}
	}
	return newest
}

// mayRaise says whether an agent's word raises the epoch.
func (f *fence) mayRaise(newer uint64) bool {
	return time.Since(f.took) < raiseTime && f.raised < maxRaises && newer-f.lead.Epoch <= epoch.MaxReported
}

// foreign says why nothing is published for a cluster whose agent has accepted a newer epoch; nil if that is not so.
func (f *fence) foreign(cluster string) *query.Withheld {
	epoch := f.aliens[cluster]
	if epoch <= f.lead.Epoch {
		return nil
	}
	return &query.Withheld{Reason: query.ReasonAgentEpoch, Since: time.Now(), Command: takeOverCommand,
		Message: fmt.Sprintf("its agent has accepted a bundle of epoch %d from another hub, and this hub has epoch %d",
			epoch, f.lead.Epoch)}
}

// heard takes in the epoch that a cluster's agent reports. fits says that it is none that keeps this hub from
// publishing for the cluster any more, rises that the hub has a newer epoch now, news that nothing is published for the
// cluster from now on.
func (f *fence) heard(cluster string, newer uint64, stale *query.Withheld) (fits, rises, news bool, err error) {
	before, was := f.aliens[cluster]
	switch {
	case newer <= f.lead.Epoch:
		delete(f.aliens, cluster)
		return was, false, false, nil
	case was && before == newer:
		return false, false, false, nil
	case f.open() && f.leads != nil && f.mayRaise(newer):
		raised := f.raised + 1
		_, err := f.enact(epoch.Verdict{State: protocol.HubActive, Epoch: newer + 1, Newest: f.lead.Seen}, stale)
		f.raised = raised
		return false, true, false, err
	}
	f.aliens[cluster] = newer
	if f.open() {
		f.log.Warn("the agent has accepted a bundle of a newer epoch, so nothing is published for its cluster",
			"cluster", cluster, "epoch", newer, "own", f.lead.Epoch, "command", takeOverCommand)
	}
	return false, false, true, nil
}

// advance has all that is published from now on take precedence over all that was published so far.
func (f *fence) advance(stale *query.Withheld) error {
	if f.leads == nil || !f.open() {
		return fmt.Errorf("this hub cannot begin a new epoch: %w", ErrStandsBack)
	}
	_, err := f.enact(epoch.Verdict{State: protocol.HubActive, Epoch: max(f.lead.Epoch, f.lead.Seen) + 1,
		Newest: f.lead.Seen}, stale)
	return err
}

// pace is how often the hub looks for others; 0 for never.
func (f *fence) pace() time.Duration {
	switch {
	case f.alone():
		return 0
	case !f.open():
		return min(backPace, f.pause/2)
	case !f.peers.Alone():
		return peerPace
	}
	return 0
}
