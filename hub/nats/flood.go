package nats

import (
	"context"
	"time"

	"github.com/drover-dev/drover/hub/nats/limits"
)

// weigh cuts a cluster off that publishes too much.
func (e *ears) weigh(cluster string, size int, at time.Time) {
	if e.said.Take(cluster, size, at) && time.Since(at) < e.pause && e.serving() {
		e.cutOff(cluster)
	}
}

// cutOff cuts a cluster off for a while.
func (e *ears) cutOff(cluster string) {
	if !e.ids.Suspend(cluster, time.Now(), e.pause) {
		return
	}
	e.log.Error("a cluster sends or reads too much and is cut off: see who has its credential, and run `drover "+
		"cluster rotate`",
		"cluster", cluster, "until", time.Now().Add(e.pause).UTC().Format(time.RFC3339))
	go e.ids.CutOrLog()
}

// crowd ends the oldest connection of a user that has too many.
func (l *links) crowd(cluster string, c limits.Connection) {
	var oldest limits.Connection
	n := 0
	for _, other := range l.live[cluster] {
		if other.Client.User != c.Client.User {
			continue
		}
		if n++; n == 1 || other.Client.Start.Before(oldest.Client.Start) {
			oldest = other
		}
	}
	if n > limits.MaxConnections && l.ears.serving() {
		go l.servers.Kick(oldest)
	}
}

// measure asks the servers what agents send and get, and cuts off who floods.
func (e *ears) measure(ctx context.Context) {
	total := e.servers.Traffic(ctx)
	if len(total) == 0 || !e.meter.Busy(total, time.Now()) {
		return
	}
	found, err := e.servers.Connections(ctx)
	if err != nil {
		e.log.Debug("who sends how much cannot be told", "err", err)
		return
	}
	for _, user := range e.meter.Look(found, time.Now()) {
		e.flooded(user)
	}
}

// flooded cuts the holder of a credential or join token off.
func (e *ears) flooded(user string) {
	if !e.serving() {
		return
	}
	if cluster, known := e.ids.ClusterOf(user); known {
		e.cutOff(cluster)
		return
	}
	cluster, revoked, err := e.ids.RevokeToken(user)
	if !revoked {
		return
	}
	e.log.Error("more is sent with a join token than an agent sends: it is revoked; see who has it, and make a new one",
		"cluster", cluster, "err", err)
	go e.ids.CutOrLog()
}
