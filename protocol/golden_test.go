package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// add writes the golden messages that are not there yet. It never changes one.
var add = flag.Bool("add", false, "add the golden messages of testdata/ that are missing")

// golden is one file of testdata/v1: a message as it was once sent, what is needed to open it, and what it says.
type golden struct {
	Says    string          `json:"says"`              // what is special about it
	Kind    string          `json:"kind"`              // see testdata/README.md
	Cluster string          `json:"cluster,omitempty"` // who reads it
	HubKeys [][]byte        `json:"hubKeys,omitempty"` // who may have signed it
	OpenKey []byte          `json:"openKey,omitempty"` // what opens it
	Ref     *Blob           `json:"ref,omitempty"`     // what refers to it
	Sent    json.RawMessage `json:"sent,omitempty"`    // the message, where it is JSON
	Bytes   []byte          `json:"bytes,omitempty"`   // the message, where it is not
	Want    json.RawMessage `json:"want,omitempty"`    // what it says: every field in here must come out of it
	Digest  string          `json:"digest,omitempty"`  // Bundle.Digest of it
	Opened  []byte          `json:"opened,omitempty"`  // what came out, where that is no JSON
}

// TestGoldenMessagesAreDecodedForEver decodes every message that was ever sent.
func TestGoldenMessagesAreDecodedForEver(t *testing.T) {
	files, err := filepath.Glob("testdata/v*/*.json")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d golden messages, %v; they are add-only", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file[len("testdata/"):], ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			dec := json.NewDecoder(bytes.NewReader(data))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&g); err != nil {
				t.Fatal(err)
			}
			if g.Kind == "blob" {
				g.checkBlob(t)
				return
			}
			var got, want any
			if err := json.Unmarshal(mustJSON(t, g.decode(t)), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(g.Want, &want); err != nil {
				t.Fatal(err)
			}
			within(t, "", got, want)
		})
	}
}

