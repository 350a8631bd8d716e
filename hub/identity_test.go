package hub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// opens waits until a cluster's bundle is sealed to a credential, and asserts its generation.
func (r *rig) opens(name string, cred protocol.Credential, generation uint64) {
	r.t.Helper()
	var envelope []byte
	r.until("the bundle is sealed to the credential", func() bool {
		m, err := get(r.agent(name), protocol.DesiredGet(name))
		if err != nil {
			r.t.Fatal(err)
		}
		envelope, err = protocol.Unseal(cred.OpenKey, name, m.Data)
		return err == nil
	})
	b, err := protocol.VerifyBundle(envelope, name, cred.SigningKeys())
	if err != nil || b.Generation != generation {
		r.t.Errorf("the bundle is of generation %d, %v; want %d", b.Generation, err, generation)
	}
}

func TestARenewedCredentialIsUsedFromItsHelloOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	first := r.creds["a"]
	second := r.renew("a")
	r.until("the first credential, whose Hello was heard, is the one in use", func() bool {
		id := r.ids.Identity("a")
		return id.Valid == 2 && id.Issued.Equal(first.Issued)
	})
	r.opens("a", first, 1)
	r.use("a", second)
	r.opens("a", second, 1)

	// A cluster that is restored from a backup goes on with what it has.
	r.use("a", first)
	r.opens("a", first, 1)

	// Somebody on the bus says again what was said before: that moves nothing, then or after a restart.
	dropped := r.ids.Identity("a").Dropped
	r.hello(second, time.Now().Add(-time.Hour))
	r.until("the old Hello was dropped", func() bool { return r.ids.Identity("a").Dropped == dropped+1 })
	r.opens("a", first, 1)
	r.restart(nil)
	r.use("a", first)
	r.hello(second, time.Now().Add(-time.Hour))
	r.until("the old Hello was dropped", func() bool { return r.ids.Identity("a").Dropped > 0 })
	r.opens("a", first, 1)

	// A newer credential needs no later time: the cluster's clock may have been set back.
	third := r.renew("a")
	r.hello(third, time.Now().Add(-24*time.Hour))
	r.opens("a", third, 1)
}

func TestARequestToRenewIsAnsweredAlikeAndNotForEver(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	k := newKeyPairs()
	ask := func(cluster string, k keyPairs) protocol.Grant {
		return r.ask(r.agent(cluster), protocol.RenewSubject(cluster), r.creds[cluster].Trust, r.creds[cluster].Seed, k.request(cluster))
	}
	first, again := ask("a", k), ask("a", k)
	if first.Error != "" || !again.Expires.Equal(first.Expires) || !again.Issued.Equal(first.Issued) || r.ids.Identity("a").Valid != 2 {
		t.Errorf("first %+v, then %+v, of %d", first, again, r.ids.Identity("a").Valid)
	}
	if g := ask("b", k); !g.Final || !strings.Contains(g.Error, "used before") {
		t.Errorf("with a key of another cluster: %+v", g)
	}
	for range 6 {
		r.renew("a")
	}
	if g := ask("a", newKeyPairs()); g.Final || !strings.Contains(g.Error, "`drover cluster rotate a`") {
		t.Errorf("a ninth credential: %+v", g)
	}
	// b's key signs nothing for a.
	refused := r.ids.Joins().Refused
	forged := must(protocol.SignMessage(newKeyPairs().request("a"), signer(r.creds["b"].Seed)))
	if _, err := r.agent("a").Request(protocol.RenewSubject("a"), forged, 200*time.Millisecond); !errors.Is(err, natsgo.ErrTimeout) {
		t.Errorf("a request that b has signed for a is answered: %v", err)
	}
	r.until("the forged request is counted", func() bool { return r.ids.Joins().Refused == refused+1 })
}

