package blobs_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/blobs"
	"github.com/drover-dev/drover/protocol"
)

var secret = bytes.Repeat([]byte("s"), 32)

// store serves the chunks of one blob, as an untrusted bus does.
type store struct {
	id     string
	chunks [][]byte
	fail   func(ctx context.Context, chunk int) error // nil: none fails

	mu         sync.Mutex // guards what follows
	asked      []int
	busy, most int // requests at once
}

func (s *store) Chunk(ctx context.Context, id string, chunk int) ([]byte, error) {
	s.mu.Lock()
	s.asked = append(s.asked, chunk)
	s.busy++
	s.most = max(s.most, s.busy)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
	}()
	if s.fail != nil {
		if err := s.fail(ctx, chunk); err != nil {
			return nil, err
		}
	}
	if id != s.id || chunk >= len(s.chunks) {
		return nil, fmt.Errorf("blob %s has no chunk %d", id, chunk)
	}
	return s.chunks[chunk], nil
}

// seal is a blob of lines as the hub publishes it: the reference and the store that serves it.
func seal(t testing.TB, lines []byte) (protocol.Blob, *store) {
	t.Helper()
	return sealPacked(t, lines, agent.Pack(lines))
}

func sealPacked(t testing.TB, lines, packed []byte) (protocol.Blob, *store) {
	t.Helper()
	digest := protocol.BlobDigest(lines)
	key, sealed, err := protocol.SealBlob(secret, digest, packed)
	if err != nil {
		t.Fatal(err)
	}
	chunks := protocol.Chunks(sealed)
	ref := protocol.Blob{Digest: digest, Key: key, Size: int64(len(lines)), Chunks: len(chunks)}
	return ref, &store{id: ref.ID(), chunks: chunks}
}

// noise are lines that do not compress, so that they need more chunks than one.
func noise(t testing.TB, size int) []byte {
	t.Helper()
	lines := make([]byte, size)
	if _, err := rand.Read(lines); err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestBlobsOfEverySizeArriveWhole(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]byte{
		"empty":                    {},
		"one line":                 []byte(`{"kind":"ConfigMap"}`),
		"repetitive":               bytes.Repeat([]byte("line\n"), 100_000),
		"as large as one chunk":    noise(t, protocol.MaxChunk-64),
		"two chunks":               noise(t, protocol.MaxChunk+1),
		"more chunks than at once": noise(t, 9*protocol.MaxChunk),
	} {
		ref, s := seal(t, lines)
		packed, got, err := blobs.Fetch(t.Context(), s, ref)
		if err != nil || !bytes.Equal(got, lines) {
			t.Errorf("%s: %d bytes instead of %d, %v", name, len(got), len(lines), err)
		}
		if again, err := agent.Unpack(packed, ref.Size); err != nil || !bytes.Equal(again, lines) {
			t.Errorf("%s: what is to be stored gives %d bytes instead of %d, %v", name, len(again), len(lines), err)
		}
		if len(s.asked) != ref.Chunks || s.most > 4 {
			t.Errorf("%s: %d requests for %d chunks, %d at once", name, len(s.asked), ref.Chunks, s.most)
		}
	}
}

// Nothing is returned that the signed bundle does not describe, and the error says what is wrong.
func TestHostileBlobsAreRefused(t *testing.T) {
	t.Parallel()
	lines := noise(t, 3*protocol.MaxChunk)
	altered, empty := "was altered", protocol.BlobDigest(nil)
	served := func(spoil func(s *store)) func(*protocol.Blob, *store) {
		return func(_ *protocol.Blob, s *store) { spoil(s) }
	}
	said := func(spoil func(ref *protocol.Blob)) func(*protocol.Blob, *store) {
		return func(ref *protocol.Blob, s *store) {
			spoil(ref)
			s.id = ref.ID()
		}
	}
	for name, c := range map[string]struct {
		spoil func(*protocol.Blob, *store)
		want  string
	}{
		"a flipped bit":           {served(func(s *store) { s.chunks[1] = flip(s.chunks[1]) }), altered},
		"chunks in another order": {served(func(s *store) { slices.Reverse(s.chunks[:2]) }), altered},
		"one chunk twice":         {served(func(s *store) { s.chunks[1] = s.chunks[0] }), altered},
		"cut off at the end":      {served(func(s *store) { cut(s, len(s.chunks)-1, 1) }), altered},
		"cut off in the middle":   {served(func(s *store) { cut(s, 1, 1000) }), altered},
		"an empty chunk":          {served(func(s *store) { s.chunks[2] = nil }), altered},
		"bytes appended":          {served(func(s *store) { s.chunks[3] = append(s.chunks[3], 0) }), altered},
		"fewer chunks than said":  {served(func(s *store) { s.chunks = s.chunks[:2] }), "has no chunk"},
		"more chunks than said":   {said(func(ref *protocol.Blob) { ref.Chunks-- }), altered},
		"no chunks":               {said(func(ref *protocol.Blob) { ref.Chunks = 0 }), altered},
		"another key":             {said(func(ref *protocol.Blob) { ref.Key = flip(ref.Key) }), altered},
		"a short key":             {said(func(ref *protocol.Blob) { ref.Key = ref.Key[1:] }), "31 bytes instead of 32"},
		"another digest":          {said(func(ref *protocol.Blob) { ref.Digest = empty }), "has the digest"},
		"larger than said":        {said(func(ref *protocol.Blob) { ref.Size-- }), "larger than it may be"},
		"said to be empty":        {said(func(ref *protocol.Blob) { ref.Size = 0 }), "larger than it may be"},
	} {
		ref, s := seal(t, lines)
		c.spoil(&ref, s)
		packed, got, err := blobs.Fetch(t.Context(), s, ref)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
		if packed != nil || got != nil {
			t.Errorf("%s: it gives %d and %d bytes all the same", name, len(packed), len(got))
		}
	}
}

