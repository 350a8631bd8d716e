package protocol

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

const (
	blobKeySize = 32
	blobIDSize  = 20
)

// SealBlob encrypts the compressed lines of a blob. The key is derived from the digest of the
// lines and the fleet's secret, so the same lines give the same blob for every cluster, and nobody without
// the secret can tell from an id or a ciphertext what is in it. digest is the hexadecimal sha256 of the lines.
// It returns the reference's key and the ciphertext.
//
// AES-256-GCM with a constant nonce is safe here, and only here, because a key is never used for two
// texts: it is a function of the text. (A later release that compresses differently would seal another text
// under the same key, so the compressed bytes are hashed into the key too.)
func SealBlob(secret []byte, digest string, compressed []byte) (key, sealed []byte, err error) {
	if len(secret) < 32 {
		return nil, nil, errors.New("the fleet's secret has fewer than 32 bytes")
	}
	sum := sha256.Sum256(compressed)
	key, err = hkdf.Key(sha256.New, secret, sum[:], "drover blob key v1 "+digest, blobKeySize)
	if err != nil {
		return nil, nil, err
	}
	aead, err := blobCipher(key)
	if err != nil {
		return nil, nil, err
	}
	return key, aead.Seal(nil, make([]byte, aead.NonceSize()), compressed, nil), nil
}

// OpenBlob decrypts what SealBlob gave. The caller decompresses at most Size bytes of it, and
// then calls CheckBlob.
func OpenBlob(ref Blob, sealed []byte) ([]byte, error) {
	aead, err := blobCipher(ref.Key)
	if err != nil {
		return nil, err
	}
	out, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("blob %s does not open with the key of its bundle: it was altered on its way, or belongs to another", ref.ID())
	}
	return out, nil
}

// CheckBlob says whether lines are what ref refers to.
func CheckBlob(ref Blob, lines []byte) error {
	if got := BlobDigest(lines); got != ref.Digest {
		return fmt.Errorf("blob %s has the digest %.12s, its bundle says %.12s", ref.ID(), got, ref.Digest)
	}
	return nil
}

// BlobDigest is the digest of a blob's lines.
func BlobDigest(lines []byte) string {
	sum := sha256.Sum256(lines)
	return hex.EncodeToString(sum[:])
}

// ID is the name under which a blob is stored. It follows from the key and does not give it away.
func (b Blob) ID() string {
	sum := sha256.Sum256(append([]byte("drover blob id v1\x00"), b.Key...))
	return hex.EncodeToString(sum[:blobIDSize])
}

// Chunks cuts a sealed blob in pieces of at most MaxChunk bytes; an empty one is one empty piece.
func Chunks(sealed []byte) [][]byte {
	out := [][]byte{}
	for len(sealed) > MaxChunk {
		out = append(out, sealed[:MaxChunk])
		sealed = sealed[MaxChunk:]
	}
	return append(out, sealed)
}

func blobCipher(key []byte) (cipher.AEAD, error) {
	if len(key) != blobKeySize {
		return nil, fmt.Errorf("the blob's key has %d bytes instead of %d", len(key), blobKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
