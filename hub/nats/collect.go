package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// dropsAtOnce is how many blobs are removed at the same time.
const dropsAtOnce = 16

// Drop implements hub.Bus.
func (b *Bus) Drop(ctx context.Context, ids []string) error {
	if err := b.Reach(); err != nil {
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
			if err := b.discard(ctx, "KV_"+protocol.BucketBlobs, chunks); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = fmt.Errorf("remove blobs from the bucket %s on NATS: %w", protocol.BucketBlobs, err)
			}
		})
	}
	group.Wait()
	return failed
}

// Codes of JetStream's answers to what it has no space for: the account's limit, the server's, and a stream's, which
// is told in words alone.
const (
	codeNoPeers      = 10005 // no servers with enough of something, which is told in words alone
	codeAccountFull  = 10002
	codeServerFull   = 10023
	codeStorageFull  = 10047
	codeStoreFailed  = 10077
	streamFullReason = "maximum bytes exceeded"
)

// full says whether an error means that there is no space left, by wrapping hub.ErrFull.
func full(err error) error {
	var e *jetstream.APIError
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.ErrorCode == codeAccountFull, e.ErrorCode == codeServerFull, e.ErrorCode == codeStorageFull,
		e.ErrorCode == codeStoreFailed && strings.Contains(e.Description, streamFullReason):
		return fmt.Errorf("%w (%w)", hub.ErrFull, err)
	}
	return err
}
