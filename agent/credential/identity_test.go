package credential_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/protocol"
)

// What is stored may be of a newer release, cut off by a full disk, or edited: the agent starts in every case, and has
// to join again where the credential is invalid.
func TestAStoredIdentityIsReadOrReplaced(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, _ := load(t, v)
	h.join(t, id, "token")
	whole := v.credential
	edit := func(change func(map[string]any)) []byte {
		var m map[string]any
		if err := json.Unmarshal(whole, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, c := range map[string]struct {
		stored []byte
		joined bool
		says   string // in the log
	}{
		"nothing":          {nil, false, ""},
		"whole":            {whole, true, ""},
		"an unknown field": {edit(func(m map[string]any) { m["later"] = 1 }), true, ""},
		"expired":          {edit(func(m map[string]any) { m["expires"] = issued.Add(-time.Hour) }), true, ""},
		"of the future":    {edit(func(m map[string]any) { m["issued"] = issued.AddDate(100, 0, 0) }), true, ""},
		"empty":            {[]byte{}, false, "cannot be used"},
		"cut off":          {whole[:len(whole)/2], false, "cannot be used"},
		"no JSON":          {[]byte("\x00\x00\x00"), false, "cannot be used"},
		"of a new version": {edit(func(m map[string]any) { m["version"] = 2 }), false, "cannot be used"},
		"without a seed":   {edit(func(m map[string]any) { delete(m, "seed") }), false, "incomplete"},
		"a short key":      {edit(func(m map[string]any) { m["openKey"] = "AAAA" }), false, "incomplete"},
		"no servers":       {edit(func(m map[string]any) { delete(m, "servers") }), false, "incomplete"},
		"no cluster":       {edit(func(m map[string]any) { m["cluster"] = "" }), false, "the credential's cluster"},
		"a short hub key":  {edit(func(m map[string]any) { m["hubKeys"] = []string{"AAAA"} }), false, "instead of 32"},
	} {
		id, log := load(t, &vault{credential: c.stored})
		if id.Joined() != c.joined {
			t.Errorf("%s: joined is %t", name, !c.joined)
		}
		if got := log.String(); !strings.Contains(got, c.says) || c.says == "" && got != "" {
			t.Errorf("%s: it logs %q, want %q in it", name, got, c.says)
		}
		if strings.Contains(log.String(), "seed of token") {
			t.Errorf("%s: the log quotes the seed: %s", name, log)
		}
		h.join(t, id, "another")
		if got := id.Credential().JWT; got != "jwt of another" {
			t.Errorf("%s: after joining again the credential is %q", name, got)
		}
	}
}

// Pending keys that cannot be read are as good as none: the next ones are new, and nothing of the old ones is logged.
func TestPendingKeysThatCannotBeReadAreReplaced(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]string{
		"cut off":        `{"version":1,"seed":"SECRETSEED","openK`,
		"another type":   `{"version":1,"seed":"SECRETSEED","openKey":7}`,
		"without a key":  `{"version":1,"seed":"SECRETSEED"}`,
		"without a seed": `{"version":1,"openKey":"AAAA"}`,
		"empty":          ``,
	} {
		id, log := load(t, &vault{pending: []byte(stored)})
		got, err := id.Prepare(t.Context(), "", keys(t, "new"))
		if err != nil || got.Seed != "new" {
			t.Errorf("%s: the keys are %q, %v", name, got.Seed, err)
		}
		if strings.Contains(log.String(), "SECRETSEED") {
			t.Errorf("%s: the log quotes the seed: %s", name, log)
		}
	}
}

func TestAVaultThatCannotBeReadIsAnErrorAndNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, _ := load(t, v)
	h.join(t, id, "token")
	v.fail(errors.New("the API server is away"))
	if err := id.Load(t.Context()); err == nil || !id.Joined() {
		t.Errorf("the error is %v; joined is %t", err, id.Joined())
	}
}

