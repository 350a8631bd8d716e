package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/hub/nats/streams"
)

// prepareTimeout is how long the bus may take to make one bucket. While a cluster of servers has no leader yet, nobody
// answers: then it is better to ask again than to wait.
const prepareTimeout = 5 * time.Second

// prepareTry is how long one try may take: a server that takes new claims meanwhile may lose the request.
const prepareTry = time.Second

// Prepare makes the streams. A hub that does not act for the fleet leaves those of external servers as
// they are: its flags, such as the number of replicas, may differ.
func (s *Store) Prepare(ctx context.Context) error {
	if err := s.o.Reach(); err != nil || !s.o.Serving() && !s.o.Alone {
		return err
	}
	for total := s.o.Storage(ctx); ; total /= 2 { // others may have set storage aside, too
		err := s.makeStreams(ctx, total)
		if !streams.IsFull(err) || total < streams.LeastStorage {
			return err
		}
	}
}

// makeStreams makes the streams for servers that may store total bytes.
func (s *Store) makeStreams(ctx context.Context, total int64) error {
	share := streams.Shares(total)
	for _, config := range streams.Configs(s.o.Replicas) {
		err := insist(ctx, func(ctx context.Context) error {
			config.MaxBytes = 0
			had := s.guard.Share(config.Name)
			if was, err := s.js.Stream(ctx, config.Name); err == nil {
				if !streams.Same(config, was.CachedInfo().Config) {
					s.guard.Alter(config.Name)
				}
				had = cmp.Or(had, was.CachedInfo().Config.MaxBytes)
			}
			config.MaxBytes = streams.Steady(share[config.Name], had)
			stream, err := s.js.CreateOrUpdateStream(ctx, config)
			if err == nil {
				s.guard.First(config.Name, stream.CachedInfo().Created)
				s.guard.Allot(config.Name, config.MaxBytes)
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
