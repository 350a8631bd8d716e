package agent

import (
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