// The keys are stored before they are used, so a request after a crash asks for the same.
func TestKeysAreStoredBeforeTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	v := &vault{}
	id, _ := load(t, v)
	first, err := id.Prepare(t.Context(), "token", keys(t, "one"))
	if err != nil || v.saves != 1 {
		t.Fatalf("%d saves, %v", v.saves, err)
	}
	next, _ := load(t, v)
	for name, id := range map[string]*credential.Identity{"the same process": id, "the next process": next} {
		again, err := id.Prepare(t.Context(), "token", func() (credential.Keys, error) {
			return credential.Keys{}, errors.New("new keys are made")
		})
		if err != nil || again.Seed != first.Seed || !bytes.Equal(again.OpenKey, first.OpenKey) {
			t.Errorf("%s asks for %q, %v", name, again.Seed, err)
		}
	}
	if other, err := id.Prepare(t.Context(), "another token", keys(t, "two")); err != nil || other.Seed != "two" {
		t.Errorf("with another token the keys are %q, %v", other.Seed, err)
	}
	if renewal, err := id.Prepare(t.Context(), "", keys(t, "three")); err != nil || renewal.Seed != "three" {
		t.Errorf("for a renewal the keys are %q, %v", renewal.Seed, err)
	}
	if id.Renewing() {
		t.Error("without a credential there is nothing to renew")
	}
}

func second(id *credential.Identity, _ *bytes.Buffer) *credential.Identity { return id }

func TestKeysThatCannotBeMadeOrStoredAreNotUsed(t *testing.T) {
	t.Parallel()
	v := &vault{}
	id, _ := load(t, v)
	broken := errors.New("no entropy")
	unable := func() (credential.Keys, error) { return credential.Keys{}, broken }
	if _, err := id.Prepare(t.Context(), "token", unable); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	away := errors.New("the API server is away")
	v.fail(away)
	if _, err := id.Prepare(t.Context(), "token", keys(t, "lost")); !errors.Is(err, away) {
		t.Errorf("the error is %v", err)
	}
	v.fail(nil)
	if got, err := id.Prepare(t.Context(), "token", keys(t, "kept")); err != nil || got.Seed != "kept" {
		t.Errorf("afterwards the keys are %q, %v", got.Seed, err)
	}
}

func TestRefusalsAreRememberedByToken(t *testing.T) {
	t.Parallel()
	v := &vault{}
	id, _ := load(t, v)
	if _, err := id.Prepare(t.Context(), "token", keys(t, "one")); err != nil {
		t.Fatal(err)
	}
	if err := id.Refuse(t.Context(), "token", "it was used"); err != nil {
		t.Fatal(err)
	}
	next, _ := load(t, v)
	for token, want := range map[string]string{"token": "it was used", "another": "", "": ""} {
		if got := next.Refused(token); got != want {
			t.Errorf("token %q: refused for %q, want %q", token, got, want)
		}
	}
	if got, err := next.Prepare(t.Context(), "token", keys(t, "two")); err != nil || got.Seed != "two" {
		t.Errorf("the refused keys are asked for again: %q, %v", got.Seed, err)
	}
	if err := next.Refuse(t.Context(), "", "renewals have no token"); err != nil {
		t.Fatal(err)
	}
	if got := next.Refused(""); got != "" {
		t.Errorf("no token is refused for %q", got)
	}
	if err := next.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v.pending != nil || v.credential != nil {
		t.Errorf("after everything was forgotten the vault holds %s and %s", v.credential, v.pending)
	}
}

func TestACredentialIsRenewedWithNewKeys(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, _ := load(t, v)
	id.Here("uid-1")
	first := h.join(t, id, "token")
	sameJSON(t, "joined", id.Credential(), protocol.Credential{Version: protocol.Version, Cluster: "east-1",
		Trust: h.Trust, JWT: "jwt of token", Seed: "seed of token", OpenKey: first.OpenKey, Issued: issued,
		Expires: issued.AddDate(0, 0, 30), Token: "token", Place: &protocol.Place{UID: "uid-1"}})

	id.Here("uid-2") // a renewal does not move the credential
	k, err := id.Prepare(t.Context(), "", keys(t, "next"))
	if err != nil || !id.Renewing() || !second(load(t, v)).Renewing() {
		t.Fatalf("a renewal was begun: %t, %v", id.Renewing(), err)
	}
	if err := id.Accept(t.Context(), h.grant("jwt 2", issued.AddDate(0, 0, 20)), h.Trust, ""); err != nil {
		t.Fatal(err)
	}
	want := protocol.Credential{Version: protocol.Version, Cluster: "east-1", Trust: h.Trust, JWT: "jwt 2",
		Seed: "next", OpenKey: k.OpenKey, Earlier: [][]byte{first.OpenKey}, Issued: issued.AddDate(0, 0, 20),
		Expires: issued.AddDate(0, 0, 50), Token: "token", Place: &protocol.Place{UID: "uid-1"}}
	sameJSON(t, "renewed", id.Credential(), want)
	sameJSON(t, "in the next process", second(load(t, v)).Credential(), want)
	if id.Renewing() || v.pending != nil {
		t.Error("the renewal is not over")
	}

	h.join(t, id, "newer token") // that moves it
	if got := id.Credential(); got.Token != "newer token" || got.Place.UID != "uid-2" {
		t.Errorf("a newer token: %q in %q", got.Token, got.Place.UID)
	}
}

