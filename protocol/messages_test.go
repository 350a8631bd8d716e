package protocol

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// The keys of these tests are derived from a word, so that they are the same in every run and are visibly no secret.
func testKey(word string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("drover test signing key " + word))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testPublic(word string) ed25519.PublicKey {
	return testKey(word).Public().(ed25519.PublicKey)
}

func testOpenKey(t testing.TB, word string) (private, public []byte) {
	t.Helper()
	seed := sha256.Sum256([]byte("drover test open key " + word))
	k, err := x25519().NewPrivateKey(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k.Bytes(), k.PublicKey().Bytes()
}

var testSecret = bytes.Repeat([]byte("fleet!"), 6)

// testBundle is a bundle with a value in every field.
func testBundle(edits ...func(*Bundle)) Bundle {
	b := Bundle{
		Version: 1, Cluster: "staging", Generation: 7,
		Revision: Revision{
			Hash: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Branch: "main", Subject: "payment: raise the limit",
			Time: time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC),
		},
		Suspend: true, Incomplete: "clusters/staging/broken.yaml:3: invalid YAML",
		Apps: []App{{
			Name: "payment", DependsOn: []string{"database"}, Prune: true, Suspend: true, Namespace: "shop", Timeout: 90,
			Revision: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Error: "apps/payment: it does not build",
			Blob: &Blob{Digest: BlobDigest([]byte("lines")), Key: bytes.Repeat([]byte{7}, blobKeySize), Size: 5, Chunks: 1, Objects: 3},
		}, {Name: "root"}},
	}
	for _, edit := range edits {
		edit(&b)
	}
	return b
}

// testHandling is a Handling with a value in every field.
func testHandling() Handling {
	ready := Expression{Text: "status.ok", Tree: json.RawMessage(`[".",["id","status"],"ok"]`)}
	return Handling{
		ServiceAccount:  "shop/deployer",
		CreateNamespace: &NamespaceRequest{Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"note": "by request"}},
		Orphan:          true, Recreate: true, KeepDrift: true,
		Ignored:    []Ignored{{Object: ObjectRef{Group: "apps", Kind: "Deployment", Name: "payment"}, Paths: []string{"/spec/replicas"}, Managers: []string{"autoscaler"}}},
		Health:     []HealthRule{{Group: "example.com", Kind: "Widget", InProgress: &ready, Failed: &ready, Current: &ready, Message: &ready}},
		Checks:     []ObjectRef{{Kind: "Service", Namespace: "shop", Name: "queue"}},
		Ready:      []Readiness{{App: "database", Expression: ready, Instead: true, Self: json.RawMessage(`{"a":1}`), Dep: json.RawMessage(`{"b":2}`)}},
		Decrypt:    &Decryption{Namespace: "shop", Secret: "keys"},
		Substitute: &Substitution{Vars: map[string]string{"region": "eu"}, From: []VarsRef{{Kind: "Secret", Namespace: "shop", Name: "vars", Optional: true}}, Strict: true, Always: true},
	}
}

// testReport is a report with a value in every field.
func testReport() Report {
	at := time.Date(2026, 11, 3, 9, 31, 2, 500000000, time.UTC)
	event := testEvent()
	return Report{
		Version: 1, Cluster: "staging", Seq: 42, Time: at,
		Agent:      Agent{Version: "v0.1.0", Identity: "drover-agent-x7k2p", Started: at.Add(-time.Hour), Kubernetes: "v1.37.2"},
		Generation: 7, Digest: testBundle().Digest(), Revision: testBundle().Revision, Suspended: true,
		Refused: &Refusal{Time: at, Generation: 8, Reason: "not signed by this fleet's hub"},
		Message: "the API server answers slowly",
		Apps: []AppReport{{
			Name: "payment", Phase: PhaseDegraded, Health: HealthDegraded, Message: "Deployment/shop/payment: 1 of 2 pods are ready",
			Revision: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Digest: BlobDigest([]byte("lines")), Objects: 3, Current: 2, Since: at,
			Problems: []Problem{{
				Object: ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "payment"},
				Health: HealthDegraded, Message: "1 of 2 pods are ready",
			}}, More: 1,
		}},
		Drift: Drift{Corrected: 3, Last: &event},
	}
}

// testEvent is an event with a value in every field.
func testEvent() Event {
	return Event{
		Version: 1, Cluster: "staging", Seq: 9, Time: time.Date(2026, 11, 3, 9, 30, 59, 0, time.UTC), Kind: EventDrift, App: "payment",
		Object:   &ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "payment"},
		Revision: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Generation: 7, Fields: []string{".spec.replicas"},
		By: "kubectl-scale", Message: "put back", Took: 12.5,
	}
}

// testCredential is a credential with a value in every field.
func testCredential(t testing.TB, edits ...func(*Credential)) Credential {
	private, _ := testOpenKey(t, "staging")
	c := Credential{
		Version: 1, Cluster: "staging", JWT: "header.claims.signature", Seed: "SUNOSEEDBUTATEST", OpenKey: private,
		Trust: Trust{Servers: []string{"tls://hub.example:4222"}, HubKeys: [][]byte{testPublic("hub")}},
	}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustSign(t testing.TB, b Bundle, key ed25519.PrivateKey) []byte {
	t.Helper()
	envelope, err := SignBundle(b, key)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// signAnything signs a payload as the hub would, whatever it holds: what a hub of another release might send.
func signAnything(t testing.TB, payloadType string, payload []byte, key ed25519.PrivateKey) []byte {
	t.Helper()
	return mustJSON(t, Envelope{payloadType, payload, []Signature{{
		KeyID: KeyID(key.Public().(ed25519.PublicKey)), Sig: ed25519.Sign(key, preAuth(payloadType, payload)),
	}}})
}

// wantError checks that err is there and says all of the parts.
func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}
