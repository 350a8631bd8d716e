package identity

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// saying is a Hello as it is on the bus, where it can be repeated.
func saying(a agent, cluster, jwt string, at time.Time) []byte {
	return must(protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: cluster, Time: at, JWT: jwt,
		OpenKey: a.open}, signer(a.seed)))
}

// uses says whether what is sealed for a cluster is sealed for an agent.
func (o *office) uses(cluster string, a agent) bool {
	key, ok := o.OpenKey(cluster)
	return ok && bytes.Equal(key, a.open)
}

// A Hello can be repeated by anyone on the bus. It must not bring back the key of a credential that the agent has left:
// what is sealed to it the agent may no longer be able to read.
func TestARepeatedHelloBringsNothingBack(t *testing.T) {
	t.Parallel()
	o, one, two := newOffice(t), newAgent(), newAgent()
	first := o.join(must(o.Token("a", hub.TokenOptions{})), one.request("a"))
	now := time.Now()
	before := saying(one, "a", first.JWT, now)
	must(o.Hello("a", before))
	second := o.renew(one, two.request("a"))
	// The first Hello of a newer credential counts, though the agent's clock was set back.
	after := saying(two, "a", second.JWT, now.Add(-time.Hour))
	if _, err := o.Hello("a", after); err != nil || !o.uses("a", two) {
		t.Fatalf("the first Hello of the new credential: %v", err)
	}
	_, err := o.Hello("a", before)
	if err == nil || !strings.Contains(err.Error(), "is not later than") || !o.uses("a", two) {
		t.Errorf("the repeated Hello of the one before: %v; the new one is used: %t", err, o.uses("a", two))
	}
	// A cluster that was restored from a backup goes back to the credential before, and says so later.
	if _, err := o.Hello("a", saying(one, "a", first.JWT, now.Add(time.Second))); err != nil || !o.uses("a", one) {
		t.Errorf("a later Hello of the one before: %v", err)
	}
	if _, err := o.Hello("a", after); err == nil || !o.uses("a", one) {
		t.Errorf("the repeated Hello of the new one: %v; the one before is used: %t", err, o.uses("a", one))
	}
	o.restart()
	if _, err := o.Hello("a", after); err == nil || !o.uses("a", one) {
		t.Errorf("after a restart of the hub the repeated Hello is taken: %v", err)
	}
}

// A hub that was restored from a backup has forgotten credentials. It knows them again, but for those from before a
// revocation that it remembers.
func TestAForgottenCredentialFromBeforeARevocationIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, forgotten, later := newOffice(t), newAgent(), newAgent()
		jwt := must(o.keys.AgentJWT("a", forgotten.user, time.Now().Add(time.Hour)))
		time.Sleep(2 * time.Second) // JWTs have seconds
		o.join(must(o.Token("a", hub.TokenOptions{})), newAgent().request("a"))
		if err := o.Revoke("a"); err != nil {
			t.Fatal(err)
		}
		if h, err := o.hello(forgotten, "a", jwt); err == nil || h != (Heard{}) ||
			!strings.Contains(err.Error(), "was revoked with all others of that time") {
			t.Errorf("its Hello: %+v, %v", h, err)
		}
		if !slices.Contains(o.Revoked(), forgotten.user) || !slices.Contains(o.last(), forgotten.user) {
			t.Error("the servers let it in")
		}
		if _, err := o.hello(forgotten, "a", jwt); !errors.Is(err, ErrRevoked) {
			t.Errorf("its second Hello: %v", err)
		}
		time.Sleep(2 * time.Second)
		again := must(o.keys.AgentJWT("a", later.user, time.Now().Add(time.Hour)))
		if h, err := o.hello(later, "a", again); err != nil || h != (Heard{Learned: later.user}) {
			t.Errorf("the Hello of one from after it: %+v, %v", h, err)
		}
	})
}

func TestATokenThatReplacesEndsTheCredentialsThereAre(t *testing.T) {
	t.Parallel()
	o, one, two := newOffice(t), newAgent(), newAgent()
	o.join(must(o.Token("a", hub.TokenOptions{})), one.request("a"))
	token := must(o.Token("a", hub.TokenOptions{Replace: true}))
	if slices.Contains(o.Revoked(), one.user) {
		t.Error("the agent is locked out before the token was used")
	}
	if got := o.join(token, two.request("a")); got.Error != "" {
		t.Fatalf("it is answered with %+v", got)
	}
	if id := o.Identity("a"); id.Valid != 1 || !id.Revoked.IsZero() || !o.uses("a", two) {
		t.Errorf("the cluster is %+v", id)
	}
	if !slices.Contains(o.Revoked(), one.user) || !slices.Contains(o.last(), one.user) ||
		slices.Contains(o.Revoked(), two.user) {
		t.Errorf("revoked are %q; the servers were told of %q", o.Revoked(), o.told())
	}
	if again := o.join(token, two.request("a")); again.Error != "" || o.Identity("a").Valid != 1 {
		t.Errorf("the same request again is answered with %+v", again)
	}
}

