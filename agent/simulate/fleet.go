package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent/credential"
)

// Config is what simulated agents are made of.
type Config struct {
	// Token gives a join token for a cluster.
	Token func(ctx context.Context, cluster string) ([]byte, error)
	Vault func(cluster string) credential.Vault // where the credential of a cluster is kept
	Notes io.Writer                             // gets a Note a line; nil for nobody
	Delay time.Duration                         // until an app is healthy; orders may change it
}

// errJoined is what the join token of an agent that has joined reads as.
var errJoined = fmt.Errorf("it has joined: %w", fs.ErrNotExist)

// counters are what all agents did.
type counters struct{ joined, online, accepted, refused, reports, unfetched atomic.Int64 }

// Counts are how many agents there are, and what they did so far.
type Counts struct {
	Agents, Joined, Online int
	Accepted, Refused      int // bundles
	Reports                int
	Unfetched              int // blobs that could not be fetched, and were tried again
}

// String tells of them in a line.
func (c Counts) String() string {
	return fmt.Sprintf("%d of %d joined, %d connected; %d bundles accepted, %d refused; %d reports; %d blobs tried again",
		c.Joined, c.Agents, c.Online, c.Accepted, c.Refused, c.Reports, c.Unfetched)
}

// Fleet is the simulated agents of one process. It is safe for concurrent use.
type Fleet struct {
	c      Config
	notes  *notes
	count  counters
	ctx    context.Context // of all agents
	cancel context.CancelFunc
	wg     sync.WaitGroup
	rate   *rate

	mu     sync.Mutex // guards what follows
	agents map[string]*member
}

// member is an agent of the fleet, with its session.
type member struct {
	*simulated
	hangUp func() // closes the session, and waits for that; nil while it is offline
}

// New makes a fleet without agents.
func New(c Config) *Fleet {
	f := &Fleet{c: c, notes: newNotes(c.Notes), agents: map[string]*member{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.rate = &rate{next: f.some, news: make(chan int, 1)}
	f.wg.Go(func() { f.rate.run(f.ctx) })
	return f
}

// Close ends all agents, and waits until they have.
func (f *Fleet) Close() {
	f.cancel()
	f.wg.Wait()
	f.notes.flush()
}

// Add has the agent of a cluster join, unless it has, and keeps it until Close.
func (f *Fleet) Add(ctx context.Context, cluster string) error {
	a := newSimulated(cluster, f.c.Vault(cluster), f.c, f.notes, &f.count)
	f.mu.Lock()
	_, twice := f.agents[cluster]
	if !twice {
		f.agents[cluster] = &member{simulated: a}
	}
	f.mu.Unlock()
	if twice {
		return fmt.Errorf("cluster %s is simulated already", cluster)
	}
	if err := a.join(ctx); err != nil {
		return err
	}
	f.count.joined.Add(1)
	f.wg.Go(func() { a.run(f.ctx) })
	f.online(cluster)
	return nil
}

// online opens the session of an agent, unless it is open.
func (f *Fleet) online(cluster string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.agents[cluster]
	if m.hangUp != nil || f.ctx.Err() != nil || !m.id.Joined() {
		return
	}
	ctx, cancel := context.WithCancel(f.ctx)
	done := make(chan struct{})
	f.wg.Go(func() {
		defer close(done)
		m.hold(ctx)
	})
	m.hangUp = func() {
		cancel()
		<-done
	}
}

// offline closes the session of an agent, unless it is closed.
func (f *Fleet) offline(cluster string) {
	f.mu.Lock()
	m := f.agents[cluster]
	hangUp := m.hangUp
	m.hangUp = nil
	f.mu.Unlock()
	if hangUp != nil {
		hangUp()
	}
}

// named are the agents that a pattern chooses, by name.
func (f *Fleet) named(p Pattern) []*member {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*member
	for name, m := range f.agents {
		if p.Has(name) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *member) int { return strings.Compare(a.name, b.name) })
	return out
}

// errNobody says that an order is for clusters of other processes, or for none.
var errNobody = errors.New("none of the clusters that are simulated here is among those of the order")

// Do has an order followed. It returns when all agents follow it; sessions that are to be opened take longer.
func (f *Fleet) Do(o Order) error {
	who := f.named(o.Clusters)
	switch {
	case len(who) == 0:
		return errNobody
	case o.Act == Reports:
		f.rate.set(o.Rate)
	}
	var wg sync.WaitGroup
	for _, m := range who {
		switch o.Act {
		case Online:
			f.online(m.name)
		case Offline:
			wg.Go(func() { f.offline(m.name) })
		default:
			m.follow(o)
		}
	}
	wg.Wait()
	return nil
}

// Note writes a note of an order that is in force, behind what the agents wrote before.
func (f *Fleet) Note(message string) {
	f.notes.write(Note{Time: time.Now(), Kind: NoteOrder, Message: message})
}

// Counts says what there is and what was done.
func (f *Fleet) Counts() Counts {
	f.mu.Lock()
	n := len(f.agents)
	f.mu.Unlock()
	is := func(c *atomic.Int64) int { return int(c.Load()) }
	return Counts{Agents: n, Joined: is(&f.count.joined), Online: is(&f.count.online), Accepted: is(&f.count.accepted),
		Refused: is(&f.count.refused), Reports: is(&f.count.reports), Unfetched: is(&f.count.unfetched)}
}

// some has up to n agents report, those after the ones of the last time.
func (f *Fleet) some(from, n int) {
	all := f.named(nil)
	for i := range min(n, len(all)) {
		all[(from+i)%len(all)].out.Changed(true)
	}
}

// rate has agents report in turn, so many a second.
type rate struct {
	next func(from, n int)
	news chan int // the newest number
}

func (r *rate) set(perSecond int) {
	select {
	case <-r.news:
	default:
	}
	r.news <- perSecond
}

// rateGap is how often some agents are told to report.
const rateGap = 50 * time.Millisecond

func (r *rate) run(ctx context.Context) {
	tick := time.NewTicker(rateGap)
	defer tick.Stop()
	perSecond, sent, begun := 0, 0, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case perSecond = <-r.news:
			sent, begun = 0, time.Now()
		case now := <-tick.C:
			if due := int(now.Sub(begun).Seconds() * float64(perSecond)); due > sent {
				r.next(sent, due-sent)
				sent = due
			}
		}
	}
}