func flip(data []byte) []byte {
	out := bytes.Clone(data)
	out[len(out)/2] ^= 1
	return out
}

func cut(s *store, chunk, bytes int) {
	s.chunks[chunk] = s.chunks[chunk][:len(s.chunks[chunk])-bytes]
}

// Even the hub's own key does not let compressed data in that is broken, or unfolds to more than the bundle says.
func TestCompressedDataIsNotTrusted(t *testing.T) {
	t.Parallel()
	lines := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	packed := agent.Pack(lines)
	for name, c := range map[string]struct {
		packed []byte
		size   int64
		want   string
	}{
		"no zstd at all":       {[]byte("plain text"), 1 << 20, "decompress"},
		"nothing":              {nil, 1 << 20, "decompress"},
		"cut off":              {packed[:len(packed)/2], 1 << 20, "decompress"},
		"the header only":      {packed[:6], 1 << 20, "decompress"},
		"a bomb":               {packed, 1 << 10, "larger than it may be"},
		"a bomb in two frames": {append(agent.Pack([]byte("a")), packed...), 1 << 10, "larger than it may be"},
		"a frame too many":     {append(bytes.Clone(packed), agent.Pack([]byte("more"))...), 1<<20 + 4, "has the digest"},
	} {
		ref, s := sealPacked(t, lines, c.packed)
		ref.Size = c.size
		if _, _, err := blobs.Fetch(t.Context(), s, ref); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

// A chunk that cannot be fetched ends the requests for the others, and its reason is the error.
func TestAFetchThatIsCutOffEndsAtOnce(t *testing.T) {
	t.Parallel()
	ref, s := seal(t, noise(t, 5*protocol.MaxChunk))
	synctest.Test(t, func(t *testing.T) {
		s.fail = func(ctx context.Context, chunk int) error {
			if chunk == 2 {
				return fmt.Errorf("chunk %d: %w", chunk, agent.ErrOffline)
			}
			<-ctx.Done() // the others hang until they are cancelled
			return ctx.Err()
		}
		packed, lines, err := blobs.Fetch(t.Context(), s, ref)
		if !errors.Is(err, agent.ErrOffline) || !strings.Contains(err.Error(), "chunk 2") {
			t.Errorf("the error is %v, want that of chunk 2", err)
		}
		if packed != nil || lines != nil {
			t.Error("it returns a blob all the same")
		}
	})
	s.fail = nil // the connection is back
	if _, _, err := blobs.Fetch(t.Context(), s, ref); err != nil {
		t.Errorf("the next fetch: %v", err)
	}
}

// A fetch of one chunk or of many ends when its context does, and no request is left behind.
func TestAFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 5 * protocol.MaxChunk} {
		ref, s := seal(t, noise(t, size))
		synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
			ctx, cancel := context.WithCancelCause(t.Context())
			s.fail = func(ctx context.Context, _ int) error {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			reason := errors.New("another leader took over")
			done := make(chan error, 1)
			go func() {
				_, _, err := blobs.Fetch(ctx, s, ref)
				done <- err
			}()
			synctest.Wait()
			cancel(reason)
			if err := <-done; !errors.Is(err, reason) {
				t.Errorf("%d bytes: the error is %v", size, err)
			}
		})
	}
}
