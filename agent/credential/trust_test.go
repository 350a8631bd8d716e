package credential_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/protocol"
)

func TestUnusableTrustIsNamed(t *testing.T) {
	t.Parallel()
	clear := "no tls:// or wss://"
	servers := func(s ...string) func(*protocol.Trust) { return func(t *protocol.Trust) { t.Servers = s } }
	for name, c := range map[string]struct {
		edit func(*protocol.Trust)
		want string // in the error; "" if it is valid
	}{
		"as granted":                {func(*protocol.Trust) {}, ""},
		"WebSocket":                 {servers("wss://hub.example"), ""},
		"both":                      {servers("tls://hub.example:4222", "wss://hub.example"), ""},
		"no servers":                {servers(), "no servers"},
		"no hub keys":               {func(t *protocol.Trust) { t.HubKeys = nil }, "no hub keys"},
		"a short hub key":           {func(t *protocol.Trust) { t.HubKeys[0] = t.HubKeys[0][1:] }, "31 bytes"},
		"no key for reports":        {func(t *protocol.Trust) { t.HubOpen = nil }, "no key for reports"},
		"a short key for reports":   {func(t *protocol.Trust) { t.HubOpen = t.HubOpen[1:] }, "31 bytes"},
		"a CA that is none":         {func(t *protocol.Trust) { t.CA = "not PEM" }, "no certificate in PEM"},
		"in the clear":              {servers("nats://hub.example:4222"), clear},
		"in the clear, as the last": {servers("tls://hub.example:4222", "ws://hub.example"), clear},
		"without a scheme":          {servers("hub.example:4222"), clear},
		"without a host":            {servers("tls://:4222"), clear},
		"no URL":                    {servers("tls://hub\n.example"), clear},
		"a giant":                   {servers("http://" + strings.Repeat("a", 10_000)), clear},
	} {
		trust := newHub(t).Trust
		c.edit(&trust)
		err := credential.CheckTrust(trust)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
}

// A grant may say whom to trust from now on. If that is invalid, the agent keeps the trust that it has.
func TestAGrantBringsTrust(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, log := load(t, v)
	h.join(t, id, "token")
	rotated := newHub(t).Trust
	accept := func(trust *protocol.Trust) protocol.Trust {
		t.Helper()
		if _, err := id.Prepare(t.Context(), "", keys(t, "next")); err != nil {
			t.Fatal(err)
		}
		grant := h.grant("jwt 2", issued)
		grant.Trust = trust
		if err := id.Accept(t.Context(), grant, id.Credential().Trust, ""); err != nil {
			t.Fatal(err)
		}
		return id.Credential().Trust
	}
	if got := accept(nil); !got.Equal(h.Trust) || log.Len() != 0 {
		t.Errorf("without news the servers are %s; it logs %s", got.Servers, log)
	}
	if got := accept(&rotated); !got.Equal(rotated) || log.Len() != 0 {
		t.Errorf("after a rotation the servers are %s; it logs %s", got.Servers, log)
	}
	clear := rotated
	clear.Servers = []string{"nats://hub.example"}
	if got := accept(&clear); !got.Equal(rotated) || !strings.Contains(log.String(), "the one before is kept") {
		t.Errorf("after an invalid trust the servers are %s; it logs %s", got.Servers, log)
	}
}

func TestTrustThatIsNoNewsIsNotStored(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, _ := load(t, v)
	h.join(t, id, "token")
	before := v.saves
	if err := id.Believe(t.Context(), h.Trust); err != nil || v.saves != before {
		t.Errorf("%d saves more, %v", v.saves-before, err)
	}
	rotated := newHub(t).Trust
	away := errors.New("the API server is away")
	v.fail(away)
	if err := id.Believe(t.Context(), rotated); !errors.Is(err, away) || !id.Credential().Equal(h.Trust) {
		t.Errorf("what cannot be stored is believed: %v", err)
	}
	v.fail(nil)
	if err := id.Believe(t.Context(), rotated); err != nil || !second(load(t, v)).Credential().Equal(rotated) {
		t.Errorf("the rotation is not stored: %v", err)
	}
}

// A bundle may be sealed to the key before the renewal, but to none older, and to no other cluster.
func TestWhatIsSealedToTheKeyBeforeIsOpened(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, _ := load(t, v)
	all := []credential.Keys{h.join(t, id, "token"), h.renew(t, id, "second"), h.renew(t, id, "third")}
	sealed := func(k credential.Keys, cluster, text string) []byte {
		public, err := protocol.OpenPublic(k.OpenKey)
		if err != nil {
			t.Fatal(err)
		}
		data, err := protocol.Seal(public, cluster, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for i, want := range []bool{false, true, true} {
		got, err := id.Unseal(sealed(all[i], "east-1", "text"))
		if (err == nil) != want || want && string(got) != "text" {
			t.Errorf("key %d: %q, %v", i, got, err)
		}
	}
	for name, data := range map[string][]byte{
		"of another cluster": sealed(all[2], "west-1", "text"),
		"cut off":            sealed(all[2], "east-1", "text")[:40],
		"empty":              nil,
	} {
		if got, err := id.Unseal(data); err == nil {
			t.Errorf("%s: it opens to %q", name, got)
		}
	}
}

func TestBundlesAreOpenedOnlyIfTheHubSignedThem(t *testing.T) {
	t.Parallel()
	h, stranger, v := newHub(t), newHub(t), &vault{}
	id, _ := load(t, v)
	k := h.join(t, id, "token")
	public, err := protocol.OpenPublic(k.OpenKey)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(cluster string, signer ed25519.PrivateKey) []byte {
		b := protocol.Bundle{Version: protocol.Version, Cluster: cluster, Epoch: 1, Generation: 4}
		envelope, err := protocol.SignBundle(b, signer)
		if err != nil {
			t.Fatal(err)
		}
		data, err := protocol.Seal(public, "east-1", envelope)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if envelope, b, err := id.Open(seal("east-1", h.signer)); err != nil || b.Generation != 4 || len(envelope) == 0 {
		t.Errorf("generation %d, %d bytes, %v", b.Generation, len(envelope), err)
	}
	for name, data := range map[string][]byte{
		"signed by a stranger": seal("east-1", stranger.signer),
		"of another cluster":   seal("west-1", h.signer),
		"no bundle":            []byte("text"),
	} {
		if _, b, err := id.Open(data); err == nil {
			t.Errorf("%s: it is taken: %+v", name, b)
		}
	}
}

func TestACopiedCredentialIsNoticed(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, _ := load(t, v)
	h.join(t, id, "token") // the cluster is not known yet
	misplaced := func(id *credential.Identity, want bool, belongs string) {
		t.Helper()
		if p, got, err := id.Misplaced(t.Context()); err != nil || got != want || p.UID != belongs {
			t.Errorf("misplaced is %t, it belongs to %q, %v; want %t and %q", got, p.UID, err, want, belongs)
		}
	}
	misplaced(id, false, "")
	if id.Credential().Place != nil {
		t.Error("a cluster was noted that is not known")
	}
	id.Here("uid-1")
	v.fail(errors.New("the API server is away"))
	if _, got, err := id.Misplaced(t.Context()); err == nil || got {
		t.Errorf("what cannot be noted: misplaced is %t, %v", got, err)
	}
	v.fail(nil)
	misplaced(id, false, "") // it is noted now
	misplaced(id, false, "uid-1")

	other := second(load(t, &vault{credential: v.credential}))
	misplaced(other, false, "")
	other.Here("uid-2")
	misplaced(other, true, "uid-1")
	if err := other.Settle(t.Context(), protocol.Place{UID: "uid-2", Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	misplaced(other, false, "uid-2")
}

func TestEpochsOnlyGrow(t *testing.T) {
	t.Parallel()
	id, _ := load(t, &vault{})
	for _, c := range []struct{ reach, want uint64 }{{0, 0}, {3, 3}, {2, 3}, {3, 3}, {4, 4}} {
		if id.Reach(c.reach); id.Epoch() != c.want {
			t.Errorf("after epoch %d it is %d, want %d", c.reach, id.Epoch(), c.want)
		}
	}
	for _, yes := range []bool{true, false} {
		if id.Freeze(yes); id.Frozen() != yes {
			t.Errorf("frozen is %t", !yes)
		}
	}
}
