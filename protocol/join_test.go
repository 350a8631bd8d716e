package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

var issued = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)

// testTrust is a trust with a value in every field.
func testTrust(t testing.TB) Trust {
	_, open := testOpenKey(t, "hub")
	return Trust{Servers: []string{"tls://hub.example:4222", "wss://hub.example:443"}, CA: "-----BEGIN CERTIFICATE-----\n",
		HubKeys: [][]byte{testPublic("hub"), testPublic("next")}, HubOpen: open}
}

// testToken is a join token with a value in every field.
func testToken(t testing.TB, edits ...func(*JoinToken)) JoinToken {
	token := JoinToken{Version: 1, Cluster: "staging", Trust: testTrust(t), JWT: "header.claims.signature", Seed: "SUNOSEEDBUTATEST",
		User: "UNOUSERBUTATEST", Expires: issued.Add(24 * time.Hour)}
	for _, edit := range edits {
		edit(&token)
	}
	return token
}

func testKeyRequest(t testing.TB) KeyRequest {
	_, open := testOpenKey(t, "staging")
	return KeyRequest{Version: 1, Cluster: "staging", User: "UNOUSERBUTATEST", OpenKey: open}
}

func testHello(t testing.TB) Hello {
	_, open := testOpenKey(t, "staging")
	return Hello{Version: 1, Cluster: "staging", Time: issued, JWT: "header.claims.signature", OpenKey: open}
}

func testGrant(t testing.TB) Grant {
	trust := testTrust(t)
	return Grant{Version: 1, Cluster: "staging", User: "UNOUSERBUTATEST", Error: "the token was used", Final: true, JWT: "header.claims.signature",
		Issued: issued, Expires: issued.Add(30 * 24 * time.Hour), Trust: &trust}
}

func testAsk() Ask { return Ask{Version: 1, Cluster: "staging", Kind: AskJournal, From: 3, To: 9} }

func TestJoinTokenSaysWhatItLacks(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*JoinToken)
		says string
	}{
		"no cluster":               {func(k *JoinToken) { k.Cluster = "" }, "cluster"},
		"a cluster with a star":    {func(k *JoinToken) { k.Cluster = "*" }, "DNS label"},
		"no JWT":                   {func(k *JoinToken) { k.JWT = "" }, "incomplete"},
		"no seed":                  {func(k *JoinToken) { k.Seed = "" }, "incomplete"},
		"no user":                  {func(k *JoinToken) { k.User = "" }, "incomplete"},
		"no expiry":                {func(k *JoinToken) { k.Expires = time.Time{} }, "incomplete"},
		"nobody to report to":      {func(k *JoinToken) { k.HubOpen = nil }, "incomplete"},
		"no servers":               {func(k *JoinToken) { k.Servers = nil }, "no servers"},
		"nobody to believe":        {func(k *JoinToken) { k.HubKeys = nil }, "no hub keys"},
		"a short hub key":          {func(k *JoinToken) { k.HubKeys[1] = k.HubKeys[1][1:] }, "31 bytes instead of 32"},
		"a short key for reports":  {func(k *JoinToken) { k.HubOpen = k.HubOpen[1:] }, "31 bytes instead of 32"},
		"one of a newer release":   {func(k *JoinToken) { k.Version = Version + 1 }, "upgrade"},
		"one that is as it should": {func(*JoinToken) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := testToken(t, c.edit)
			got, err := DecodeJoinToken(mustJSON(t, want))
			if c.says == "" {
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v, %v; want %+v", got, err, want)
				}
				return
			}
			wantError(t, err, c.says)
			if !reflect.DeepEqual(got, JoinToken{}) {
				t.Errorf("a refused token was given out: %+v", got)
			}
		})
	}
	_, err := DecodeJoinToken([]byte("hello"))
	wantError(t, err, "join token cannot be read")
}

func TestSignedMessagesComeBackAsTheyWere(t *testing.T) {
	t.Run("KeyRequest", func(t *testing.T) { comesBack(t, testKeyRequest(t)) })
	t.Run("Hello", func(t *testing.T) { comesBack(t, testHello(t)) })
	t.Run("Grant", func(t *testing.T) { comesBack(t, testGrant(t)) })
	t.Run("Ask", func(t *testing.T) { comesBack(t, testAsk()) })
}

