package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
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

// traffic is what went over connections: messages that came from there, and bytes that went there.
type traffic struct {
	Messages, Bytes int64
}

func (t traffic) since(before traffic) traffic {
	return traffic{t.Messages - before.Messages, t.Bytes - before.Bytes}
}

// allowance is what a user may still send and get.
type allowance struct {
	left traffic
	at   time.Time
}

// take takes what went over a user's connections since the last time, and says whether that was too much.
func (a *allowance) take(t traffic, at time.Time) bool {
	if since := at.Sub(a.at).Seconds(); since > 0 {
		a.left.Messages += int64(since * requestRate)
		a.left.Bytes += int64(since * readRate)
		a.at = at
	}
	a.left = a.left.since(t)
	tooMuch := a.left.Messages < 0 || a.left.Bytes < 0
	if tooMuch { // it is cut off, and begins again
		a.left = traffic{requestBurst, readBurst}
	}
	a.left.Messages, a.left.Bytes = min(a.left.Messages, requestBurst), min(a.left.Bytes, readBurst)
	return tooMuch
}

// meter counts what goes over the connections of agents and of those who join. It is safe for concurrent use.
type meter struct {
	mu      sync.Mutex
	total   map[string]traffic    // by server: of all agents, when it was asked last
	at      time.Time             // of that
	looked  time.Time             // when connections were looked at last; zero before the first time
	seen    map[string]traffic    // by connection: what was counted
	allowed map[string]*allowance // by user
}

func newMeter() *meter {
	return &meter{total: map[string]traffic{}, seen: map[string]traffic{}, allowed: map[string]*allowance{}}
}

// busy takes in what all agents have sent and got by now, by server, and says whether one of them may be flooding.
func (m *meter) busy(total map[string]traffic, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum traffic
	for server, t := range total {
		if before, known := m.total[server]; known {
			t = t.since(before)
		}
		sum.Messages, sum.Bytes = sum.Messages+t.Messages, sum.Bytes+t.Bytes
	}
	seconds, first := now.Sub(m.at).Seconds(), m.at.IsZero()
	m.total, m.at = total, now
	if pages := len(m.seen)/pageSize + 1; now.Sub(m.looked) < time.Duration(pages)*guardPause/2 {
		return false // to look at many takes long
	}
	return first || float64(sum.Messages) > seconds*busyRequests || float64(sum.Bytes) > seconds*busyBytes
}

// look takes in all connections, and gives the users that flood.
func (m *meter) look(found []connection, now time.Time) (floods []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen, first := make(map[string]traffic, len(found)), m.looked.IsZero()
	for _, c := range found {
		t, key := c.traffic(), c.key()
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

// came takes in a new connection, and says whether its user has too many of them.
func (m *meter) came(c connection, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.take(c.Client.User, traffic{Messages: dialCost}, now)
}

// went takes in that a connection ended, and says whether too much went over it.
func (m *meter) went(c connection, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := c.key()
	before, known := m.seen[key]
	delete(m.seen, key)
	if !known && (m.looked.IsZero() || c.Client.Start.Before(m.looked)) {
		return false // most of it may have gone long ago
	}
	return m.take(c.Client.User, c.traffic().since(before), now)
}

// take takes from what a user may send and get. m.mu is held.
func (m *meter) take(user string, t traffic, now time.Time) bool {
	a := m.allowed[user]
	if a == nil {
		a = &allowance{traffic{requestBurst, readBurst}, m.looked}
		m.allowed[user] = a
	}
	return a.take(t, now)
}

// measure asks the servers what agents send and get, and cuts off who floods.
func (b *Bus) measure(ctx context.Context) {
	total := map[string]traffic{}
	for data := range b.ask(ctx, "$SYS.REQ.ACCOUNT.PING.STATZ", fmt.Appendf(nil, `{"accounts":[%q]}`, b.account)) {
		var answer struct {
			Server struct{ ID string }
			Data   struct {
				Accounts []struct {
					Received struct{ Msgs int64 }
					Sent     struct{ Bytes int64 }
				} `json:"account_statz"`
			}
		}
		if json.Unmarshal(data, &answer) != nil {
			continue
		}
		for _, a := range answer.Data.Accounts {
			total[answer.Server.ID] = traffic{a.Received.Msgs, a.Sent.Bytes}
		}
	}
	if len(total) == 0 || !b.meter.busy(total, time.Now()) {
		return
	}
	byCluster, err := b.connections(ctx)
	if err != nil {
		b.log.Debug("who sends how much cannot be told", "err", err)
		return
	}
	var found []connection
	for _, connections := range byCluster {
		found = slices.AppendSeq(found, maps.Values(connections))
	}
	for _, user := range b.meter.look(found, time.Now()) {
		b.flooded(user)
	}
}

// flooded cuts the holder of a credential or join token off.
func (b *Bus) flooded(user string) {
	if !b.serving.Load() {
		return
	}
	if cluster, known := b.ids.cluster(user); known {
		b.cutOff(cluster)
		return
	}
	t, known := b.ids.token(user)
	if !known || !t.Revoked.IsZero() {
		return
	}
	t.Revoked = time.Now().UTC()
	err := b.ids.saveToken(t)
	b.log.Error("more is sent with a join token than an agent sends: it is revoked; see who has it, and make a new one",
		"cluster", t.Cluster, "err", err)
	go b.ids.cutOrLog()
}
