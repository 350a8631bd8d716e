package nats

import (
	"context"
	"fmt"
	"time"

	"github.com/drover-dev/drover/hub/nats/limits"
)

// weigh cuts a cluster off that publishes too much.
func (b *Bus) weigh(cluster string, size int, at time.Time) {
	if b.said.Take(cluster, size, at) && time.Since(at) < b.pause && b.serving.Load() {
		b.cutOff(cluster)
	}
}

// cutOff cuts a cluster off for a while.
func (b *Bus) cutOff(cluster string) {
	if !b.ids.Suspend(cluster, time.Now(), b.pause) {
		return
	}
	b.log.Error("a cluster sends or reads too much and is cut off: see who has its credential, and run `drover "+
		"cluster rotate`",
		"cluster", cluster, "until", time.Now().Add(b.pause).UTC().Format(time.RFC3339))
	go b.ids.CutOrLog()
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
	if n > limits.MaxConnections && l.bus.serving.Load() {
		go l.bus.kick(oldest)
	}
}

// kick ends a connection. Servers behind an older leaf node's link are not reached.
func (b *Bus) kick(c limits.Connection) {
	ctx, cancel := context.WithTimeout(b.closed, claimsTimeout)
	defer cancel()
	ask := fmt.Sprintf(`{"cid":%d}`, c.Client.ID)
	if _, err := b.system.RequestWithContext(ctx, "$SYS.REQ.SERVER."+c.Server.ID+".KICK", []byte(ask)); err != nil {
		b.log.Debug("a connection too many is not ended", "user", c.Client.User, "err", err)
	}
}
