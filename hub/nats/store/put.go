package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/nats/streams"
	"github.com/drover-dev/drover/protocol"
)

// putTimeout is how long the bus may take to acknowledge one batch.
const putTimeout = 30 * time.Second

// How many messages, and how many bytes, wait for the server's acknowledgement at once.
const (
	maxOnTheWay      = 1024
	maxBytesOnTheWay = 64 << 20
)

// lateTimeout is how long messages that were given up are waited for: they may be stored all the same.
const lateTimeout = time.Minute

// Put implements hub.Bus.
func (s *Store) Put(ctx context.Context, blobs []model.Packed, bundles []hub.Delivery) (err error) {
	defer func() {
		if errors.Is(err, jetstream.ErrNoStreamResponse) { // a stream is gone: who tries again finds it
			err = errors.Join(err, s.Prepare(ctx))
		}
	}()
	if err := s.o.Reach(); err != nil {
		return err
	}
	if s.o.Unmet() {
		return hub.ErrUnmet
	}
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	done := s.guard.Begin()
	defer func() {
		if err == nil {
			done()
			return
		}
		s.guard.Unsure()
		go s.late(done)
	}()
	way := sending{store: s, ctx: ctx}
	for _, p := range blobs {
		chunks := protocol.Chunks(p.Sealed)
		for i, c := range slices.Backward(chunks) { // number 0 last: where it is, the others are
			if err := way.publish(&natsgo.Msg{Subject: protocol.BlobSubject(p.Ref.ID(), i), Data: c}); err != nil {
				return fmt.Errorf("publish %d blobs: %w", len(blobs), err)
			}
		}
	}
	if err := way.await(0); err != nil {
		return fmt.Errorf("publish %d blobs: %w", len(blobs), err)
	}
	for _, d := range bundles {
		m := &natsgo.Msg{Subject: protocol.DesiredSubject(d.Cluster), Data: d.Sealed, Header: s.headers(d)}
		if err := way.publish(m); err != nil {
			return fmt.Errorf("publish the bundle of %s: %w", d.Cluster, err)
		}
	}
	if err := way.await(0); err != nil {
		return fmt.Errorf("publish %d bundles: %w", len(bundles), err)
	}
	return nil
}

// late ends a write that failed when nothing of it is on its way any more. Until then nothing that is found on the
// streams is taken for another client's.
func (s *Store) late(done func()) {
	select {
	case <-s.js.PublishAsyncComplete():
	case <-time.After(lateTimeout):
	}
	s.guard.Unsure()
	done()
}

// sending is what one Put has on its way.
type sending struct {
	store *Store
	ctx   context.Context
	acks  []jetstream.PubAckFuture // that are waited for, the oldest first
	bytes int
}

// publish sends a message as soon as few enough are on their way.
func (w *sending) publish(m *natsgo.Msg) error {
	if len(w.acks) >= maxOnTheWay || w.bytes >= maxBytesOnTheWay {
		if err := w.await(len(w.acks) / 2); err != nil {
			return err
		}
	}
	ack, err := w.store.js.PublishMsgAsync(m)
	if err == nil {
		w.acks, w.bytes = append(w.acks, ack), w.bytes+len(m.Data)
	}
	return err
}

// await waits until the server has acknowledged all but so many messages.
func (w *sending) await(left int) error {
	for len(w.acks) > left {
		a := w.acks[0]
		select {
		case ack := <-a.Ok():
			w.store.guard.Note(a.Msg().Subject, ack)
		case err := <-a.Err():
			return streams.Full(err)
		case <-w.ctx.Done():
			return errors.New("the server does not acknowledge in time")
		}
		w.acks, w.bytes = w.acks[1:], w.bytes-len(a.Msg().Data)
	}
	return nil
}

// Forget implements hub.Bus.
func (s *Store) Forget(ctx context.Context, cluster string) error {
	if err := s.o.Reach(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	for bucket, subject := range map[string]string{protocol.BucketReport: protocol.ReportSubject(cluster),
		protocol.BucketDesired: protocol.DesiredSubject(cluster)} {
		s.guard.Forget(cluster)
		if err := s.discard(ctx, "KV_"+bucket, subject); err != nil {
			return fmt.Errorf("drop what the bucket %s on NATS has of it: %w", bucket, err)
		}
	}
	return nil
}

// dropsAtOnce is how many blobs are removed at the same time.
const dropsAtOnce = 16

// Drop implements hub.Bus.
func (s *Store) Drop(ctx context.Context, ids []string) error {
	if err := s.o.Reach(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	var mu sync.Mutex
	var failed error
	var group sync.WaitGroup
	slots := make(chan struct{}, dropsAtOnce)
	for _, id := range ids {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			chunks := strings.TrimSuffix(protocol.BlobSubject(id, 0), "0") + "*"
			if err := s.discard(ctx, "KV_"+protocol.BucketBlobs, chunks); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = fmt.Errorf("remove blobs from the bucket %s on NATS: %w", protocol.BucketBlobs, err)
			}
		})
	}
	group.Wait()
	return failed
}
