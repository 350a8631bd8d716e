package protocol

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func mustSeal(t testing.TB, secret []byte, digest string, compressed []byte) (Blob, []byte) {
	t.Helper()
	key, sealed, err := SealBlob(secret, digest, compressed)
	if err != nil {
		t.Fatal(err)
	}
	return Blob{Digest: digest, Key: key}, sealed
}

// TestBlobIsTheSameForEveryCluster: what renders the same is stored once.
func TestBlobIsTheSameForEveryCluster(t *testing.T) {
	digest, text := BlobDigest([]byte("lines")), []byte("compressed")
	a, sealedA := mustSeal(t, testSecret, digest, text)
	b, sealedB := mustSeal(t, testSecret, digest, text)
	if !bytes.Equal(a.Key, b.Key) || a.ID() != b.ID() || !bytes.Equal(sealedA, sealedB) {
		t.Error("the same lines were sealed in two ways")
	}
	if bytes.Contains(sealedA, text) {
		t.Error("the sealed blob holds what it hides")
	}
}

// TestNoTwoTextsShareAKey: the nonce is constant, so everything that makes another text must make another key.
func TestNoTwoTextsShareAKey(t *testing.T) {
	digest, text := BlobDigest([]byte("lines")), []byte("compressed")
	first, sealed := mustSeal(t, testSecret, digest, text)
	otherSecret := append([]byte("x"), testSecret[1:]...)
	for name, make := range map[string]func() (Blob, []byte){
		"another secret":      func() (Blob, []byte) { return mustSeal(t, otherSecret, digest, text) },
		"other lines":         func() (Blob, []byte) { return mustSeal(t, testSecret, BlobDigest([]byte("other")), text) },
		"another compression": func() (Blob, []byte) { return mustSeal(t, testSecret, digest, []byte("compressed better")) },
	} {
		other, otherSealed := make()
		if bytes.Equal(other.Key, first.Key) || other.ID() == first.ID() || bytes.Equal(otherSealed, sealed) {
			t.Errorf("%s gives the same key, id or ciphertext", name)
		}
		if _, err := OpenBlob(other, sealed); err == nil {
			t.Errorf("%s: its key opens the first blob", name)
		}
	}
}

func TestBlobIDGivesNothingAway(t *testing.T) {
	digest := BlobDigest([]byte("lines"))
	ref, _ := mustSeal(t, testSecret, digest, []byte("compressed"))
	id := ref.ID()
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != blobIDSize || CheckName(id) != nil {
		t.Errorf("the id %q is no token of %d bytes in hexadecimal", id, blobIDSize)
	}
	if strings.HasPrefix(digest, id) || strings.HasPrefix(hex.EncodeToString(ref.Key), id) {
		t.Error("the id is part of the digest or of the key")
	}
}

func TestOpenBlobNoticesEveryChange(t *testing.T) {
	ref, sealed := mustSeal(t, testSecret, BlobDigest([]byte("lines")), []byte("compressed"))
	if got, err := OpenBlob(ref, sealed); err != nil || string(got) != "compressed" {
		t.Fatalf("OpenBlob gives %q, %v", got, err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := OpenBlob(ref, bad); err == nil {
			t.Errorf("byte %d was changed, and nobody noticed", i)
		}
		if _, err := OpenBlob(ref, sealed[:i]); err == nil {
			t.Errorf("cut to %d bytes, and nobody noticed", i)
		}
	}
	for i := range ref.Key {
		bad := Blob{Digest: ref.Digest, Key: bytes.Clone(ref.Key)}
		bad.Key[i] ^= 1
		_, err := OpenBlob(bad, sealed)
		wantError(t, err, "blob "+bad.ID()+" does not open")
	}
	_, err := OpenBlob(Blob{Key: ref.Key[1:]}, sealed)
	wantError(t, err, "31 bytes instead of 32")
}

func TestSealBlobWantsALongSecret(t *testing.T) {
	_, _, err := SealBlob(testSecret[:31], BlobDigest(nil), nil)
	wantError(t, err, "fewer than 32 bytes")
}

func TestCheckBlobHoldsLinesAgainstTheDigest(t *testing.T) {
	ref := Blob{Digest: BlobDigest([]byte("lines"))}
	if err := CheckBlob(ref, []byte("lines")); err != nil {
		t.Error(err)
	}
	wantError(t, CheckBlob(ref, []byte("line")), ref.ID(), "its bundle says "+ref.Digest[:12])
	if got, want := BlobDigest(nil), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; got != want {
		t.Errorf("the digest of nothing is %s, want sha256's %s", got, want)
	}
}

func TestChunksRoundTripAtTheBoundaries(t *testing.T) {
	for size, want := range map[int]int{
		0: 1, 1: 1, MaxChunk - 1: 1, MaxChunk: 1, MaxChunk + 1: 2, 2 * MaxChunk: 2, 2*MaxChunk + 1: 3,
	} {
		sealed := make([]byte, size)
		for i := range sealed {
			sealed[i] = byte(i % 251)
		}
		chunks := Chunks(sealed)
		if len(chunks) != want {
			t.Errorf("%d bytes are cut in %d chunks, want %d", size, len(chunks), want)
		}
		for i, c := range chunks {
			if len(c) > MaxChunk || len(c) < MaxChunk && i < len(chunks)-1 {
				t.Errorf("%d bytes: chunk %d has %d", size, i, len(c))
			}
		}
		if !bytes.Equal(bytes.Join(chunks, nil), sealed) {
			t.Errorf("%d bytes do not come together again", size)
		}
	}
}

// TestALargestBlobIsInBounds: what SealBlob and Chunks may make, a bundle may name.
func TestALargestBlobIsInBounds(t *testing.T) {
	const overhead = 16 // of AES-GCM; compression adds little to what it cannot compress
	b := testBundle(func(b *Bundle) {
		b.Apps[0].Blob.Size = MaxBlob
		b.Apps[0].Blob.Chunks = (MaxBlob + overhead + MaxChunk - 1) / MaxChunk
	})
	if err := b.Check(); err != nil {
		t.Error(err)
	}
}