func TestRotatingEndsTheOlderCredentialsWhenANewOneIsUsed(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	if err := r.ids.Rotate("a"); !errors.Is(err, hub.ErrNoCredential) {
		t.Errorf("rotating what has no credential: %v", err)
	}
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	first := r.creds["a"]
	asks := must(r.agent("a").SubscribeSync(protocol.AskSubject("a")))
	if err := errors.Join(r.agent("a").Flush(), r.ids.Rotate("a")); err != nil {
		t.Fatal(err)
	}
	asked := func() {
		t.Helper()
		for {
			m, err := asks.NextMsg(patience)
			if err != nil {
				t.Fatal(err)
			}
			ask, err := protocol.VerifyMessage[protocol.Ask](must(protocol.Unseal(first.OpenKey, "a", m.Data)), "a",
				first.SigningKeys())
			if err != nil {
				t.Fatal(err)
			}
			if ask.Kind == protocol.AskRenew { // it has reported nothing, so it is asked to fetch as well
				return
			}
		}
	}
	asked()
	asked()                    // nobody may have heard it
	r.hello(first, time.Now()) // it was away, and is asked again
	asked()
	if id := r.ids.Identity("a"); id.Valid != 1 || id.Rotating.IsZero() {
		t.Errorf("before a new credential is used the identity is %+v", id)
	}
	closed := r.closing(first)
	second := r.renew("a")
	r.use("a", second)
	r.until("the rotation is done", func() bool { return r.ids.Identity("a").Rotating.IsZero() })
	r.cut(closed, first)
	if id := r.ids.Identity("a"); id.Valid != 1 || !id.Issued.Equal(second.Issued) {
		t.Errorf("the identity is %+v", id)
	}
	r.opens("a", second, 1)
}

func TestRevokingCutsAClusterOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.agent("a")
	r.until("connected", func() bool { return r.row("a").State == query.StateConnected })
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	cred, token := r.creds["a"], r.token("a", hub.TokenOptions{Replace: true})
	closed := r.closing(cred)
	r.hangUp("a")
	if err := r.ids.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	r.cut(closed, cred)
	r.until("shown as revoked", func() bool { return strings.Contains(r.row("a").Message, "its credential was revoked") })
	if row := r.row("a"); row.State == query.StateConnected || !strings.Contains(row.Message, "drover agent manifest --cluster a") {
		t.Errorf("the row is %+v", row)
	}
	r.ended(token)
	r.restart(nil)
	if c, err := r.dial(cred.Trust, cred.JWT, cred.Seed, "a"); err == nil {
		c.Close()
		t.Error("after a restart of the hub the credential connects again")
	}
	if id := r.ids.Identity("a"); id.Revoked.IsZero() || id.Valid != 0 {
		t.Errorf("after a restart the identity is %+v", id)
	}
	r.join("a")
	r.opens("a", r.creds["a"], 1)
	r.until("not shown as revoked", func() bool { return !strings.Contains(r.row("a").Message, "revoked") })
}

// A hub that is restored from a backup that is older than a cluster's credential, or from none, knows it again
// when it says Hello.
func TestAClusterThatTheHubHasForgottenIsKnownAgainByItsHello(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.use("a", r.renew("a"))
	r.opens("a", r.creds["a"], 1)
	r.report("a", func(rep *protocol.Report) { rep.Message = "before the fire" })
	r.until("reported", func() bool { return r.row("a").Message == "before the fire" })
	quiet, err := r.dial(r.creds["b"].Trust, r.creds["b"].JWT, r.creds["b"].Seed, "b") // which never says Hello
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	words := must(json.Marshal(protocol.Report{Version: protocol.Version, Cluster: "b", Time: time.Now(), Message: "b is here"}))
	spoken := must(protocol.Speak(protocol.SpeechReport, "b", signer(r.creds["b"].Seed), r.creds["b"].HubOpen, words))
	if err := errors.Join(quiet.Publish(protocol.ReportSubject("b"), spoken), quiet.Flush()); err != nil {
		t.Fatal(err)
	}
	r.until("b reported", func() bool { return r.row("b").Message == "b is here" })
	quiet.Close()
	r.restart(func() {
		if err := errors.Join(os.RemoveAll(filepath.Join(r.data, "clusters")), os.RemoveAll(filepath.Join(r.data, "tokens"))); err != nil {
			t.Fatal(err)
		}
	})
	// The last Hello is on the bus: nobody needs to connect for this.
	r.until("known, with what was said last", func() bool { return r.row("a").Message == "before the fire" })
	r.opens("a", r.creds["a"], 1)
	r.until("connected", func() bool { return r.row("a").State == query.StateConnected })
	if id := r.ids.Identity("b"); id.Valid != 0 || r.row("b").Message == "b is here" {
		t.Errorf("b has never said Hello, and is %+v", id)
	}
	r.agent("b")
	r.until("b is connected", func() bool { return r.row("b").State == query.StateConnected })
	r.until("b is known, with what it said before the hub could know who said it", func() bool { return r.row("b").Message == "b is here" })
	r.opens("b", r.creds["b"], 1)
}

