package nats

import (
	"context"
	"fmt"
	"strings"
	"sync"

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
