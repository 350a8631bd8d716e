package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/model"
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

// fence is the hub's place among the hubs of the fleet. The loop alone touches it.
type fence struct {
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

// enter prepares the fence. A hub without Peers and Leads is alone and has no epoch.
func (h *Hub) enter() error {
	f := &h.fence
	host, _ := os.Hostname() // for people
	f.self = protocol.Presence{Instance: rand.Text(), Host: host, Started: time.Now(), State: protocol.HubDeciding}
	f.since, f.aliens = f.self.Started, map[string]uint64{}
	if h.Peers == nil || h.Leads == nil {
		f.known, f.self.State = true, protocol.HubActive
		return nil
	}
	var err error
	if f.lead, f.known, err = h.Leads.Lead(); err != nil {
		return fmt.Errorf("read the hub's store: %w", err)
	}
	if !f.known && len(h.records) > 0 { // of a release that is older than epochs
		f.known = true
	}
	h.stand(verdict{state: protocol.HubDeciding, reason: query.ReasonDeciding})
	return nil
}

// open says whether the hub publishes.
func (h *Hub) open() bool { return h.fence.self.State == protocol.HubActive }

// reckon takes in what the bus has. It decides what a directory without an epoch is: that of a new fleet, or a new
// one of a fleet that is there.
func (h *Hub) reckon(has Holdings) {
	f := &h.fence
	f.bus = 0
	for _, e := range has.Epochs {
		if e < maxEpoch {
			f.bus = max(f.bus, e)
		}
	}
	if f.skip = h.Peers.Alone() && len(has.Generations) > 0; f.known {
		return
	}
	f.known, f.lead.Claim = true, true
	if len(has.Generations) == 0 && len(h.Identities.Clusters()) == 0 {
		f.skip = true // a new fleet
		return
	}
	h.Log.Warn("this data directory has no epoch, and the fleet is older: this hub takes it over with a new one",
		"clusters", len(h.Identities.Clusters()), "bundles", len(has.Generations), "waits for other hubs", !f.skip)
}

// convene asks which other hubs there are, and decides whether this one publishes. has is what the bus has; without
// that a hub does not begin to.
func (h *Hub) convene(ctx context.Context, has *Holdings) error {
	f := &h.fence
	if h.Peers == nil || h.Leads == nil {
		return nil
	}
	if has != nil {
		h.reckon(*has)
	}
	for range 3 { // that it publishes is told before it does, and two hubs may do so at once
		f.self.Epoch, f.self.Claim = f.lead.Epoch, f.lead.Claim
		others, err := h.Peers.Meet(ctx, f.self)
		if err != nil {
			f.quiet = time.Time{} // nobody was there to answer
			return err
		}
		s := situation{self: f.self, lead: f.lead, others: others, bus: f.bus,
			reports: h.state.reported(h.believable()), force: h.TakeOver}
		_, rival := s.rival()
		switch {
		case rival:
			f.quiet, f.rivals = time.Time{}, true
		case f.quiet.IsZero():
			f.quiet = time.Now()
		}
		s.quiet = !rival && (f.skip && !f.rivals || time.Since(f.quiet) >= h.silence())
		v := judge(s)
		if f.ripe = v.state == protocol.HubActive && !h.open() && has == nil; f.ripe {
			return nil
		}
		before := f.self.State
		if err := h.enact(v); err != nil {
			return err
		}
		if f.self.State == before {
			return nil
		}
	}
	return nil
}

// compete decides whether this hub publishes, now that it is known what the bus has, and gives what the bus has then:
// a hub that begins to publish makes what is missing there.
func (h *Hub) compete(ctx context.Context, has Holdings) (Holdings, error) {
	acted := h.open()
	err := h.convene(ctx, &has)
	if err == nil && h.open() && !acted {
		has, err = h.Bus.Holdings(ctx)
	}
	h.fresh.bus = has.Revisions
	if err == nil && h.base != nil {
		err = h.inspect(ctx, h.base)
	}
	return has, err
}

// put gives the bus blobs and bundles, and says whether it did: if the bus was away, another hub may have begun to
// publish.
func (h *Hub) put(ctx context.Context, blobs []model.Packed, bundles []Delivery) (bool, error) {
	err := h.Bus.Put(ctx, blobs, bundles)
	if !errors.Is(err, ErrUnmet) {
		return err == nil, err
	}
	if err := h.convene(ctx, nil); err != nil || !h.open() {
		return false, err
	}
	err = h.Bus.Put(ctx, blobs, bundles)
	return err == nil, err
}

func (h *Hub) silence() time.Duration {
	if h.Silence > 0 {
		return h.Silence
	}
	return Silence
}

// enact remembers a verdict and does what it says.
func (h *Hub) enact(v verdict) error {
	f := &h.fence
	lead := f.lead
	lead.Seen = max(lead.Seen, v.newest)
	switch v.state {
	case protocol.HubActive:
		lead.Epoch, lead.Claim = v.epoch, false
	case protocol.HubStandby:
		lead.Claim = true
	}
	lead.Seen = max(lead.Seen, lead.Epoch)
	if lead != f.lead && (lead.Epoch > 0 || lead.Claim || lead.Seen > 0) {
		if err := h.Leads.SaveLead(lead); err != nil {
			return err
		}
	}
	if v.state == protocol.HubActive {
		h.TakeOver = false // it was said once, for what there was then
	}
	if lead.Epoch > f.lead.Epoch {
		h.Log.Info("this hub publishes with a new epoch", "epoch", lead.Epoch, "before", f.lead.Epoch)
		f.took, f.raised = time.Now(), 0
	}
	f.lead = lead
	h.stand(v)
	h.Peers.Serve(h.open(), lead.Epoch)
	return nil
}

// stand takes a place, and shows it.
func (h *Hub) stand(v verdict) {
	f := &h.fence
	changed := f.self.State != v.state
	if f.self.State = v.state; changed {
		f.since = time.Now()
	}
	if changed && v.state == protocol.HubActive {
		h.delayAll()
	}
	var w *query.Withheld
	if !h.open() {
		w = &query.Withheld{Reason: v.reason, Message: f.explain(v, h.silence()), Since: f.since}
		if v.reason != query.ReasonDeciding {
			w.Command = takeOverCommand
		}
	}
	if changed && w != nil {
		h.Log.Warn("this hub publishes nothing", "reason", w.Reason, "why", w.Message, "command", w.Command)
	}
	status := HubStatus{State: v.state, Epoch: f.lead.Epoch, Instance: f.self.Instance, Since: f.since}
	if f.shown = w; h.state.Source().Hub != status || !h.withheldFromAll().Same(h.state.Source().Withheld) {
		h.state.edit(func(_ *query.Index, s *SourceStatus) { s.Hub, s.Withheld = status, h.withheldFromAll() })
	}
}

// explain says what a hub that does not publish waits for.
func (f *fence) explain(v verdict, silence time.Duration) string {
	other := "another hub"
	if v.other.Instance != "" {
		other = fmt.Sprintf("the hub %.8s on %.80s, which runs since %s,", v.other.Instance, v.other.Host,
			v.other.Started.UTC().Format(time.RFC3339))
	}
	switch v.reason {
	case query.ReasonOtherHub:
		return fmt.Sprintf("%s publishes for this fleet; this hub follows Git, and takes over with a new epoch "+
			"when no other hub has answered for %s", other, silence)
	case query.ReasonNewerEpoch:
		return fmt.Sprintf("%s has taken the fleet over with epoch %d, and this hub has epoch %d; "+
			"agents refuse what it would publish", other, v.newest, f.lead.Epoch)
	case query.ReasonTakingOver:
		return fmt.Sprintf("its data directory is new, was restored or may be older than the fleet, so it takes over "+
			"when no other hub has answered for %s", silence)
	}
	return "it has not found out yet which other hubs there are"
}

// believable is the newest epoch that an agent is believed to have accepted: one that lies must not hide what others say.
func (h *Hub) believable() uint64 {
	f := &h.fence
	if h.TakeOver {
		return maxEpoch
	}
	return max(f.lead.Epoch, f.lead.Seen, f.bus) + maxReported
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

// tick looks for other hubs, and goes on with what waits for time to pass.
func (h *Hub) tick(ctx context.Context) error {
	defer h.arm()
	if err := h.convene(ctx, nil); err != nil {
		if ctx.Err() == nil {
			h.Log.Debug("other hubs cannot be asked for; they are when NATS is back", "err", err)
		}
		return nil
	}
	if h.fence.ripe {
		return h.reconcile(ctx)
	}
	return h.catchUp(ctx)
}

// arm sets when tick is due next.
func (h *Hub) arm() {
	d := time.Duration(0)
	switch {
	case h.Peers == nil || h.Leads == nil:
	case !h.open():
		d = min(backPace, h.silence()/2)
	case !h.Peers.Alone():
		d = peerPace
	}
	if at := h.fresh.due(); !at.IsZero() && (d == 0 || time.Until(at) < d) {
		d = max(time.Until(at), time.Millisecond)
	}
	if h.wake = nil; d > 0 {
		h.wake = time.After(d)
	}
}

// Peer implements Listener. What another hub says of itself is looked into if it could keep this one from publishing,
// or has published.
func (l listener) Peer(p protocol.Presence) {
	if p.State == protocol.HubDeciding || p.State == protocol.HubStandby {
		return
	}
	l.h.do(func(ctx context.Context) error {
		f := &l.h.fence
		if !l.h.open() || p.Epoch < f.lead.Epoch && p.State == protocol.HubFenced {
			return nil
		}
		if p.Epoch < f.lead.Epoch { // it may have published before it learned of this one
			return l.h.reconcile(ctx)
		}
		err := l.h.convene(ctx, nil)
		if err != nil && ctx.Err() == nil {
			l.h.Log.Debug("another hub is there, and cannot be asked what it does", "err", err)
		}
		return nil
	})
}

// mayRaise says whether an agent's word raises the epoch.
func (f *fence) mayRaise(epoch uint64) bool {
	return time.Since(f.took) < raiseTime && f.raised < maxRaises && epoch-f.lead.Epoch <= maxReported
}

// alien takes in the epoch that a cluster's agent reports. A newer one than this hub's keeps it from publishing for
// that cluster, and for no other: an agent's word must not stop the fleet.
func (h *Hub) alien(ctx context.Context, cluster string, epoch uint64) error {
	f := &h.fence
	_, was := f.aliens[cluster]
	switch {
	case epoch <= f.lead.Epoch:
		delete(f.aliens, cluster)
		if was {
			return h.catchUp(ctx)
		}
		return nil
	case was && f.aliens[cluster] == epoch:
		return nil
	case h.open() && h.Leads != nil && f.mayRaise(epoch):
		raised := f.raised + 1
		err := h.enact(verdict{state: protocol.HubActive, epoch: epoch + 1, newest: f.lead.Seen})
		f.raised = raised
		h.delayAll()
		return errors.Join(err, h.catchUp(ctx))
	}
	f.aliens[cluster] = epoch
	if h.open() {
		h.Log.Warn("the agent has accepted a bundle of a newer epoch, so nothing is published for its cluster",
			"cluster", cluster, "epoch", epoch, "own", f.lead.Epoch, "command", takeOverCommand)
	}
	h.withhold(cluster)
	return nil
}
