package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestSignedBundleComesBackAsItWas(t *testing.T) {
	b := testBundle()
	got, err := VerifyBundle(mustSign(t, b, testKey("hub")), "staging", []ed25519.PublicKey{testPublic("old"), testPublic("hub")})
	if err != nil {
		t.Fatal(err)
	}
	b.Content = b.Digest() // which the signer adds
	if !reflect.DeepEqual(got, b) {
		t.Errorf("got  %+v\nwant %+v", got, b)
	}
}

// TestEnvelopeIsDSSE holds the signature against the text that the DSSE specification says is signed, so that other
// programs can check a bundle.
func TestEnvelopeIsDSSE(t *testing.T) {
	var e Envelope
	if err := json.Unmarshal(mustSign(t, testBundle(), testKey("hub")), &e); err != nil {
		t.Fatal(err)
	}
	if got, want := string(preAuth("http://example.com/HelloWorld", []byte("hello world"))),
		"DSSEv1 29 http://example.com/HelloWorld 11 hello world"; got != want {
		t.Errorf("pre-authentication encoding %q, want %q as in the specification", got, want)
	}
	if !ed25519.Verify(testPublic("hub"), preAuth(e.PayloadType, e.Payload), e.Signatures[0].Sig) {
		t.Error("the signature is not over DSSE's pre-authentication encoding")
	}
}

func TestVerifyRefuses(t *testing.T) {
	hub := testKey("hub")
	signed := func(edit func(*Bundle)) func(testing.TB) []byte {
		return func(t testing.TB) []byte { return signAnything(t, BundleType, mustJSON(t, testBundle(edit)), hub) }
	}
	edited := func(edit func(*Envelope)) func(testing.TB) []byte {
		return func(t testing.TB) []byte {
			var e Envelope
			if err := json.Unmarshal(mustSign(t, testBundle(), hub), &e); err != nil {
				t.Fatal(err)
			}
			edit(&e)
			return mustJSON(t, e)
		}
	}
	blob := func(edit func(*Blob)) func(testing.TB) []byte {
		return signed(func(b *Bundle) { edit(b.Apps[0].Blob) })
	}
	for name, c := range map[string]struct {
		envelope func(testing.TB) []byte
		want     error
		says     string
	}{
		"the signature of another key": {func(t testing.TB) []byte { return mustSign(t, testBundle(), testKey("thief")) }, ErrUnsigned, ""},
		"another key under the hub's name": {func(t testing.TB) []byte {
			var e Envelope
			if err := json.Unmarshal(mustSign(t, testBundle(), testKey("thief")), &e); err != nil {
				t.Fatal(err)
			}
			e.Signatures[0].KeyID = KeyID(testPublic("hub"))
			return mustJSON(t, e)
		}, ErrUnsigned, ""},
		"no signature":           {edited(func(e *Envelope) { e.Signatures = nil }), ErrUnsigned, ""},
		"a short signature":      {edited(func(e *Envelope) { e.Signatures[0].Sig = e.Signatures[0].Sig[:63] }), ErrUnsigned, ""},
		"an unnamed signature":   {edited(func(e *Envelope) { e.Signatures[0].KeyID = "" }), ErrUnsigned, ""},
		"a payload cut short":    {edited(func(e *Envelope) { e.Payload = e.Payload[:len(e.Payload)-1] }), ErrUnsigned, ""},
		"a payload put in":       {edited(func(e *Envelope) { e.Payload = []byte(`{"version":1}`) }), ErrUnsigned, ""},
		"another payload type":   {edited(func(e *Envelope) { e.PayloadType = "text/plain" }), ErrMalformed, `"text/plain"`},
		"another type, signed":   {func(t testing.TB) []byte { return signAnything(t, "text/plain", []byte("{}"), hub) }, ErrMalformed, "no application/vnd.drover.bundle+json"},
		"a signed text":          {func(t testing.TB) []byte { return signAnything(t, BundleType, []byte("hello"), hub) }, ErrMalformed, "payload"},
		"nothing":                {func(testing.TB) []byte { return nil }, ErrMalformed, "envelope"},
		"no JSON":                {func(testing.TB) []byte { return []byte("hello") }, ErrMalformed, "envelope"},
		"an envelope cut short":  {func(t testing.TB) []byte { e := mustSign(t, testBundle(), hub); return e[:len(e)-1] }, ErrMalformed, "envelope"},
		"a giant envelope":       {func(testing.TB) []byte { return make([]byte, 2*MaxBundle+1) }, ErrMalformed, "bytes"},
		"a giant payload":        {func(t testing.TB) []byte { return signAnything(t, BundleType, make([]byte, MaxBundle+1), hub) }, ErrMalformed, "bytes"},
		"another cluster's":      {signed(func(b *Bundle) { b.Cluster = "production" }), ErrForeign, "production"},
		"a newer version":        {signed(func(b *Bundle) { b.Version = Version + 1 }), ErrVersion, "upgrade"},
		"no version":             {signed(func(b *Bundle) { b.Version = 0 }), ErrMalformed, "no version"},
		"generation 0":           {signed(func(b *Bundle) { b.Generation = 0 }), ErrMalformed, "no generation"},
		"no cluster":             {signed(func(b *Bundle) { b.Cluster = "" }), ErrMalformed, "cluster"},
		"a cluster with a dot":   {signed(func(b *Bundle) { b.Cluster = "a.>" }), ErrMalformed, "DNS label"},
		"an app named twice":     {signed(func(b *Bundle) { b.Apps[1].Name = b.Apps[0].Name }), ErrMalformed, "payment twice"},
		"an app without a name":  {signed(func(b *Bundle) { b.Apps[1].Name = "" }), ErrMalformed, "empty"},
		"an app named as a path": {signed(func(b *Bundle) { b.Apps[1].Name = "../x" }), ErrMalformed, "DNS label"},
		"a short digest":         {blob(func(b *Blob) { b.Digest = "abc123" }), ErrMalformed, "payment: the blob's digest"},
		"a digest that is none":  {blob(func(b *Blob) { b.Digest = strings.Repeat("g", 64) }), ErrMalformed, "no sha256"},
		"a short blob key":       {blob(func(b *Blob) { b.Key = b.Key[1:] }), ErrMalformed, "31 bytes instead of 32"},
		"no blob key":            {blob(func(b *Blob) { b.Key = nil }), ErrMalformed, "0 bytes instead of 32"},
		"a negative size":        {blob(func(b *Blob) { b.Size = -1 }), ErrMalformed, "out of bounds"},
		"a giant size":           {blob(func(b *Blob) { b.Size = MaxBlob + 1 }), ErrMalformed, "out of bounds"},
		"no chunks":              {blob(func(b *Blob) { b.Chunks = 0 }), ErrMalformed, "out of bounds"},
		"too many chunks":        {blob(func(b *Blob) { b.Chunks = MaxBlob/MaxChunk + 2 }), ErrMalformed, "out of bounds"},
		"negative objects":       {blob(func(b *Blob) { b.Objects = -1 }), ErrMalformed, "out of bounds"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := VerifyBundle(c.envelope(t), "staging", []ed25519.PublicKey{testPublic("hub")})
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			wantError(t, err, c.says)
			if !reflect.DeepEqual(got, Bundle{}) {
				t.Errorf("a refused bundle was given out: %+v", got)
			}
		})
	}
}