// Thousands of agents say Hello when the hub is restarted. Where that changes nothing, nothing is published.
func TestAHelloThatChangesNothingPublishesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	published := func() string {
		m, err := get(r.agent("a"), protocol.DesiredGet("a"))
		if err != nil {
			t.Fatal(err)
		}
		return m.Header.Get("Nats-Sequence")
	}
	before := published()
	r.restart(nil)
	r.agent("a")
	r.until("connected", func() bool { return r.row("a").State == query.StateConnected })
	r.hello(r.creds["a"], time.Now())
	r.push("nothing for a", map[string]string{"README.md": "words"}) // the loop has come by
	if after := published(); after != before || before == "" {
		t.Errorf("the bundle was number %s on the bus, and is %s", before, after)
	}
}

// A backup may be older than a credential. Revoking ends that one as well: the hub needs not know it.
func TestRevokingEndsCredentialsThatTheHubHasForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	cred := r.creds["a"]
	r.restart(func() {
		if err := os.RemoveAll(filepath.Join(r.data, "clusters")); err != nil {
			t.Fatal(err)
		}
	})
	if err := r.ids.Revoke("a"); err != nil || r.ids.Identity("a").Valid != 0 {
		t.Fatalf("%v, %+v", err, r.ids.Identity("a"))
	}
	closed := r.closing(cred) // nobody can know yet
	r.agent("a")
	r.cut(closed, cred)
	if r.ids.Identity("a").Valid != 0 {
		t.Error("the credential is good again")
	}
}

func TestAHelloThatProvesNothingTeachesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	token := r.token("a", hub.TokenOptions{Replace: true})
	a, b := r.creds["a"], r.creds["b"]
	r.agent("a")
	r.until("a is connected", func() bool { return r.row("a").State == query.StateConnected })
	for what, edit := range map[string]func(h *protocol.Hello) (seed string){
		"signed by another":          func(*protocol.Hello) string { return b.Seed },
		"with another's JWT":         func(h *protocol.Hello) string { h.JWT = b.JWT; return b.Seed },
		"with a token's JWT":         func(h *protocol.Hello) string { h.JWT = token.JWT; return token.Seed },
		"for another cluster":        func(h *protocol.Hello) string { h.Cluster = "b"; return a.Seed },
		"with no JWT":                func(h *protocol.Hello) string { h.JWT = ""; return a.Seed },
		"with a JWT cut short":       func(h *protocol.Hello) string { h.JWT = h.JWT[:len(h.JWT)-8]; return a.Seed },
		"with a key that is no key":  func(h *protocol.Hello) string { h.OpenKey = h.OpenKey[:31]; return a.Seed },
		"that says nothing in JSON":  func(h *protocol.Hello) string { return "" },
		"with a JWT of its own make": func(h *protocol.Hello) string { h.JWT = selfMade(t, "a"); return a.Seed },
	} {
		h := protocol.Hello{Version: protocol.Version, Cluster: "a", Time: time.Now().Add(time.Hour), JWT: a.JWT, OpenKey: newKeyPairs().openKey}
		data := []byte("{")
		if seed := edit(&h); seed != "" {
			data = must(protocol.SignMessage(h, signer(seed)))
		}
		before := r.ids.Identity("a")
		r.publish("a", protocol.HelloSubject("a"), data)
		r.until("a Hello "+what+" was dropped", func() bool { return r.ids.Identity("a").Dropped == before.Dropped+1 })
		if key, _ := r.ids.OpenKey("a"); !bytes.Equal(key, must(protocol.OpenPublic(a.OpenKey))) {
			t.Errorf("a Hello %s changed to which key the bundle is sealed", what)
		}
	}
}

