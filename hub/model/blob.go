package model

import (
	"bytes"
	"fmt"

	"github.com/drover-dev/drover/protocol"
	"github.com/klauspost/compress/zstd"
)

// encoder and decoder are safe for concurrent use with EncodeAll and DecodeAll. One core is enough: most
// blobs are smaller than a zstd block.
var (
	encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(protocol.MaxBlob))
)

// Packed is a blob as it is stored: its reference and its ciphertext.
type Packed struct {
	Ref    protocol.Blob
	Sealed []byte
}

// Pack makes a blob of rendered objects, one a line.
func Pack(secret []byte, objects []Rendered) (Packed, error) {
	var lines bytes.Buffer
	for _, o := range objects {
		lines.Write(o.JSON)
		lines.WriteByte('\n')
	}
	if lines.Len() > protocol.MaxBlob {
		return Packed{}, fmt.Errorf("the rendered objects have %d bytes, more than %d: split the app", lines.Len(), protocol.MaxBlob)
	}
	digest := protocol.BlobDigest(lines.Bytes())
	key, sealed, err := protocol.SealBlob(secret, digest, encoder.EncodeAll(lines.Bytes(), nil))
	if err != nil {
		return Packed{}, err
	}
	return Packed{protocol.Blob{
		Digest: digest, Key: key, Size: int64(lines.Len()), Chunks: len(protocol.Chunks(sealed)), Objects: len(objects),
	}, sealed}, nil
}

// Unpack gives back the objects of a blob. File is not among what a blob carries.
func Unpack(p Packed) ([]Rendered, error) {
	compressed, err := protocol.OpenBlob(p.Ref, p.Sealed)
	if err != nil {
		return nil, err
	}
	lines, err := decoder.DecodeAll(compressed, make([]byte, 0, p.Ref.Size))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", p.Ref.ID(), err)
	}
	if err := protocol.CheckBlob(p.Ref, lines); err != nil {
		return nil, err
	}
	var out []Rendered
	for line := range bytes.Lines(lines) {
		out = append(out, Rendered{JSON: bytes.TrimSuffix(line, []byte("\n"))})
	}
	return out, nil
}