// TestVerifyNeedsAKey: without keys, or with ones that are none, nothing is signed.
func TestVerifyNeedsAKey(t *testing.T) {
	envelope := mustSign(t, testBundle(), testKey("hub"))
	for name, keys := range map[string][]ed25519.PublicKey{
		"none": nil, "an empty one": {{}}, "a short one": {testPublic("hub")[:31]}, "another": {testPublic("thief")},
	} {
		if _, err := VerifyBundle(envelope, "staging", keys); !errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: error %v, want %v", name, err, ErrUnsigned)
		}
	}
}

// TestEveryChangedByteIsNoticed changes each byte of an envelope in turn. A few changes alter nothing (JSON takes field
// names in any case, base64 has spare bits): then the bundle must be the very same.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	b := testBundle()
	envelope := mustSign(t, b, testKey("hub"))
	keys := []ed25519.PublicKey{testPublic("hub")}
	b.Content = b.Digest()
	refused := 0
	for i := range envelope {
		for _, bit := range []byte{0x01, 0x20, 0x80} {
			bad := bytes.Clone(envelope)
			bad[i] ^= bit
			got, err := VerifyBundle(bad, "staging", keys)
			switch {
			case errors.Is(err, ErrUnsigned) || errors.Is(err, ErrMalformed):
				refused++
			case err != nil:
				t.Errorf("byte %d: %v is none of the reasons there are", i, err)
			case !reflect.DeepEqual(got, b):
				t.Errorf("byte %d: a changed bundle was taken: %+v", i, got)
			}
		}
	}
	if refused < len(envelope)*2 {
		t.Errorf("%d of %d changes were noticed", refused, 3*len(envelope))
	}
}

