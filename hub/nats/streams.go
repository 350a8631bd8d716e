package nats

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/protocol"
)

// streams are those that the hub keeps. Those of what agents say acknowledge nothing and take no roll-up: an
// acknowledgement goes where the sender says, and a header may drop what others said. No message is deleted by its number.
func streams(replicas int) []jetstream.StreamConfig {
	bucket := func(name string) jetstream.StreamConfig {
		return jetstream.StreamConfig{Name: "KV_" + name, Subjects: []string{"$KV." + name + ".>"}, MaxMsgsPerSubject: 1,
			Discard: jetstream.DiscardNew, AllowDirect: true, AllowRollup: true}
	}
	report := bucket(protocol.BucketReport)
	report.AllowRollup, report.NoAck = false, true
	out := []jetstream.StreamConfig{bucket(protocol.BucketDesired), bucket(protocol.BucketBlobs), report,
		{Name: protocol.StreamJournal, Subjects: []string{protocol.JournalSubject("*")}, MaxAge: journalAge, NoAck: true, DenyPurge: true},
		{Name: protocol.StreamHello, Subjects: []string{protocol.HelloSubject("*")}, MaxMsgsPerSubject: 1, MaxMsgSize: maxRequest,
			DenyPurge: true}}
	for i := range out {
		out[i].Storage, out[i].Replicas, out[i].DenyDelete = jetstream.FileStorage, replicas, true
	}
	return out
}

// prepare makes the streams. A hub that does not act for the fleet leaves those of external servers as
// they are: its flags, such as the number of replicas, may differ.
func (b *Bus) prepare(ctx context.Context) error {
	if err := b.reach(); err != nil || !b.serving.Load() && b.server == nil {
		return err
	}
	for _, config := range streams(b.replicas) {
		err := insist(ctx, func(ctx context.Context) error {
			_, err := b.js.CreateOrUpdateStream(ctx, config)
			return err
		})
		if err != nil {
			return fmt.Errorf("the stream %s on NATS: %w: does the server have JetStream, and does it trust this hub "+
				"(`drover hub nats-config`)?", config.Name, err)
		}
	}
	return nil
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