// What nobody can be told to have said changes nothing of what is known.
func TestAReportThatIsForgedForeignOrOldIsDropped(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	started, terms := time.Now().Add(-time.Hour), map[string]uint64{"pod-0": 1, "pod-1": 2}
	report := func(seq uint64, at time.Time, identity, message string) []byte {
		return must(json.Marshal(protocol.Report{Version: protocol.Version, Cluster: "a", Seq: seq, Time: at, Message: message,
			Agent: protocol.Agent{Identity: identity, Started: started, Term: terms[identity]}}))
	}
	now := time.Now()
	r.say(protocol.SpeechReport, r.creds["a"], report(7, now, "pod-1", "true"))
	r.until("the report is taken", func() bool { return r.row("a").Message == "true" })

	hubOpen, signed := r.creds["a"].HubOpen, signer(r.creds["a"].Seed)
	lie := report(8, now, "pod-1", "a lie")
	_, other, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string][]byte{
		"plain":                   lie,
		"signed by nobody":        must(protocol.Speak(protocol.SpeechReport, "a", signer(newKeyPairs().seed), hubOpen, lie)),
		"signed by b":             must(protocol.Speak(protocol.SpeechReport, "a", signer(r.creds["b"].Seed), hubOpen, lie)),
		"said of b":               must(protocol.Speak(protocol.SpeechReport, "b", signed, hubOpen, lie)),
		"an event":                must(protocol.Speak(protocol.SpeechEvent, "a", signed, hubOpen, lie)),
		"sealed to somebody else": must(protocol.Speak(protocol.SpeechReport, "a", signed, other, lie)),
	} {
		before := r.ids.Identity("a").Dropped
		r.publish("a", protocol.ReportSubject("a"), data)
		r.until("a report "+what+" was dropped", func() bool { return r.ids.Identity("a").Dropped == before+1 })
		if row := r.row("a"); row.Message != "true" {
			t.Errorf("after a report %s the row says %q", what, row.Message)
		}
	}

	// Old ones are in order by themselves. What b says next tells when they have been read.
	for what, data := range map[string][]byte{
		"of a lower number":       report(6, now.Add(time.Minute), "pod-1", "a lie"),
		"of another, earlier pod": report(99, now.Add(time.Hour), "pod-0", "a lie"),
	} {
		r.say(protocol.SpeechReport, r.creds["a"], data)
		r.report("b", func(rep *protocol.Report) { rep.Message = "after one " + what })
		r.until("b's report is taken", func() bool { return r.row("b").Message == "after one "+what })
		if m := r.row("a").Message; m != "true" {
			t.Errorf("after a report %s the row says %q", what, m)
		}
	}
	// A pod that is no younger may take the lead, and its clock may be behind: what counts is its term.
	terms["pod-0"] = 3
	r.say(protocol.SpeechReport, r.creds["a"], report(1, now.Add(-time.Hour), "pod-0", "a new lead"))
	r.until("the new leader's report is taken", func() bool { return r.row("a").Message == "a new lead" })
}

func TestACredentialThatHasExpiredIsOver(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.restart(func() { r.ttl = 3 * time.Second })
	short := r.renew("a")
	closed := r.closing(short)
	r.join("b")
	r.agent("b")
	r.report("b", func(rep *protocol.Report) { rep.Agent.Identity = "b's agent" })
	r.until("b is connected", func() bool {
		return r.row("b").State == query.StateConnected && r.row("b").Agent.Identity == "b's agent"
	})

	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("a connection outlives its credential")
	}
	// What an expired key signs is not taken, though another of the cluster's is still good.
	before := r.ids.Identity("a").Dropped
	r.say(protocol.SpeechReport, short, must(json.Marshal(protocol.Report{Version: protocol.Version, Cluster: "a", Time: time.Now()})))
	r.until("the report was dropped", func() bool { return r.ids.Identity("a").Dropped == before+1 })

	r.until("b's end is shown", func() bool { return strings.HasPrefix(r.row("b").Message, "its credential expired on ") })
	if row := r.row("b"); row.State != query.StateOffline || !strings.Contains(row.Message, "drover agent manifest --cluster b") {
		t.Errorf("the row is %+v", row)
	}
	r.restart(nil)
	r.until("what b said last is known after a restart", func() bool { return r.row("b").Agent.Identity == "b's agent" })
	r.join("b") // without --replace: nobody is locked out
	r.use("b", r.creds["b"])
	r.until("b is back", func() bool { return r.row("b").State == query.StateConnected })
}
