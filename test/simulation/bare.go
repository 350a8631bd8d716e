package simulation

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/test/testenv"
)

// patience is how long a connection or a delivery may take.
const patience = 2 * time.Minute

// Bare are connections to a plain NATS server, each with a subscription.
type Bare struct {
	server *testenv.NATS
	conns  []*nats.Conn
	got    atomic.Int64
	all    chan struct{} // has an element when all have got something
}

// StartBare starts the server, and opens n connections.
func StartBare(ctx context.Context, n int) (b *Bare, err error) {
	b = &Bare{conns: make([]*nats.Conn, n), all: make(chan struct{}, 1)}
	if b.server, err = testenv.StartNATS(ctx, ""); err != nil {
		return nil, err
	}
	errs := make(chan error, n)
	slots := make(chan struct{}, 32)
	var wg sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs <- b.connect(i)
		})
	}
	wg.Wait()
	for range n {
		if err := <-errs; err != nil {
			b.Close()
			return nil, err
		}
	}
	return b, nil
}

func (b *Bare) connect(i int) (err error) {
	if b.conns[i], err = nats.Connect(b.server.URL, nats.Timeout(patience)); err != nil {
		return fmt.Errorf("a bare connection: %w", err)
	}
	_, err = b.conns[i].Subscribe(fmt.Sprintf("bare.%d", i), func(*nats.Msg) {
		if b.got.Add(1) == int64(len(b.conns)) {
			b.all <- struct{}{}
		}
	})
	if err == nil {
		err = b.conns[i].FlushTimeout(patience)
	}
	return err
}

// Deliver publishes so many bytes to each connection, and says how long it took until all had them.
func (b *Bare) Deliver(ctx context.Context, size int) (time.Duration, error) {
	data := make([]byte, size)
	b.got.Store(0)
	begin := time.Now()
	for i := range b.conns {
		if err := b.conns[0].Publish(fmt.Sprintf("bare.%d", i), data); err != nil {
			return 0, err
		}
	}
	select {
	case <-b.all:
		return time.Since(begin), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("of %d bare connections %d got something within %s", len(b.conns), b.got.Load(), patience)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// Close closes all, and stops the server.
func (b *Bare) Close() {
	for _, c := range b.conns {
		if c != nil {
			c.Close()
		}
	}
	_ = b.server.Stop() // its data goes with it
}
