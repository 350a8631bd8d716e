package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/protocol"
)

const (
	// maxEvents is how many events of one cluster are kept, and maxEvent the most that one may have, in bytes.
	maxEvents = 1000
	maxEvent  = 64 << 10
)

// streams are those that the hub keeps. Those of what agents say acknowledge nothing and take no roll-up: an
// acknowledgement goes where the sender says, and a header may drop what others said. Each has a share of the storage
// that servers set aside for it (see shares). No message is deleted by its number.
func streams(replicas int) []jetstream.StreamConfig {
	bucket := func(name string) jetstream.StreamConfig {
		return jetstream.StreamConfig{Name: "KV_" + name, Subjects: []string{"$KV." + name + ".>"}, MaxMsgsPerSubject: 1,
			Discard: jetstream.DiscardNew, AllowDirect: true, AllowRollup: true}
	}
	report := bucket(protocol.BucketReport)
	report.AllowRollup, report.NoAck, report.MaxMsgSize = false, true, maxSaid
	report.Discard = jetstream.DiscardOld
	out := []jetstream.StreamConfig{bucket(protocol.BucketDesired), bucket(protocol.BucketBlobs), report,
		{Name: protocol.StreamJournal, Subjects: []string{protocol.JournalSubject("*")}, MaxAge: journalAge,
			NoAck: true, DenyPurge: true,
			MaxMsgsPerSubject: maxEvents, MaxMsgSize: maxEvent},
		{Name: protocol.StreamHello, Subjects: []string{protocol.HelloSubject("*")}, MaxMsgsPerSubject: 1,
			MaxMsgSize: maxRequest,
			DenyPurge:  true}}
	for i := range out {
		out[i].Storage, out[i].Replicas, out[i].DenyDelete = jetstream.FileStorage, replicas, true
	}
	return out
}

// prepare makes the streams. A hub that does not act for the fleet leaves those of external servers as
// they are: its flags, such as the number of replicas, may differ.
func (b *Bus) prepare(ctx context.Context) error {
	if err := b.Reach(); err != nil || !b.serving.Load() && b.server == nil {
		return err
	}
	for total := b.storage(ctx); ; total /= 2 { // others may have set storage aside, too
		err := b.makeStreams(ctx, total)
		if !isFull(err) || total < leastStorage {
			return err
		}
	}
}

// makeStreams makes the streams for servers that may store total bytes.
func (b *Bus) makeStreams(ctx context.Context, total int64) error {
	share := shares(total)
	for _, config := range streams(b.replicas) {
		err := insist(ctx, func(ctx context.Context) error {
			config.MaxBytes = 0
			had := b.guard.share(config.Name)
			if was, err := b.js.Stream(ctx, config.Name); err == nil {
				if !sameStream(config, was.CachedInfo().Config) {
					b.guard.alter(config.Name)
				}
				had = cmp.Or(had, was.CachedInfo().Config.MaxBytes)
			}
			config.MaxBytes = steady(share[config.Name], had)
			s, err := b.js.CreateOrUpdateStream(ctx, config)
			if err == nil {
				b.guard.first(config.Name, s.CachedInfo().Created)
				b.guard.allot(config.Name, config.MaxBytes)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("the stream %s on NATS: %w: does the server have JetStream, and does it trust this hub "+
				"(`drover hub nats-config`)?", config.Name, err)
		}
	}
	return nil
}

// isFull says whether servers cannot set as much storage aside as is asked for.
func isFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == codeStorageFull || api.ErrorCode == codeServerFull ||
		api.ErrorCode == codeNoPeers && strings.Contains(api.Description, "storage"))
}

// insist asks the server for something until it answers, or prepareTimeout is over.
func insist(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	for {
		try, stop := context.WithTimeout(ctx, prepareTry)
		err := ask(try)
		stop()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
}
