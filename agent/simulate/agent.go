package simulate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent/blobs"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// simulated is the agent of one simulated cluster.
type simulated struct {
	name  string
	id    *credential.Identity
	bus   *nats.Session
	out   *report.Outbox
	box   *mailbox.Newest
	notes *notes
	count *counters
	self  protocol.Agent
	fetch *fetching

	mu       sync.Mutex // guards what follows
	cluster  cluster
	accepted orders.Accepted
	refused  *protocol.Refusal
	seq      uint64
	up       bool
	silent   bool
	told     string // the generation and the bad apps of the last NoteSettled
}

// newSimulated makes the agent of a cluster. token gives its join token.
func newSimulated(name string, vault credential.Vault, c Config, n *notes, count *counters) *simulated {
	log := slog.New(slog.DiscardHandler)
	sum := sha256.Sum256([]byte("simulated cluster " + name))
	uid := hex.EncodeToString(sum[:16])
	a := &simulated{name: name, id: credential.NewIdentity(vault, log), box: mailbox.NewNewest(), notes: n, count: count,
		cluster: cluster{delay: c.Delay}, self: protocol.Agent{Version: version.String(), Identity: "simulated",
			Started: time.Now(), Kubernetes: "simulated", Term: 1, ClusterUID: uid, Renames: true}}
	a.id.Here(uid)
	var token []byte // is asked for once, however often it is read
	a.bus = nats.New(nats.Config{Identity: a.id, TokenFile: "the hub's API", Log: log,
		Token: func(ctx context.Context) (_ []byte, err error) {
			if a.id.Joined() {
				return nil, errJoined
			}
			if token == nil {
				token, err = c.Token(ctx, name)
			}
			return token, err
		}})
	a.fetch = &fetching{}
	a.out = report.New(report.Config{Cluster: name, Bus: voice{a}, Log: log,
		Keep: func(context.Context, []byte) error { return nil }, End: func(error) {},
		Rest: func() {}, // a process with thousands of agents does not rest when one of them does
	}, time.Now())
	return a
}

// join has the agent join, unless it has, however long that takes.
func (a *simulated) join(ctx context.Context) error {
	if err := a.id.Load(ctx); err != nil {
		return fmt.Errorf("the credential of %s: %w", a.name, err)
	}
	if err := a.bus.Join(ctx); err != nil {
		return fmt.Errorf("%s does not join: %w; %s", a.name, err, a.bus.Trouble())
	}
	return nil
}

// run takes bundles and reports until ctx is done.
func (a *simulated) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	a.out.Record(protocol.Event{Kind: protocol.EventStarted, Message: "a simulated agent took charge"})
	wg.Go(func() { a.out.Run(ctx, a.report) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.box.Full:
			if sealed := a.box.Take(); sealed != nil {
				a.receive(ctx, sealed, wg.Go)
			}
		}
	}
}

// hold holds the session until ctx is done.
func (a *simulated) hold(ctx context.Context) {
	_ = a.bus.Run(ctx, a.box.Put, a.connected, a.asked) // what fails is tried again, and said by Trouble
}

func (a *simulated) connected(up bool) {
	a.mu.Lock()
	was := a.up
	a.up = up
	a.mu.Unlock()
	if was == up {
		return
	}
	kind, by := NoteOnline, int64(1)
	if !up {
		kind, by = NoteOffline, -1
	}
	a.count.online.Add(by)
	a.notes.write(Note{Time: time.Now(), Kind: kind, Cluster: a.name})
	a.out.Connected(up)
}

// asked follows what the hub asks, as an agent does.
func (a *simulated) asked(ask protocol.Ask) {
	switch ask.Kind {
	case protocol.AskJournal:
		a.out.Replay(ask.From, ask.To)
	case protocol.AskFetch:
		a.out.Changed(true)
	}
}

// receive accepts a bundle or refuses it, and has its blobs fetched.
func (a *simulated) receive(ctx context.Context, sealed []byte, start func(func())) {
	_, b, err := a.id.Open(sealed)
	a.mu.Lock()
	if err == nil {
		err = a.accepted.Check(b)
	}
	switch {
	case errors.Is(err, orders.ErrKnown):
		a.mu.Unlock()
		return
	case err != nil:
		a.refuse(b, err)
		a.mu.Unlock()
		if errors.Is(err, protocol.ErrNotSealed) {
			a.bus.Renew()
		}
		return
	}
	now := time.Now()
	a.accepted = orders.Accepted{Bundle: b, Digest: b.Digest(), Epoch: b.Epoch, Floor: b.Generation, Known: true}
	a.refused = nil
	todo := a.cluster.take(b, now)
	a.mu.Unlock()
	a.id.Reach(b.Epoch)
	if b.Trust != nil && credential.CheckTrust(*b.Trust) == nil {
		_ = a.id.Believe(ctx, *b.Trust) // the vault is in memory, or is written again with the next bundle
	}
	a.count.accepted.Add(1)
	a.notes.write(accepted(a.name, b, len(sealed), now))
	a.out.Record(protocol.Event{Kind: protocol.EventAccepted, Generation: b.Generation, Revision: b.Revision.Hash,
		Message: fmt.Sprintf("generation %d with %s", b.Generation, phrase.Count(len(b.Apps), "app"))})
	a.out.Changed(len(todo) == 0)
	if work := a.fetch.begin(ctx); len(todo) > 0 {
		start(func() { a.obtain(work, todo) })
	}
}

// accepted is the note of a bundle that was accepted.
func accepted(cluster string, b protocol.Bundle, bytes int, now time.Time) Note {
	n := Note{Time: now, Kind: NoteAccepted, Cluster: cluster, Epoch: b.Epoch, Generation: b.Generation,
		Revision: b.Revision.Hash, Bytes: bytes, Apps: make(map[string]string, len(b.Apps))}
	for _, app := range b.Apps {
		if app.Blob != nil {
			n.Apps[app.Name] = app.Blob.Digest
		}
	}
	return n
}

