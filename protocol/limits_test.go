package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// What is exactly as large as it may be is taken, and nothing larger: hub and agent agree on every bound to the byte.
func TestBoundsOfABundleAreExact(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*Bundle)
		ok   bool
	}{
		"the highest generation":    {func(b *Bundle) { b.Generation = MaxGeneration }, true},
		"a generation above":        {func(b *Bundle) { b.Generation = MaxGeneration + 1 }, false},
		"the highest epoch":         {func(b *Bundle) { b.Epoch = MaxEpoch }, true},
		"an epoch above":            {func(b *Bundle) { b.Epoch = MaxEpoch + 1 }, false},
		"an empty blob":             {func(b *Bundle) { b.Apps[0].Blob.Size, b.Apps[0].Blob.Objects = 0, 0 }, true},
		"fewer bytes than none":     {func(b *Bundle) { b.Apps[0].Blob.Size = -1 }, false},
		"fewer objects than none":   {func(b *Bundle) { b.Apps[0].Blob.Objects = -1 }, false},
		"the largest blob":          {func(b *Bundle) { b.Apps[0].Blob.Size = MaxBlob }, true},
		"a blob above":              {func(b *Bundle) { b.Apps[0].Blob.Size = MaxBlob + 1 }, false},
		"the most chunks":           {func(b *Bundle) { b.Apps[0].Blob.Chunks = MaxBlob/MaxChunk + 1 }, true},
		"a chunk above":             {func(b *Bundle) { b.Apps[0].Blob.Chunks = MaxBlob/MaxChunk + 2 }, false},
		"a name of every sort":      {func(b *Bundle) { b.Cluster = "a0-9z" }, true},
		"the shortest name":         {func(b *Bundle) { b.Cluster = "z" }, true},
		"a name of other letters":   {func(b *Bundle) { b.Cluster = "z{" }, false},
		"a name that ends with -":   {func(b *Bundle) { b.Cluster = "z-" }, false},
		"a name that begins with -": {func(b *Bundle) { b.Cluster = "-z" }, false},
	} {
		b := testBundle()
		c.edit(&b)
		if err := b.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheLargestBundleIsSignedAndVerified(t *testing.T) {
	t.Parallel()
	key := testKey("hub")
	b := testBundle()
	b.Content = b.Digest()
	plain, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	b.Revision.Subject += strings.Repeat("x", MaxBundle-len(plain))
	envelope, err := SignBundle(b, key)
	if err != nil {
		t.Fatalf("a bundle of MaxBundle bytes is not signed: %v", err)
	}
	if _, err := VerifyBundle(envelope, b.Cluster, []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}); err != nil {
		t.Errorf("a bundle of MaxBundle bytes is not verified: %v", err)
	}
	b.Revision.Subject += "x"
	if _, err := SignBundle(b, key); err == nil {
		t.Error("a bundle of one byte more is signed")
	}
}

func TestBoundsOfAnEnvelopeAreExact(t *testing.T) {
	t.Parallel()
	const limit = 1000
	key := testKey("hub")
	keys := []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}
	for size, ok := range map[int]bool{0: true, limit: true, limit + 1: false} {
		envelope, err := sign(BundleType, bytes.Repeat([]byte("x"), size), []ed25519.PrivateKey{key})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := verify(envelope, BundleType, limit, keys); (err == nil) != ok || ok && len(got) != size {
			t.Errorf("a payload of %d bytes: %d, %v", size, len(got), err)
		}
	}
	envelope, err := sign(BundleType, []byte("text"), []ed25519.PrivateKey{key})
	if err != nil {
		t.Fatal(err)
	}
	for size, ok := range map[int]bool{2 * limit: true, 2*limit + 1: false} {
		padded := append(bytes.Clone(envelope), bytes.Repeat([]byte(" "), size-len(envelope))...)
		if _, err := verify(padded, BundleType, limit, keys); (err == nil) != ok {
			t.Errorf("an envelope of %d bytes: %v", size, err)
		}
	}
}

func TestBoundsOfAReportAreExact(t *testing.T) {
	t.Parallel()
	report := func(r Report) []byte {
		r.Version, r.Cluster = Version, "staging"
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	pad := func(size int) []byte {
		data := report(Report{})
		return append(data, bytes.Repeat([]byte(" "), size-len(data))...)
	}
	commas := func(n int) []byte {
		data := report(Report{})
		n -= bytes.Count(data, []byte(","))
		return append(data[:len(data)-1], `,"later":"`+strings.Repeat(",", n-1)+`"}`...)
	}
	list := func(problems, objects int) []byte { // of one app and one hold
		many := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("{},", n), ",") + "]" }
		return []byte(`{"version":1,"cluster":"staging","apps":[{"problems":` + many(problems) +
			`}],"held":[{"objects":` + many(objects) + `}]}`)
	}
	for name, c := range map[string]struct {
		data []byte
		ok   bool
	}{
		"as large as it may be": {pad(MaxReport), true},
		"a byte larger":         {pad(MaxReport + 1), false},
		"as many fields":        {commas(maxCommas), true},
		"a field more":          {commas(maxCommas + 1), false},
		"the longest commit":    {report(Report{Revision: Revision{Hash: strings.Repeat("a", maxHash)}}), true},
		"a longer commit":       {report(Report{Revision: Revision{Hash: strings.Repeat("a", maxHash+1)}}), false},
		"as many problems":      {list(maxElements-2, 0), true},
		"a problem more":        {list(maxElements-1, 0), false},
		"as many objects":       {list(0, maxElements-2), true},
		"an object more":        {list(0, maxElements-1), false},
		"both together":         {list(maxElements/2, maxElements/2-1), false},
	} {
		if _, err := DecodeReport(c.data, "staging"); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheShortestSecretAndSpeechAreTaken(t *testing.T) {
	t.Parallel()
	if _, _, err := SealBlob(make([]byte, 32), BlobDigest(nil), nil); err != nil {
		t.Errorf("a secret of 32 bytes: %v", err)
	}
	private, public, err := NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Speak(SpeechReport, "staging", testKey("agent"), public, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSpeech(SpeechReport, "staging", private, sealed); err != nil {
		t.Errorf("a speech of nothing: %v", err)
	}
	short, err := seal(public, sealInfo(string(SpeechReport), "staging"), make([]byte, speechHead-1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSpeech(SpeechReport, "staging", private, short); !errors.Is(err, ErrMalformed) {
		t.Errorf("a speech without a whole signature: %v", err)
	}
}