func comesBack[M message](t *testing.T, m M) {
	t.Helper()
	envelope, err := SignMessage(m, testKey("old"), testKey("hub"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"old", "hub"} {
		got, err := VerifyMessage[M](envelope, "staging", []ed25519.PublicKey{testPublic(word)})
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("to who believes the %s key: got %+v, %v; want %+v", word, got, err, m)
		}
	}
	if _, err := VerifyMessage[M](envelope, "staging", []ed25519.PublicKey{testPublic("thief")}); !errors.Is(err, ErrUnsigned) {
		t.Errorf("to who believes another key: %v", err)
	}
	if _, err := VerifyMessage[M](envelope, "production", []ed25519.PublicKey{testPublic("hub")}); !errors.Is(err, ErrForeign) {
		t.Errorf("to another cluster: %v", err)
	}
}

func TestVerifyMessageRefuses(t *testing.T) {
	keys := []ed25519.PublicKey{testPublic("hub")}
	grant, err := SignMessage(testGrant(t), testKey("hub"))
	if err != nil {
		t.Fatal(err)
	}
	newer := testAsk()
	newer.Version = Version + 1
	for name, c := range map[string]struct {
		envelope []byte
		want     error
	}{
		"a grant where an ask is due": {grant, ErrMalformed},
		"nothing":                     {nil, ErrMalformed},
		"no envelope":                 {[]byte("hello"), ErrMalformed},
		"no payload":                  {signAnything(t, AskType, []byte("hello"), testKey("hub")), ErrMalformed},
		"a giant":                     {make([]byte, 2*maxMessage+1), ErrMalformed},
		"a giant payload":             {signAnything(t, AskType, make([]byte, maxMessage+1), testKey("hub")), ErrMalformed},
		"a newer version":             {signAnything(t, AskType, mustJSON(t, newer), testKey("hub")), ErrVersion},
		"an unsigned one":             {mustJSON(t, Envelope{PayloadType: AskType, Payload: mustJSON(t, testAsk())}), ErrUnsigned},
	} {
		if got, err := VerifyMessage[Ask](c.envelope, "staging", keys); !errors.Is(err, c.want) || got != (Ask{}) {
			t.Errorf("%s: got %+v, %v; want %v", name, got, err, c.want)
		}
	}
}

