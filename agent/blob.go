package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/drover-dev/drover/protocol"
	"github.com/klauspost/compress/zstd"
)

// The coders are made when needed and given back to the garbage collector, because an agent at rest needs none.
var (
	encoders = sync.Pool{New: func() any {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(256<<10))
		if err != nil {
			panic("agent: the options of zstd: " + err.Error()) // they are constants
		}
		return enc
	}}
	decoders = sync.Pool{New: func() any {
		dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(protocol.MaxBlob))
		if err != nil {
			panic("agent: the options of zstd: " + err.Error())
		}
		return dec
	}}
)

// Pack compresses data with zstd.
func Pack(data []byte) []byte {
	enc := encoders.Get().(*zstd.Encoder)
	defer encoders.Put(enc)
	return enc.EncodeAll(data, nil)
}

// Unpack reverses Pack. More than limit bytes are an error, not a way to fill the memory.
func Unpack(packed []byte, limit int64) ([]byte, error) {
	var header zstd.Header
	if err := header.Decode(packed); err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if header.HasFCS && header.FrameContentSize > uint64(limit) {
		return nil, errTooLarge
	}
	dec := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(dec)
	hint := int64(header.FrameContentSize)
	if !header.HasFCS {
		hint = min(limit, int64(len(packed))*4)
	}
	out, err := dec.DecodeAll(packed, make([]byte, 0, hint))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if int64(len(out)) > limit {
		return nil, errTooLarge
	}
	return out, nil
}

var errTooLarge = errors.New("decompress: it is larger than it may be")

// fetchBlob gets what ref refers to from the hub: the compressed lines, and the lines. Nothing is returned that
// does not have the digest that the signed bundle gives.
func fetchBlob(ctx context.Context, bus Bus, ref protocol.Blob) (packed, lines []byte, err error) {
	sealed, err := fetchChunks(ctx, bus, ref)
	if err != nil {
		return nil, nil, err
	}
	if packed, err = protocol.OpenBlob(ref, sealed); err != nil {
		return nil, nil, err
	}
	if lines, err = Unpack(packed, ref.Size); err != nil {
		return nil, nil, fmt.Errorf("blob %s: %w", ref.ID(), err)
	}
	return packed, lines, protocol.CheckBlob(ref, lines)
}

// parallelChunks is how many chunks of one blob are asked for at once.
const parallelChunks = 4

func fetchChunks(ctx context.Context, bus Bus, ref protocol.Blob) ([]byte, error) {
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
