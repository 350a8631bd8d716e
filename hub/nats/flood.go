package nats

import (
	"context"
	"fmt"
	"time"
)

const (
	// floodBurst is how much one cluster may say at once, in bytes, and floodRate how much a second it may go on with.
	// The largest report is 900 KiB, and what an agent keeps while the hub is away a few MiB.
	floodBurst = 64 << 20
	floodRate  = 256 << 10
	// floodPause is how long a cluster that said more is cut off.
	floodPause = 10 * time.Minute
	// maxConnections is how many connections of one credential are left: a few are of an agent that came back before
	// the server noticed that its connections before were lost.
	maxConnections = 4
)

// bucket is what a cluster may still say.
type bucket struct {
	left int
	at   time.Time
}

// take takes the size of a message that the bus took in at a time, and says whether that was too much.
func (b *bucket) take(size int, at time.Time) bool {
	if b.at.IsZero() {
		b.left = floodBurst
	} else if since := min(at.Sub(b.at), time.Hour); since > 0 {
		b.left = min(floodBurst, b.left+int(since.Seconds()*floodRate))
	}
	if at.After(b.at) {
		b.at = at
	}
	b.left -= size
	if b.left >= 0 {
		return false
	}
	*b = bucket{}
	return true
}

// weigh cuts a cluster off that publishes too much.
func (b *Bus) weigh(cluster string, size int, at time.Time) {
	b.weighing.Lock()
	if b.said == nil {
		b.said = map[string]*bucket{}
	}
	of := b.said[cluster]
	if of == nil {
		of = &bucket{}
		b.said[cluster] = of
	}
	tooMuch := of.take(size, at)
	b.weighing.Unlock()
	if tooMuch && time.Since(at) < floodPause && b.serving.Load() {
		b.cutOff(cluster)
	}
}

// cutOff cuts a cluster off for a while.
func (b *Bus) cutOff(cluster string) {
	if !b.ids.suspend(cluster, time.Now()) {
		return
	}
	b.log.Error("a cluster sends or reads too much and is cut off: see who has its credential, and run `drover "+
		"cluster rotate`",
		"cluster", cluster, "until", time.Now().Add(floodPause).UTC().Format(time.RFC3339))
	go b.ids.cutOrLog()
}

// suspend cuts a cluster's credentials off for a while, and says whether it did.
func (ids *Identities) suspend(cluster string, now time.Time) bool {
	ids.mu.Lock()
	_, known := ids.known[cluster]
	was := ids.suspended[cluster]
	if known && !was.After(now) {
		if ids.suspended == nil {
			ids.suspended = map[string]time.Time{}
		}
		ids.suspended[cluster] = now.Add(floodPause)
	}
	ids.mu.Unlock()
	if !known || was.After(now) {
		return false
	}
	ids.awaitEnd()
	return true
}

// crowd ends the oldest connection of a user that has too many.
func (l *links) crowd(cluster string, c connection) {
	var oldest connection
	n := 0
	for _, other := range l.live[cluster] {
		if other.Client.User != c.Client.User {
			continue
		}
		if n++; n == 1 || other.Client.Start.Before(oldest.Client.Start) {
			oldest = other
		}
	}
	if n > maxConnections && l.bus.serving.Load() {
		go l.bus.kick(oldest)
	}
}

// kick ends a connection. Servers behind an older leaf node's link are not reached.
func (b *Bus) kick(c connection) {
	ctx, cancel := context.WithTimeout(b.closed, claimsTimeout)
	defer cancel()
	ask := fmt.Sprintf(`{"cid":%d}`, c.Client.ID)
	if _, err := b.system.RequestWithContext(ctx, "$SYS.REQ.SERVER."+c.Server.ID+".KICK", []byte(ask)); err != nil {
		b.log.Debug("a connection too many is not ended", "user", c.Client.User, "err", err)
	}
}