// TestBundleOfTwoKeys: while keys rotate, who believes either of them accepts a bundle.
func TestBundleOfTwoKeys(t *testing.T) {
	trust := testTrust(t)
	b := testBundle(func(b *Bundle) { b.Trust, b.AgentImage = &trust, "agent:v2" })
	envelope, err := SignBundle(b, testKey("old"), testKey("hub"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"old", "hub"} {
		got, err := VerifyBundle(envelope, "staging", []ed25519.PublicKey{testPublic(word)})
		if err != nil || !got.Trust.Equal(trust) || got.AgentImage != "agent:v2" {
			t.Errorf("to who believes the %s key: %+v, %v", word, got, err)
		}
	}
	b.Trust = &Trust{Servers: trust.Servers}
	if _, err := SignBundle(b, testKey("hub")); err == nil {
		t.Error("a bundle was signed that would leave an agent with nobody to believe")
	}
}

func TestTrustIsKnownByItsParts(t *testing.T) {
	same := testTrust(t)
	for name, edit := range map[string]func(*Trust){
		"a server":   func(x *Trust) { x.Servers = x.Servers[:1] },
		"the CA":     func(x *Trust) { x.CA = "" },
		"a key":      func(x *Trust) { x.HubKeys = x.HubKeys[1:] },
		"the hub's":  func(x *Trust) { x.HubOpen = bytes.Repeat([]byte{1}, 32) },
		"the order":  func(x *Trust) { x.Servers = []string{x.Servers[1], x.Servers[0]} },
		"everything": func(x *Trust) { *x = Trust{} },
	} {
		other := testTrust(t)
		edit(&other)
		if same.Equal(other) || same.ID() == other.ID() {
			t.Errorf("without %s it is taken for the same", name)
		}
	}
	if other := testTrust(t); !same.Equal(other) || same.ID() != other.ID() || len(same.ID()) != 16 {
		t.Errorf("the same trust has the ids %s and %s", same.ID(), other.ID())
	}
}

func TestCredentialsAreRenewedAtTwoThirds(t *testing.T) {
	if got, want := RenewAt(issued, issued.Add(30*24*time.Hour)), issued.Add(20*24*time.Hour); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := RenewAt(issued, time.Time{}); !got.IsZero() {
		t.Errorf("one that never expires is renewed at %s", got)
	}
}

func TestSpeechComesFromItsClusterOnly(t *testing.T) {
	private, public, err := HubOpenKey(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	agent, said := testKey("agent"), []byte("all is well")
	sealed, err := Speak(SpeechReport, "staging", agent, public, said)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, said) {
		t.Error("who runs the bus can read it")
	}
	keys := []ed25519.PublicKey{testPublic("earlier"), testPublic("agent")}
	hear := func(kind SpeechKind, cluster string, sealed []byte, keys []ed25519.PublicKey) ([]byte, error) {
		s, err := OpenSpeech(kind, cluster, private, sealed)
		if err != nil {
			return nil, err
		}
		return s.Verify(keys)
	}
	if got, err := hear(SpeechReport, "staging", sealed, keys); err != nil || !bytes.Equal(got, said) {
		t.Errorf("heard %q, %v", got, err)
	}
	if _, err := hear(SpeechEvent, "staging", sealed, keys); !errors.Is(err, ErrNotSealed) {
		t.Errorf("a report was passed off as an event: %v", err)
	}
	if _, err := hear(SpeechReport, "production", sealed, keys); !errors.Is(err, ErrNotSealed) {
		t.Errorf("it was passed off as another cluster's: %v", err)
	}
	if _, err := hear(SpeechReport, "staging", sealed, keys[:1]); !errors.Is(err, ErrUnheard) {
		t.Errorf("a key that is not the cluster's was heard: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := hear(SpeechReport, "staging", bad, keys); err == nil {
			t.Errorf("byte %d was changed and nobody noticed", i)
		}
	}
	forged, err := seal(public, sealInfo(string(SpeechReport), "staging"), said)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hear(SpeechReport, "staging", forged, keys); err == nil {
		t.Error("a text without a signature was heard")
	}
	if _, err := Speak(SpeechReport, "staging", agent, nil, said); err == nil {
		t.Error("it was sealed to nobody")
	}
}

func TestHubOpenKeyFollowsFromTheSecret(t *testing.T) {
	private, public, err := HubOpenKey(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	again, _, _ := HubOpenKey(testSecret)
	other, _, _ := HubOpenKey([]byte("another fleet"))
	if !bytes.Equal(private, again) || bytes.Equal(private, other) {
		t.Error("it does not follow from the secret")
	}
	if got, err := OpenPublic(private); err != nil || !bytes.Equal(got, public) {
		t.Errorf("its public part is %x and %x, %v", public, got, err)
	}
	if _, err := OpenPublic([]byte("short")); err == nil || !strings.Contains(err.Error(), "X25519") {
		t.Errorf("a key that is none: %v", err)
	}
}

func FuzzVerifyMessage(f *testing.F) {
	f.Add(mustJSON(f, testAsk()))
	f.Add(mustJSON(f, testGrant(f)))
	f.Add([]byte(`{"version":1,"cluster":"staging","trust":{"hubKeys":[null]}}`))
	keys := []ed25519.PublicKey{testPublic("hub")}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if _, err := VerifyMessage[Ask](payload, "staging", keys); err == nil {
			t.Error("a message without an envelope was taken")
		}
		if m, err := VerifyMessage[Grant](signAnything(t, GrantType, payload, testKey("hub")), "staging", keys); err == nil && m.Cluster != "staging" {
			t.Errorf("a message for %q was taken", m.Cluster)
		}
	})
}

func FuzzDecodeJoinToken(f *testing.F) {
	f.Add(mustJSON(f, testToken(f)))
	f.Add([]byte(`{"cluster":"a","hubKeys":[null],"hubOpen":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		token, err := DecodeJoinToken(data)
		if err != nil {
			return
		}
		for _, k := range token.SigningKeys() {
			if len(k) != ed25519.PublicKeySize {
				t.Errorf("a key of %d bytes was taken", len(k))
			}
		}
	})
}

func FuzzOpenSpeech(f *testing.F) {
	private, public, err := HubOpenKey(testSecret)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, speechHead))
	f.Fuzz(func(t *testing.T, inner []byte) {
		sealed, err := seal(public, sealInfo(string(SpeechReport), "staging"), inner)
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenSpeech(SpeechReport, "staging", private, sealed)
		if err != nil {
			return
		}
		if _, err := s.Verify([]ed25519.PublicKey{testPublic("agent")}); err == nil {
			t.Error("a forged speech was heard")
		}
	})
}

// A message's JSON holds its parts at the top: what embeds Trust sends servers, not Trust.
func TestTrustIsSentFlat(t *testing.T) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(mustJSON(t, testToken(t)), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"servers", "ca", "hubKeys", "hubOpen", "cluster", "expires"} {
		if fields[name] == nil {
			t.Errorf("a token sends no %s", name)
		}
	}
}