func TestEveryCutIsNoticed(t *testing.T) {
	envelope := mustSign(t, testBundle(), testKey("hub"))
	for n := range envelope {
		if _, err := VerifyBundle(envelope[:n], "staging", []ed25519.PublicKey{testPublic("hub")}); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: error %v, want %v", n, err, ErrMalformed)
		}
	}
}

// TestASecondSignatureIsFine: a bundle may be signed with the old key and the new while keys are changed.
func TestASecondSignatureIsFine(t *testing.T) {
	var e Envelope
	if err := json.Unmarshal(mustSign(t, testBundle(), testKey("new")), &e); err != nil {
		t.Fatal(err)
	}
	e.Signatures = append(e.Signatures, Signature{KeyID(testPublic("hub")), ed25519.Sign(testKey("hub"), preAuth(e.PayloadType, e.Payload))})
	if _, err := VerifyBundle(mustJSON(t, e), "staging", []ed25519.PublicKey{testPublic("hub")}); err != nil {
		t.Error(err)
	}
}

func TestSignRefusesWhatNobodyWouldTake(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Bundle)
		says string
	}{
		"generation 0":   {func(b *Bundle) { b.Generation = 0 }, "no generation"},
		"a bad name":     {func(b *Bundle) { b.Cluster = "Staging" }, "DNS label"},
		"an app twice":   {func(b *Bundle) { b.Apps[1].Name = "payment" }, "twice"},
		"a giant bundle": {func(b *Bundle) { b.Incomplete = strings.Repeat("x", MaxBundle) }, "split"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := SignBundle(testBundle(c.edit), testKey("hub"))
			wantError(t, err, c.says)
		})
	}
}

func TestSealedMessageOpensForItsClusterAlone(t *testing.T) {
	private, public := testOpenKey(t, "staging")
	other, _ := testOpenKey(t, "production")
	for _, message := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte("drover"), 100000)} {
		sealed, err := Seal(public, "staging", message)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Unseal(private, "staging", sealed)
		if err != nil || !bytes.Equal(got, message) {
			t.Errorf("a message of %d bytes came back with %d (%v)", len(message), len(got), err)
		}
		if _, err := Unseal(other, "staging", sealed); !errors.Is(err, ErrNotSealed) {
			t.Errorf("another cluster's key: error %v, want %v", err, ErrNotSealed)
		}
		if _, err := Unseal(private, "production", sealed); !errors.Is(err, ErrNotSealed) {
			t.Errorf("under another cluster's name: error %v, want %v", err, ErrNotSealed)
		}
	}
}

func TestUnsealNoticesEveryChangedByteAndEveryCut(t *testing.T) {
	private, public := testOpenKey(t, "staging")
	sealed, err := Seal(public, "staging", []byte("the desired state"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x01
		if i == len(sealPrefix)+31 {
			bad[i] ^= 0x40 // the highest bit of an X25519 key is ignored, as RFC 7748 says; every other counts
		}
		if _, err := Unseal(private, "staging", bad); !errors.Is(err, ErrNotSealed) {
			t.Errorf("byte %d: error %v, want %v", i, err, ErrNotSealed)
		}
		if _, err := Unseal(private, "staging", sealed[:i]); !errors.Is(err, ErrNotSealed) {
			t.Errorf("cut to %d bytes: error %v, want %v", i, err, ErrNotSealed)
		}
	}
	if _, err := Unseal(private, "staging", append(sealed, 0)); !errors.Is(err, ErrNotSealed) {
		t.Errorf("a byte more: error %v, want %v", err, ErrNotSealed)
	}
}

// TestTwoSealsDiffer: the bus must not be able to tell that a bundle is the one of before.
func TestTwoSealsDiffer(t *testing.T) {
	_, public := testOpenKey(t, "staging")
	a, errA := Seal(public, "staging", []byte("same"))
	b, errB := Seal(public, "staging", []byte("same"))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if bytes.Equal(a, b) {
		t.Error("the same message was sealed to the same bytes twice")
	}
}

func TestSealWantsKeys(t *testing.T) {
	private, public := testOpenKey(t, "staging")
	if _, err := Seal(public[1:], "staging", nil); err == nil {
		t.Error("sealed to a key of 31 bytes")
	}
	sealed, err := Seal(public, "staging", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Unseal(private[1:], "staging", sealed); err == nil {
		t.Error("opened with a key of 31 bytes")
	}
	fresh, freshPublic, err := NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err = Seal(freshPublic, "staging", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Unseal(fresh, "staging", sealed); err != nil || string(got) != "x" {
		t.Errorf("a new key pair opens %q, %v", got, err)
	}
}
