package nats

import (
	"context"
	"encoding/json"
	"time"

	"github.com/drover-dev/drover/protocol"
)

const (
	// What agents say has a part of the storage, and at most so much.
	maxReports, maxJournal, maxHellos = 1 << 30, 2 << 30, 256 << 20
	// unknownStorage is what servers that do not say it are first taken to have. They refuse what they do not have.
	unknownStorage = 1 << 40
	// leastStorage is where asking for less ends.
	leastStorage = 1 << 20
)

// shares divides the storage of a server among the streams, in bytes. Together they have less than all of it, so that
// what agents say never takes the place of what the hub publishes.
func shares(total int64) map[string]int64 {
	reports, journal, hellos := min(total/8, maxReports), min(total/8, maxJournal), min(total/32, maxHellos)
	rest := total - total/16 - reports - journal - hellos
	return map[string]int64{
		"KV_" + protocol.BucketReport: reports, protocol.StreamJournal: journal, protocol.StreamHello: hellos,
		"KV_" + protocol.BucketDesired: rest / 4, "KV_" + protocol.BucketBlobs: rest - rest/4,
	}
}

// steady is what a stream may store that is to store want bytes, and could store had: servers say another number whenever they
// start, because it follows from what is free on their disks, and streams are not to change with it.
func steady(want, had int64) int64 {
	if had >= want/2 && had <= want+want/16 {
		return had
	}
	return want
}

// storage is how many bytes each server may store, or the one that may store least.
func (b *Bus) storage(ctx context.Context) int64 {
	if b.server != nil {
		if config := b.server.server.JetStreamConfig(); config != nil && config.MaxStore > 0 {
			return config.MaxStore
		}
		return defaultMaxStore
	}
	least := int64(0)
	for data := range b.ask(ctx, "$SYS.REQ.SERVER.PING.JSZ", nil) {
		var answer struct {
			Data struct {
				Disabled bool
				Config   struct {
					MaxStorage int64 `json:"max_storage"`
				}
			}
		}
		if json.Unmarshal(data, &answer) != nil || answer.Data.Disabled || answer.Data.Config.MaxStorage <= 0 {
			continue
		}
		if most := answer.Data.Config.MaxStorage; least == 0 || most < least {
			least = most
		}
	}
	if least == 0 {
		return unknownStorage
	}
	return least
}

// ask asks all servers something in the system account, and gives their answers. One that says nothing for a while
// after the others is taken to be gone.
func (b *Bus) ask(ctx context.Context, subject string, data []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		inbox := b.system.NewRespInbox()
		sub, err := b.system.SubscribeSync(inbox)
		if err != nil {
			return // not connected: who asks again is answered
		}
		defer func() { _ = sub.Unsubscribe() }()
		if b.system.PublishRequest(subject, inbox, data) != nil {
			return
		}
		for wait := peerTimeout; ; wait = b.rest() {
			waiting, cancel := context.WithTimeout(ctx, wait)
			m, err := sub.NextMsgWithContext(waiting)
			cancel()
			if err != nil || m.Header.Get("Status") != "" || !yield(m.Data) {
				return
			}
		}
	}
}

// rest is how long further servers are waited for: not at all, where there is one.
func (b *Bus) rest() time.Duration {
	if b.server != nil {
		return 0
	}
	return peerRest
}