// refuse notes that a bundle was refused, and why. a.mu is held.
func (a *simulated) refuse(b protocol.Bundle, err error) {
	if a.refused != nil && a.refused.Reason == err.Error() {
		return
	}
	a.refused = &protocol.Refusal{Time: time.Now(), Generation: b.Generation, Reason: err.Error()}
	a.count.refused.Add(1)
	a.notes.write(Note{Time: a.refused.Time, Kind: NoteRefused, Cluster: a.name, Epoch: b.Epoch,
		Generation: b.Generation, Message: err.Error()})
	a.out.Record(protocol.Event{Kind: protocol.EventRefused, Revision: b.Revision.Hash, Message: err.Error()})
	a.out.Changed(true)
}

// obtain fetches blobs and applies them, until ctx is done: a newer bundle has come then.
func (a *simulated) obtain(ctx context.Context, todo []protocol.Blob) {
	pause := backoff.Backoff{Min: 100 * time.Millisecond, Max: 15 * time.Second}
	for len(todo) > 0 && ctx.Err() == nil {
		_, lines, err := blobs.Fetch(ctx, a.bus, todo[0])
		if err != nil {
			a.count.unfetched.Add(1)
			_ = pause.Wait(ctx, nil) // the loop ends then
			continue
		}
		a.apply(todo[0], lines)
		todo = todo[1:]
		pause.Reset()
	}
}

// apply applies what was fetched, and has it become healthy after the cluster's delay.
func (a *simulated) apply(blob protocol.Blob, lines []byte) {
	a.mu.Lock()
	applied, delay := a.cluster.apply(blob, lines, time.Now()), a.cluster.delay
	a.mu.Unlock()
	for _, name := range applied {
		a.record(protocol.EventApplied, name, phrase.Count(blob.Objects, "object")+" applied")
	}
	a.out.Changed(false)
	time.AfterFunc(delay, func() {
		for _, name := range applied {
			a.mu.Lock()
			is, was := a.cluster.settle(name, blob.Digest, time.Now())
			a.mu.Unlock()
			if was {
				a.changed(is)
			}
		}
	})
}

// changed tells that an app is healthy, or no longer.
func (a *simulated) changed(is protocol.AppReport) {
	kind := protocol.EventHealthy
	if is.Phase != protocol.PhaseHealthy {
		kind = protocol.EventDegraded
	}
	a.record(kind, is.Name, is.Message)
	a.out.Changed(true)
}

func (a *simulated) record(kind protocol.EventKind, app, message string) {
	a.mu.Lock()
	b := a.accepted.Bundle
	a.mu.Unlock()
	a.out.Record(protocol.Event{Kind: kind, App: app, Generation: b.Generation, Revision: b.Revision.Hash,
		Message: message})
}

// report is the account of the cluster, as JSON.
func (a *simulated) report() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	who, self := a.id.Credential(), a.self
	self.Trust, self.Expires = who.Trust.ID(), who.Expires
	a.seq++
	b := a.accepted.Bundle
	a.noteSettled()
	return report.Fit(protocol.Report{Version: protocol.Version, Cluster: a.name, Seq: a.seq, Time: time.Now(),
		Agent: self, Epoch: b.Epoch, Generation: b.Generation, Digest: a.accepted.Digest, Revision: b.Revision,
		Suspended: b.Suspend, Refused: a.refused, Apps: a.cluster.reports()})
}

// noteSettled notes that nothing is on its way, if that is news. a.mu is held.
func (a *simulated) noteSettled() {
	bad, rests := a.cluster.rests()
	b := a.accepted.Bundle
	is := fmt.Sprintf("%d/%d %s", b.Epoch, b.Generation, bad)
	if !rests || a.silent || !a.up || b.Generation == 0 || is == a.told {
		return
	}
	a.told = is
	a.notes.write(Note{Time: time.Now(), Kind: NoteSettled, Cluster: a.name, Epoch: b.Epoch,
		Generation: b.Generation, Bad: bad})
}

// follow follows an order that concerns what the cluster or the agent is like.
func (a *simulated) follow(o Order) {
	a.mu.Lock()
	changed := a.cluster.follow(o, time.Now())
	if o.Act == Silent || o.Act == Speak {
		a.silent = o.Act == Silent
	}
	a.mu.Unlock()
	for _, is := range changed {
		a.changed(is)
	}
	if o.Act == Speak {
		a.out.Changed(true)
	}
}

func (a *simulated) isSilent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.silent
}

// fetching is what an agent is fetching for a bundle, until it accepts the next one.
type fetching struct{ cancel context.CancelFunc }

// begin ends what is fetched for the bundle before. It belongs to the goroutine that accepts bundles.
func (f *fetching) begin(ctx context.Context) context.Context {
	if f.cancel != nil {
		f.cancel()
	}
	ctx, f.cancel = context.WithCancel(ctx)
	return ctx
}

// voice is the session as the outbox has it: of an agent that was told to be silent nothing gets out, and it does not
// know.
type voice struct{ *simulated }

// Report publishes a report.
func (v voice) Report(ctx context.Context, data []byte) error {
	if v.isSilent() {
		return nil
	}
	err := v.bus.Report(ctx, data)
	if err == nil {
		v.count.reports.Add(1)
	}
	return err
}

// Record publishes events to the journal.
func (v voice) Record(ctx context.Context, events [][]byte) error {
	if v.isSilent() {
		return nil
	}
	return v.bus.Record(ctx, events)
}
