package protocol

import (
	"crypto/ed25519"
	"errors"
	"testing"
)

// The decoders are given anything at all: none may panic, and what they refuse they do not give out.

func FuzzVerifyBundle(f *testing.F) {
	hub := testKey("hub")
	f.Add(mustSign(f, testBundle(), hub), []byte("{}"))
	f.Add(mustSign(f, testBundle(), testKey("thief")), mustJSON(f, testBundle()))
	f.Add([]byte(`{"payloadType":"application/vnd.drover.bundle+json","payload":"e30=","signatures":[{"keyid":"","sig":""}]}`), []byte(`{"apps":null}`))
	f.Add([]byte(`{"payload":null,"signatures":null}`), []byte(`{"version":1,"cluster":"staging","generation":1,"apps":[{"name":"a","blob":{}}]}`))
	f.Fuzz(func(t *testing.T, envelope, payload []byte) {
		keys := []ed25519.PublicKey{testPublic("hub")}
		if b, err := VerifyBundle(envelope, "staging", keys); err == nil && b.Check() != nil {
			t.Errorf("a bundle was taken that is not in order: %v", b.Check())
		}
		// What the hub signs is not to be trusted blindly either: it may be of another release.
		b, err := VerifyBundle(signAnything(t, BundleType, payload, hub), "staging", keys)
		if err != nil {
			if errors.Is(err, ErrUnsigned) {
				t.Errorf("signed, and refused as unsigned: %v", err)
			}
			return
		}
		if b.Check() != nil || b.Cluster != "staging" {
			t.Errorf("a bundle was taken that is not in order: %+v", b)
		}
		b.Digest()
	})
}

func FuzzUnseal(f *testing.F) {
	private, public := testOpenKey(f, "staging")
	sealed, err := Seal(public, "staging", []byte("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(private, sealed)
	f.Add(private, []byte(sealPrefix))
	f.Add([]byte{}, sealed)
	f.Fuzz(func(t *testing.T, key, sealed []byte) {
		if got, err := Unseal(key, "staging", sealed); err != nil && got != nil {
			t.Error("something was given out beside an error")
		}
	})
}

func FuzzDecodeReport(f *testing.F) {
	f.Add(mustJSON(f, testReport()))
	f.Add([]byte(`{"cluster":"staging","apps":[null],"drift":{"last":null},"refused":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := DecodeReport(data, "staging"); err == nil && r.Cluster != "staging" {
			t.Errorf("a report of %q was taken", r.Cluster)
		}
	})
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add(mustJSON(f, testEvent()))
	f.Add([]byte(`{"cluster":"staging","object":null,"fields":[null],"took":1e308}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := DecodeEvent(data, "staging"); err == nil && e.Cluster != "staging" {
			t.Errorf("an event of %q was taken", e.Cluster)
		}
	})
}

func FuzzDecodeCredential(f *testing.F) {
	f.Add(mustJSON(f, testCredential(f)))
	f.Add([]byte(`{"cluster":"a","hubKeys":[null],"openKey":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeCredential(data)
		if err != nil {
			return
		}
		for _, k := range c.SigningKeys() {
			if len(k) != ed25519.PublicKeySize {
				t.Errorf("a key of %d bytes was taken", len(k)) // ed25519.Verify would panic on it
			}
		}
	})
}

func FuzzOpenBlob(f *testing.F) {
	ref, sealed := mustSeal(f, testSecret, BlobDigest(nil), []byte("x"))
	f.Add(ref.Key, sealed)
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, key, sealed []byte) {
		out, err := OpenBlob(Blob{Key: key}, sealed)
		if err == nil && len(out) > len(sealed) {
			t.Errorf("%d bytes came out of %d", len(out), len(sealed))
		}
	})
}
