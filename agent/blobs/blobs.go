// Package blobs fetches rendered objects from the hub.
//
// It may import agent and protocol.
package blobs

import (
	"context"
	"fmt"
	"sync"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// Fetch gets what ref refers to from the hub: the compressed lines, and the lines. Nothing is returned that
// does not have the digest that the signed bundle gives.
func Fetch(ctx context.Context, bus agent.Blobs, ref protocol.Blob) (packed, lines []byte, err error) {
	sealed, err := fetchChunks(ctx, bus, ref)
	if err != nil {
		return nil, nil, err
	}
	if packed, err = protocol.OpenBlob(ref, sealed); err != nil {
		return nil, nil, err
	}
	if lines, err = agent.Unpack(packed, ref.Size); err != nil {
		return nil, nil, fmt.Errorf("blob %s: %w", ref.ID(), err)
	}
	if err := protocol.CheckBlob(ref, lines); err != nil {
		return nil, nil, err
	}
	return packed, lines, nil
}

// parallelChunks is how many chunks of one blob are asked for at once.
const parallelChunks = 4

func fetchChunks(ctx context.Context, bus agent.Blobs, ref protocol.Blob) ([]byte, error) {
	id := ref.ID()
	if ref.Chunks == 1 {
		return bus.Chunk(ctx, id, 0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	chunks := make([][]byte, ref.Chunks)
	slots := make(chan struct{}, parallelChunks)
	var wg sync.WaitGroup
	for i := range chunks {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			data, err := bus.Chunk(ctx, id, i)
			if err != nil {
				cancel(err)
			}
			chunks[i] = data
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	var sealed []byte
	for _, c := range chunks {
		sealed = append(sealed, c...)
	}
	return sealed, nil
}