// A grant that cannot be stored has not been taken: the same is asked for again, with the same keys.
func TestAGrantThatCannotBeStoredIsAskedForAgain(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, _ := load(t, v)
	h.join(t, id, "token")
	before := id.Credential()
	k, err := id.Prepare(t.Context(), "", keys(t, "next"))
	if err != nil {
		t.Fatal(err)
	}
	lost := errors.New("another agent wrote the state")
	v.fail(lost)
	if err := id.Accept(t.Context(), h.grant("jwt 2", issued), h.Trust, ""); !errors.Is(err, lost) {
		t.Errorf("the error is %v", err)
	}
	v.fail(nil)
	sameJSON(t, "the credential", id.Credential(), before)
	again, err := id.Prepare(t.Context(), "", keys(t, "other"))
	if err != nil || again.Seed != k.Seed || !id.Renewing() {
		t.Errorf("it is asked for with %q, %v", again.Seed, err)
	}
}

// The dates are the hub's. They are kept as granted whatever the clock of this machine says, also when a later grant
// has earlier ones because the hub's clock was set back.
func TestDatesAreKeptAsGranted(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Time{
		"set back by a year":       issued.AddDate(-1, 0, 0),
		"set ahead":                time.Now().AddDate(10, 0, 0).UTC(),
		"at the beginning of time": time.Unix(0, 0).UTC(),
	} {
		h, v := newHub(t), &vault{}
		id, _ := load(t, v)
		h.join(t, id, "token")
		if _, err := id.Prepare(t.Context(), "", keys(t, "next")); err != nil {
			t.Fatal(err)
		}
		grant := h.grant("jwt 2", at)
		if err := id.Accept(t.Context(), grant, h.Trust, ""); err != nil {
			t.Fatal(err)
		}
		got := second(load(t, v)).Credential()
		if !got.Issued.Equal(grant.Issued) || !got.Expires.Equal(grant.Expires) || got.JWT != "jwt 2" {
			t.Errorf("%s: from %s to %s, granted from %s to %s", name, got.Issued, got.Expires, grant.Issued, grant.Expires)
		}
	}
}

// Changes from several goroutines are all kept, in memory and in the vault.
func TestConcurrentChangesAreAllKept(t *testing.T) {
	t.Parallel()
	h, v := newHub(t), &vault{}
	id, _ := load(t, v)
	h.join(t, id, "token")
	rotated := newHub(t).Trust
	var wg sync.WaitGroup
	for _, change := range []func() error{
		func() error { return id.Believe(t.Context(), rotated) },
		func() error { return id.Settle(t.Context(), protocol.Place{UID: "uid-1", Epoch: 3}) },
		func() error { _, err := id.Prepare(t.Context(), "", keys(t, "next")); return err },
		func() error { id.Reach(7); id.Freeze(true); id.Here("uid-1"); _ = id.Credential(); return nil },
	} {
		wg.Go(func() {
			if err := change(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for name, id := range map[string]*credential.Identity{"this process": id, "the next process": second(load(t, v))} {
		if c := id.Credential(); !c.Equal(rotated) || c.Place == nil || c.Place.Epoch != 3 || !id.Renewing() {
			t.Errorf("%s lost a change: %+v, renewing %t", name, c.Place, id.Renewing())
		}
	}
}
