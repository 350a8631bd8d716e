package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/hub/nats/streams"
)

// prepare makes the streams. A hub that does not act for the fleet leaves those of external servers as
// they are: its flags, such as the number of replicas, may differ.
func (b *Bus) prepare(ctx context.Context) error {
	if err := b.Reach(); err != nil || !b.serving.Load() && b.server == nil {
		return err
	}
	for total := b.storage(ctx); ; total /= 2 { // others may have set storage aside, too
		err := b.makeStreams(ctx, total)
		if !streams.IsFull(err) || total < streams.LeastStorage {
			return err
		}
	}
}

// makeStreams makes the streams for servers that may store total bytes.
func (b *Bus) makeStreams(ctx context.Context, total int64) error {
	share := streams.Shares(total)
	for _, config := range streams.Configs(b.replicas) {
		err := insist(ctx, func(ctx context.Context) error {
			config.MaxBytes = 0
			had := b.guard.Share(config.Name)
			if was, err := b.js.Stream(ctx, config.Name); err == nil {
				if !streams.Same(config, was.CachedInfo().Config) {
					b.guard.Alter(config.Name)
				}
				had = cmp.Or(had, was.CachedInfo().Config.MaxBytes)
			}
			config.MaxBytes = streams.Steady(share[config.Name], had)
			s, err := b.js.CreateOrUpdateStream(ctx, config)
			if err == nil {
				b.guard.First(config.Name, s.CachedInfo().Created)
				b.guard.Allot(config.Name, config.MaxBytes)
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
