package model

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
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

// PackFor makes a blob of objects with values that were decrypted, for one cluster alone: its key follows from the
// cluster's name too, so that no other cluster has the same blob, or learns from the key of one of its own how
// this one
// opens. The key comes to the cluster in its bundle, which is sealed to it.
func PackFor(secret []byte, cluster string, objects []Rendered) (Packed, error) {
	own, err := hkdf.Key(sha256.New, secret, nil, "drover blobs of one cluster v1 "+cluster, len(secret))
	if err != nil {
		return Packed{}, err
	}
	p, err := Pack(own, objects)
	p.Ref.Secret = true
	return p, err
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