// A rotation that the agent did not hear of is asked for again, ever more rarely, until it is done.
func TestAnAgentIsRemindedUntilItHasRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, one, two := newOffice(t), newAgent(), newAgent()
		first := o.join(must(o.Token("a", hub.TokenOptions{})), one.request("a"))
		must(o.hello(one, "a", first.JWT))
		var asked atomic.Int64
		o.Log = slog.New(slog.DiscardHandler)
		o.Reach(func(cluster string, a protocol.Ask) error {
			if cluster != "a" || a.Cluster != "a" || a.Kind != protocol.AskRenew {
				t.Errorf("%s is asked for %+v", cluster, a)
			}
			asked.Add(1)
			return errors.New("it is offline")
		})
		o.AskRenew("a") // for which there is no reason
		if asked.Load() > 0 {
			t.Error("it is asked without a rotation")
		}
		if err := o.Rotate("a"); err != nil || asked.Load() != 1 {
			t.Fatalf("it is asked %d times at once, %v", asked.Load(), err)
		}
		time.Sleep(remindMax)
		synctest.Wait()
		if n := asked.Load(); n < 5 || n > 8 {
			t.Errorf("after %s it was asked %d times", remindMax, n)
		}
		was := asked.Load()
		time.Sleep(5 * remindMax)
		synctest.Wait()
		if n := asked.Load() - was; n < 4 || n > 11 {
			t.Errorf("in %s more it was asked %d times", 5*remindMax, n)
		}
		second := o.renew(one, two.request("a"))
		must(o.hello(two, "a", second.JWT))
		time.Sleep(2 * remindMax) // the last reminder may be under way
		synctest.Wait()
		was = asked.Load()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := asked.Load() - was; n != 0 || len(o.reminders) != 0 {
			t.Errorf("it is asked %d times after it has renewed; reminders are %v", n, o.reminders)
		}
	})
}

// olderRelease makes the hub's data those of a release that drew no boundary between credentials.
func (o *office) olderRelease() {
	o.t.Helper()
	if err := os.Remove(filepath.Join(o.keys.Dir(), boundaryFile)); err != nil {
		o.t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	o.restart()
}

// Credentials of an older release do not bound what their holder may send. They are good until their agents have
// renewed, and then a person ends those that are left.
func TestCredentialsOfAnOlderReleaseEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, one, two, away := newOffice(t), newAgent(), newAgent(), newAgent()
		first := o.join(must(o.Token("a", hub.TokenOptions{})), one.request("a"))
		other := o.join(must(o.Token("b", hub.TokenOptions{})), away.request("b"))
		o.olderRelease()
		if got := o.Joins().Former; !slices.Equal(got, []string{"a", "b"}) {
			t.Fatalf("of an older release are %q", got)
		}
		if h, err := o.hello(one, "a", first.JWT); err != nil || !h.Renew {
			t.Errorf("a Hello: %+v, %v", h, err)
		}
		second := o.renew(one, two.request("a"))
		if h, err := o.hello(two, "a", second.JWT); err != nil || h.Renew {
			t.Errorf("a Hello with the new credential: %+v, %v", h, err)
		}
		if left, err := o.EndFormer(false); err != nil || !slices.Equal(left, []string{"b"}) ||
			slices.Contains(o.Revoked(), one.user) {
			t.Errorf("while one is used: %q are left, %v; revoked are %q", left, err, o.Revoked())
		}
		if left, err := o.EndFormer(true); err != nil || !slices.Equal(left, []string{"b"}) {
			t.Errorf("by force: %q are left, %v", left, err)
		}
		for range 2 {
			revoked := o.Revoked()
			if !slices.Contains(revoked, one.user) || !slices.Contains(revoked, away.user) ||
				slices.Contains(revoked, two.user) {
				t.Errorf("revoked are %q", revoked)
			}
			if _, err := o.hello(away, "b", other.JWT); !errors.Is(err, ErrRevoked) {
				t.Errorf("a Hello of the one that was used: %v", err)
			}
			if got := o.Joins().Former; len(got) != 0 || o.Identity("b").Valid != 0 || o.Identity("a").Valid != 1 {
				t.Errorf("of an older release are %q; a is %+v, and b %+v", got, o.Identity("a"), o.Identity("b"))
			}
			o.restart()
		}
		if last := o.last(); !slices.Contains(last, away.user) {
			t.Errorf("the servers were told of %q", last)
		}
	})
}

