package limits

import (
	"maps"
	"sync"
	"time"
)

// What agents ask the servers for, such as Direct Get, the hub does not see. It asks the servers how many messages came
// from agents and how many bytes they got: first about all of them together, and only if that is much, about each
// connection.
const (
	// requestBurst is how many messages one cluster may send at once, and requestRate how many a second it may go on
	// with. An agent that has just joined asks for each chunk of its apps.
	requestBurst, requestRate = 50_000, 100
	// readBurst is how many bytes a cluster may get at once, and readRate how many a second it may go on with.
	readBurst, readRate = 4 << 30, 4 << 20
	// dialCost is how many messages a connection counts for.
	dialCost = 100
	// While all agents together send less than busyRequests a second, and get less than busyBytes, none of them floods.
	busyRequests, busyBytes = 200, 8 << 20
)

// Traffic is what went over connections: messages that came from there, and bytes that went there.
type Traffic struct {
	Messages, Bytes int64
}

func (t Traffic) since(before Traffic) Traffic {
	return Traffic{t.Messages - before.Messages, t.Bytes - before.Bytes}
}

// allowance is what a user may still send and get.
type allowance struct {
	left Traffic
	at   time.Time
}

// take takes what went over a user's connections since the last time, and says whether that was too much.
func (a *allowance) take(t Traffic, at time.Time) bool {
	if since := at.Sub(a.at).Seconds(); since > 0 {
		a.left.Messages += int64(since * requestRate)
		a.left.Bytes += int64(since * readRate)
		a.at = at
	}
	a.left = a.left.since(t)
	tooMuch := a.left.Messages < 0 || a.left.Bytes < 0
	if tooMuch { // it is cut off, and begins again
		a.left = Traffic{requestBurst, readBurst}
	}
	a.left.Messages, a.left.Bytes = min(a.left.Messages, requestBurst), min(a.left.Bytes, readBurst)
	return tooMuch
}

// Meter counts what goes over the connections of agents and of those who join. It is safe for concurrent use.
type Meter struct {
	mu      sync.Mutex
	total   map[string]Traffic    // by server: of all agents, when it was asked last
	at      time.Time             // of that
	looked  time.Time             // when connections were looked at last; zero before the first time
	seen    map[string]Traffic    // by connection: what was counted
	allowed map[string]*allowance // by user
}

// NewMeter returns a Meter that knows of no connection.
func NewMeter() *Meter {
	return &Meter{total: map[string]Traffic{}, seen: map[string]Traffic{}, allowed: map[string]*allowance{}}
}

// Busy takes in what all agents have sent and got by now, by server, and says whether one of them may be flooding.
func (m *Meter) Busy(total map[string]Traffic, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum Traffic
	for server, t := range total {
		if before, known := m.total[server]; known {
			t = t.since(before)
		}
		sum.Messages, sum.Bytes = sum.Messages+t.Messages, sum.Bytes+t.Bytes
	}
	seconds, first := now.Sub(m.at).Seconds(), m.at.IsZero()
	m.total, m.at = total, now
	if pages := len(m.seen)/PageSize + 1; now.Sub(m.looked) < time.Duration(pages)*LookPause/2 {
		return false // to look at many takes long
	}
	return first || float64(sum.Messages) > seconds*busyRequests || float64(sum.Bytes) > seconds*busyBytes
}

// Look takes in all connections, and gives the users that flood.
func (m *Meter) Look(found []Connection, now time.Time) (floods []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen, first := make(map[string]Traffic, len(found)), m.looked.IsZero()
	for _, c := range found {
		t, key := c.traffic(), c.Key()
		before, known := m.seen[key]
		seen[key] = t
		if first && !known {
			continue // it may have come long before
		}
		if m.take(c.Client.User, t.since(before), now) {
			floods = append(floods, c.Client.User)
		}
	}
	m.seen, m.looked = seen, now
	maps.DeleteFunc(m.allowed, func(_ string, a *allowance) bool { return now.Sub(a.at) > time.Hour }) // who is gone
	return floods
}

// Came takes in a new connection, and says whether its user has too many of them.
func (m *Meter) Came(c Connection, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.take(c.Client.User, Traffic{Messages: dialCost}, now)
}

// Went takes in that a connection ended, and says whether too much went over it.
func (m *Meter) Went(c Connection, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := c.Key()
	before, known := m.seen[key]
	delete(m.seen, key)
	if !known && (m.looked.IsZero() || c.Client.Start.Before(m.looked)) {
		return false // most of it may have gone long ago
	}
	return m.take(c.Client.User, c.traffic().since(before), now)
}

// take takes from what a user may send and get. m.mu is held.
func (m *Meter) take(user string, t Traffic, now time.Time) bool {
	a := m.allowed[user]
	if a == nil {
		a = &allowance{Traffic{requestBurst, readBurst}, m.looked}
		m.allowed[user] = a
	}
	return a.take(t, now)
}