// decode reads the message as its receiver would.
func (g golden) decode(t *testing.T) any {
	t.Helper()
	switch g.Kind {
	case "report":
		return g.must(t)(DecodeReport(g.Sent, g.Cluster))
	case "event":
		return g.must(t)(DecodeEvent(g.Sent, g.Cluster))
	case "credential":
		return g.must(t)(DecodeCredential(g.Sent))
	case "jointoken":
		return g.must(t)(DecodeJoinToken(g.Sent))
	case "keyrequest":
		return g.must(t)(verified[KeyRequest](g))
	case "hello":
		return g.must(t)(verified[Hello](g))
	case "grant":
		return g.must(t)(verified[Grant](g))
	case "ask":
		return g.must(t)(verified[Ask](g))
	case "answer":
		s, err := OpenSpeech(SpeechAnswer, g.Cluster, g.OpenKey, g.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := s.Verify(g.keys())
		if err != nil {
			t.Fatal(err)
		}
		return g.must(t)((&Transcript{Cluster: g.Cluster, ID: "Q1"}).Take(payload))
	case "speech":
		s, err := OpenSpeech(SpeechReport, g.Cluster, g.OpenKey, g.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := s.Verify(g.keys())
		if err != nil {
			t.Fatal(err)
		}
		return g.must(t)(DecodeReport(payload, g.Cluster))
	}
	var b Bundle
	switch g.Kind {
	case "bundle":
		if err := json.Unmarshal(g.Sent, &b); err != nil {
			t.Fatal(err)
		}
	case "envelope":
		b = g.verify(t, g.Sent)
	case "sealed":
		envelope, err := Unseal(g.OpenKey, g.Cluster, g.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		b = g.verify(t, envelope)
	default:
		t.Fatalf("a message of kind %q", g.Kind)
	}
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	if got := b.Digest(); got != g.Digest {
		t.Errorf("its digest is %s and was %s: hubs and agents of different releases would not agree on what was accepted", got, g.Digest)
	}
	return b
}

func (g golden) must(t *testing.T) func(any, error) any {
	return func(v any, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (g golden) verify(t *testing.T, envelope []byte) Bundle {
	t.Helper()
	b, err := VerifyBundle(envelope, g.Cluster, g.keys())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keys are those that may have signed it.
func (g golden) keys() []ed25519.PublicKey { return Trust{HubKeys: g.HubKeys}.SigningKeys() }

func verified[M message](g golden) (any, error) { return VerifyMessage[M](g.Sent, g.Cluster, g.keys()) }

// checkBlob opens a blob. What comes out is zstd, which the standard library does not read: hub tests go on from there.
func (g golden) checkBlob(t *testing.T) {
	t.Helper()
	got, err := OpenBlob(*g.Ref, g.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, g.Opened) {
		t.Errorf("it opens to %x, and was %x", got, g.Opened)
	}
	if err := g.Ref.check(); err != nil {
		t.Error(err)
	}
}

// within checks that everything in want is in got. Fields that a later release adds may be there too.
func within(t *testing.T, at string, got, want any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %v, want an object", at, got)
			return
		}
		for key, w := range want {
			within(t, at+"."+key, m[key], w)
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			t.Errorf("%s is %v, want %v", at, got, want)
			return
		}
		for i, w := range want {
			within(t, at+"[]", list[i], w)
		}
	default:
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", at, got, want)
		}
	}
}

// signedGolden is a signed message with a value in every field.
func signedGolden[M message](t *testing.T, kind string, m M) golden {
	t.Helper()
	envelope, err := SignMessage(m, testKey("hub"))
	if err != nil {
		t.Fatal(err)
	}
	return golden{Says: "a value in every field", Kind: kind, Cluster: "staging", HubKeys: [][]byte{testPublic("hub")}, Sent: envelope, Want: mustJSON(t, m)}
}

// TestAddGoldenMessages makes the messages of this release that testdata/ lacks, with -add. See testdata/README.md.
func TestAddGoldenMessages(t *testing.T) {
	if !*add {
		t.Skip("only with -add")
	}
	b := testBundle()
	small := Bundle{Version: 1, Cluster: "staging", Generation: 1, Apps: []App{}}
	envelope := mustSign(t, b, testKey("hub"))
	private, public := testOpenKey(t, "staging")
	sealed, err := Seal(public, "staging", envelope)
	if err != nil {
		t.Fatal(err)
	}
	keys := [][]byte{testPublic("hub")}
	full, digest := mustJSON(t, b), b.Digest()
	trust := testTrust(t)
	trusting := testBundle(func(b *Bundle) { b.Trust, b.AgentImage = &trust, "registry.example/drover-agent:v2" })
	needing := testBundle(func(b *Bundle) {
		h := Handling{ServiceAccount: "shop/deployer", Decrypt: &Decryption{Namespace: "shop", Secret: "keys"},
			Substitute: &Substitution{Vars: map[string]string{"region": "eu"}, Strict: true, Always: true,
				From: []VarsRef{{Kind: "Secret", Namespace: "shop", Name: "vars", Optional: true}}}}
		b.Apps[0].Handling, b.Apps[0].Needs = h, h.Needs()
	})
	handled := testBundle(func(b *Bundle) { b.Apps[0].Handling = testHandling() })
	joined := testCredential(t, func(c *Credential) {
		c.Trust, c.Token, c.Issued, c.Expires, c.Earlier = trust, "UNOUSERBUTATEST", issued, issued.Add(24*time.Hour), [][]byte{c.OpenKey}
	})
	later := testReport()
	later.Agent.Image, later.Agent.Trust, later.Agent.Expires = trusting.AgentImage, trust.ID(), joined.Expires
	hubPrivate, hubPublic, err := HubOpenKey(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	said, err := Speak(SpeechReport, "staging", testKey("hub"), hubPublic, mustJSON(t, later))
	if err != nil {
		t.Fatal(err)
	}
	served := testReport()
	served.APIs = []string{"apps/v1", "apps/v1/Deployment", "v1", "v1/Pod"}
	served.Agent.APIs = APIsDigest(served.APIs)
	unfetched := testBundle(func(b *Bundle) { b.Apps[0].Error, b.Apps[0].Reason = "the source cannot be fetched", ReasonFetchFailed })
	returning := testBundle(func(b *Bundle) {
		h := Handling{Rollback: []string{BlobDigest([]byte("bad")), BlobDigest([]byte("worse"))}}
		b.Apps[0].Handling, b.Apps[0].Needs = h, h.Needs()
	})
	filling := testBundle(func(b *Bundle) {
		secrets := VarsRef{Kind: "Secret", Namespace: "flux-system", Name: "cluster-secrets", Optional: true}
		h := Handling{Opaque: []Opaque{{Token: "zq0123456789abcdef0123", Key: "DOMAIN", From: []VarsRef{secrets}},
			{Token: "zq3210456789abcdef0123", Key: "DOMAIN", Template: "${DOMAIN/./-}", From: []VarsRef{secrets}},
			{Token: strings.Repeat("0f", 32), Digest: true}}}
		b.Apps[0].Handling, b.Apps[0].Needs = h, h.Needs()
	})
	pausing := testBundle(func(b *Bundle) {
		waits := Expression{Text: "status.phase == 'Waiting'", Tree: json.RawMessage(`["==",[".",["id","status"],"phase"],"Waiting"]`)}
		b.Apps[0].Handling.Health = []HealthRule{{Group: "example.com", Kind: "Widget", Paused: &waits}}
	})
	reasoned := testReport()
	reasoned.Apps[0].Phase, reasoned.Apps[0].Health, reasoned.Apps[0].Reason = PhaseWaiting, HealthPaused, ReasonPaused
	imaged := testReport()
	imaged.Apps[0].Images = []string{"ghcr.io/acme/web:1.4", "ghcr.io/acme/web@sha256:4f1c8a2d"}
	declared := testBundle(func(b *Bundle) {
		b.Apps[0].Name, b.Apps[0].Declared = "plex--7djq27h5pborsivstvcy", "HelmRelease media/plex"
		b.Apps[0].Formerly = []string{"media-plex", "media-plex-0a1b2c3d"}
	})
	renaming := testReport()
	renaming.Agent.Renames, renaming.Apps[0].Name = true, declared.Apps[0].Name
	renaming.Apps[0].Declared = declared.Apps[0].Declared
	event := testEvent()
	event.App, event.Declared = declared.Apps[0].Name, declared.Apps[0].Declared
	request, grant, ask := testKeyRequest(t), testGrant(t), testAsk()
	request.Nonce, grant.Nonce, grant.Epoch = "once", "once", 3
	ask.Nonce, ask.Epoch, ask.Time = "once", 3, issued
	question, asking := testQuestion(), ask
	asking.Kind, asking.Question = AskQuestion, &question
	answers := testReport()
	answers.Agent.Answers = true
	answered, err := Speak(SpeechAnswer, "staging", testKey("hub"), hubPublic, mustJSON(t, testAnswer()))
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]golden{
		"ask-question": signedGolden(t, "ask", asking),
		"answer": {Says: "a part of an answer, signed by its cluster and sealed to the hub", Kind: "answer",
			Cluster: "staging",
			HubKeys: keys, OpenKey: hubPrivate, Bytes: answered, Want: mustJSON(t, testAnswer())},
		"report-answers": {Says: "of an agent that knows questions", Kind: "report", Cluster: "staging", Sent: mustJSON(t,
			answers),
			Want: mustJSON(t, answers)},
		"bundle":          {Says: "a value in every field", Kind: "bundle", Sent: full, Want: full, Digest: digest},
		"bundle-smallest": {Says: "nothing but what must be there", Kind: "bundle", Sent: mustJSON(t, small), Want: mustJSON(t, small), Digest: small.Digest()},
		"bundle-tomorrow": {Says: "fields of a later release at every level", Kind: "bundle", Sent: withUnknown(t, b), Want: full, Digest: digest},
		"envelope":        {Says: "signed by the hub", Kind: "envelope", Cluster: "staging", HubKeys: keys, Sent: envelope, Want: full, Digest: digest},
		"sealed":          {Says: "signed, then sealed to the cluster", Kind: "sealed", Cluster: "staging", HubKeys: keys, OpenKey: private, Bytes: sealed, Want: full, Digest: digest},
		"report":          {Says: "a value in every field", Kind: "report", Cluster: "staging", Sent: mustJSON(t, testReport()), Want: mustJSON(t, testReport())},
		"report-tomorrow": {Says: "fields of a later release at every level", Kind: "report", Cluster: "staging", Sent: withUnknown(t, testReport()), Want: mustJSON(t, testReport())},
		"report-apis":     {Says: "with what the API server serves", Kind: "report", Cluster: "staging", Sent: mustJSON(t, served), Want: mustJSON(t, served)},
		"bundle-reason":   {Says: "with the reason for an app's error", Kind: "bundle", Sent: mustJSON(t, unfetched), Want: mustJSON(t, unfetched), Digest: unfetched.Digest()},
		"bundle-paused":   {Says: "with a health rule that says what is paused", Kind: "bundle", Sent: mustJSON(t, pausing), Want: mustJSON(t, pausing), Digest: pausing.Digest()},
		"bundle-opaque": {Says: "with values that an agent puts in place of tokens", Kind: "bundle",
			Sent: mustJSON(t, filling), Want: mustJSON(t, filling), Digest: filling.Digest()},
		"bundle-rollback": {Says: "with an app that goes back to earlier content", Kind: "bundle",
			Sent: mustJSON(t, returning), Want: mustJSON(t, returning), Digest: returning.Digest()},
		"report-reason": {Says: "with the reason for an app's phase", Kind: "report", Cluster: "staging", Sent: mustJSON(t,
			reasoned), Want: mustJSON(t, reasoned)},
		"report-images": {Says: "with images that variables of the cluster make others than the blob's", Kind: "report",
			Cluster: "staging", Sent: mustJSON(t, imaged), Want: mustJSON(t, imaged)},
		"bundle-declared":   {Says: "with what declares an app, and its former names", Kind: "bundle", Sent: mustJSON(t, declared), Want: mustJSON(t, declared), Digest: declared.Digest()},
		"report-declared":   {Says: "of an agent that moves apps to other names", Kind: "report", Cluster: "staging", Sent: mustJSON(t, renaming), Want: mustJSON(t, renaming)},
		"event-declared":    {Says: "with what declares its app", Kind: "event", Cluster: "staging", Sent: mustJSON(t, event), Want: mustJSON(t, event)},
		"event":             {Says: "a value in every field", Kind: "event", Cluster: "staging", Sent: mustJSON(t, testEvent()), Want: mustJSON(t, testEvent())},
		"credential":        {Says: "a value in every field", Kind: "credential", Sent: mustJSON(t, testCredential(t)), Want: mustJSON(t, testCredential(t))},
		"bundle-needs":      {Says: "with apps that need an agent that knows what they ask for", Kind: "bundle", Sent: mustJSON(t, needing), Want: mustJSON(t, needing), Digest: needing.Digest()},
		"bundle-handling":   {Says: "with a value in every field of an app's handling", Kind: "bundle", Sent: mustJSON(t, handled), Want: mustJSON(t, handled), Digest: handled.Digest()},
		"bundle-trust":      {Says: "with whom to trust, and the agent's image", Kind: "bundle", Sent: mustJSON(t, trusting), Want: mustJSON(t, trusting), Digest: trusting.Digest()},
		"credential-joined": {Says: "of a cluster that has joined", Kind: "credential", Sent: mustJSON(t, joined), Want: mustJSON(t, joined)},
		"jointoken":         {Says: "a value in every field", Kind: "jointoken", Sent: mustJSON(t, testToken(t)), Want: mustJSON(t, testToken(t))},
		"keyrequest":        signedGolden(t, "keyrequest", testKeyRequest(t)),
		"hello":             signedGolden(t, "hello", testHello(t)),
		"grant":             signedGolden(t, "grant", testGrant(t)),
		"ask":               signedGolden(t, "ask", testAsk()),
		"keyrequest-fresh":  signedGolden(t, "keyrequest", request),
		"grant-fresh":       signedGolden(t, "grant", grant),
		"ask-fresh":         signedGolden(t, "ask", ask),
		"speech":            {Says: "a report, signed by its cluster and sealed to the hub", Kind: "speech", Cluster: "staging", HubKeys: keys, OpenKey: hubPrivate, Bytes: said, Want: mustJSON(t, later)},
	} {
		data, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join("testdata/v1", name+".json"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(append(data, '\n')); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		t.Log("added", name)
	}
}