// What is revoked is revoked, also when the servers do not hear of it: the hub takes nothing in, and says what is left.
func TestARevocationThatServersDoNotHearOf(t *testing.T) {
	t.Parallel()
	o, one := newOffice(t), newAgent()
	grant := o.join(must(o.Token("a", hub.TokenOptions{})), one.request("a"))
	o.Advertise(must(o.trust()), func([]string) error { return errors.New("no server answers") })
	err := o.Revoke("a")
	const says = "are revoked, but the NATS servers do not know it yet: no server answers"
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("revoking says %v", err)
	}
	if _, err := o.hello(one, "a", grant.JWT); !errors.Is(err, ErrRevoked) || o.Identity("a").Valid != 0 {
		t.Errorf("a Hello: %v; it is %+v", err, o.Identity("a"))
	}
	if left, err := o.EndFormer(true); err == nil || len(left) != 0 ||
		!strings.Contains(err.Error(), "but the NATS servers do not know it yet") {
		t.Errorf("ending those of older releases: %q, %v", left, err)
	}
}

// Before the hub knows where agents are to connect it gives nothing that would lead nowhere.
func TestNothingIsGivenBeforeTheHubIsReached(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Identities = must(Open(o.dir, o.keys))
	token, err := o.Token("a", hub.TokenOptions{})
	if err == nil || !strings.Contains(err.Error(), "try again in a moment") || len(o.tokens.byUser) != 0 {
		t.Errorf("it gives the token %+v, %v", token, err)
	}
}

func TestATokenIsExplainedForAMonthAndThenForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		token := must(o.Token("a", hub.TokenOptions{TTL: time.Hour}))
		file := filepath.Join(o.tokens.dir, token.User+".json")
		time.Sleep(time.Hour + tokenKept - time.Second)
		must(o.Token("b", hub.TokenOptions{}))
		if got := o.join(token, newAgent().request("a")); !strings.Contains(got.Error, "the join token expired on") {
			t.Errorf("within the month it is answered with %+v", got)
		}
		time.Sleep(2 * time.Second)
		must(o.Token("c", hub.TokenOptions{}))
		got := o.join(token, newAgent().request("a"))
		if !got.Final || !strings.Contains(got.Error, "this hub does not know the join token") {
			t.Errorf("after the month it is answered with %+v", got)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its file: %v", err)
		}
		kept := must(o.Token("d", hub.TokenOptions{TTL: time.Minute}))
		time.Sleep(time.Minute + tokenKept + time.Second)
		o.restart()
		if _, known := o.tokens.get(kept.User); known {
			t.Error("one is known that ended while the hub was away")
		}
		if _, err := os.Stat(filepath.Join(o.tokens.dir, kept.User+".json")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its file: %v", err)
		}
	})
}

func TestWhoseAKeyIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, one, two := newOffice(t), newAgent(), newAgent()
		o.TTL = time.Hour
		is := func(a agent, want string) {
			t.Helper()
			if got, ok := o.ClusterOf(a.user); got != want || ok != (want != "") {
				t.Errorf("it is of %q, %t; want %q", got, ok, want)
			}
		}
		is(one, "")
		o.join(must(o.Token("a", hub.TokenOptions{})), one.request("a"))
		is(one, "a")
		if err := o.Revoke("a"); err != nil {
			t.Fatal(err)
		}
		is(one, "a") // what is still on the bus is of a
		o.restart()
		is(one, "a")
		time.Sleep(2 * time.Hour)
		o.join(must(o.Token("a", hub.TokenOptions{})), two.request("a"))
		is(one, "")
		is(two, "a")
		if slices.Contains(o.Revoked(), one.user) {
			t.Error("a credential is named to the servers after it has expired")
		}
	})
}

func TestAddressesThatDoNotTrustTheHubAreCountedWithinBounds(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range maxDistrusting + 5 {
		o.Distrust(fmt.Sprint("host", i))
	}
	if got := o.Joins().Distrusted; got.Count != maxDistrusting+5 || got.Addresses != maxDistrusting ||
		got.Last != fmt.Sprint("host", maxDistrusting+4) {
		t.Errorf("got %+v", got)
	}
}
