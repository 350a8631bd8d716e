package hub_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/protocol"
)

// captured is a connection of who holds the NATS server, and may write everywhere on the bus. It has none of
// the fleet's keys.
func (r *rig) captured() *natsgo.Conn {
	r.t.Helper()
	account := r.hubAccount()
	user := must(nkeys.CreateUser())
	token := must(jwt.NewUserClaims(must(user.PublicKey())).Encode(account))
	c := must(natsgo.Connect("tls://"+r.addr, roots(*r.hub.Trust), natsgo.UserJWTAndSeed(token, string(must(user.Seed())))))
	r.t.Cleanup(c.Close)
	return c
}

// forge writes a message of a cluster's bundle, with headers that somebody else made up.
func (r *rig) forge(cluster string, body []byte, headers map[string]string) {
	r.t.Helper()
	c := r.captured()
	defer c.Close()
	m := &natsgo.Msg{Subject: protocol.DesiredSubject(cluster), Data: body, Header: natsgo.Header{}}
	for k, v := range headers {
		m.Header.Set(k, v)
	}
	if _, err := c.RequestMsg(m, patience); err != nil {
		r.t.Fatal(err)
	}
}

// sizes are numbers that somebody may claim.
func sizes(known uint64) []uint64 {
	return []uint64{0, 1, known, known + 1, known + 1_000_000, known + 1_000_001, 1 << 32, 1<<40 + 1, 1 << 48, 1 << 52, 1<<52 + 1,
		1<<53 - 1, 1 << 53, 1<<53 + 1, 1 << 63, math.MaxUint64 - 1, math.MaxUint64}
}

// Whatever the agent of a cluster, or who holds the bus, says: the next commit is published for every cluster.
func TestNoNumberFromOutsideMakesALaterPublishFail(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	for _, name := range []string{"a", "b"} {
		r.await(name, "published", func(protocol.Bundle) bool { return true })
	}
	commits := 0
	publishes := func(what string) {
		t.Helper()
		commits++
		subject := fmt.Sprintf("commit %d after %s", commits, what)
		r.push(subject, map[string]string{"apps/extra/config.yaml": configMap("extra", strconv.Itoa(commits))})
		for _, name := range []string{"a", "b"} {
			b := r.await(name, subject, func(b protocol.Bundle) bool { return b.Revision.Subject == subject })
			if b.Generation > protocol.MaxFollowed {
				t.Fatalf("after %s generation %d was published for %s", what, b.Generation, name)
			}
		}
	}
	for _, g := range sizes(1) {
		for _, epoch := range []uint64{0, 1} {
			b, _ := r.bundle("a")
			what := fmt.Sprintf("a report of %d/%d", epoch, g)
			r.report("a", func(rep *protocol.Report) {
				rep.Generation, rep.Epoch, rep.Digest = g, epoch, "made up"
				rep.Agent.Identity, rep.Revision = what, b.Revision
				rep.Apps = []protocol.AppReport{{Name: "extra", Deleted: g}}
			})
			r.until("it was heard", func() bool {
				c, _ := r.hub.State().Get("a")
				return c.Report != nil && c.Report.Agent.Identity == what
			})
			publishes(what)
		}
	}
	for i, g := range sizes(1) {
		number := strconv.FormatUint(g, 10)
		headers := map[string]string{protocol.HeaderGeneration: number, protocol.HeaderEpoch: number, protocol.HeaderRevision: "0000000000",
			protocol.HeaderKey: "made up"}
		if i%2 == 1 {
			headers[protocol.HeaderAuth] = strings.Repeat("00", 32)
		}
		r.restart(func() { // the hub reads headers when it starts
			r.serve(quietLog(t))
			r.forge("a", []byte("made up"), headers)
			r.server.Close()
		})
		publishes("a header of " + number)
	}
	for _, lost := range [][]string{{"hub.db"}, {"nats"}, {"hub.db", "nats"}} {
		r.report("a", func(rep *protocol.Report) { rep.Generation, rep.Digest = 1<<53-1, "made up" })
		r.restart(func() {
			for _, name := range lost {
				must(0, os.RemoveAll(filepath.Join(r.data, name)))
			}
		})
		publishes(fmt.Sprint("losing ", lost))
	}
}

// An older release could be led to where no number is left.
func TestNumbersThatAreUsedUpBeginAgainInANewEpoch(t *testing.T) {
	t.Parallel()
	for _, spent := range []uint64{protocol.MaxFollowed + 1, protocol.MaxGeneration - 1, protocol.MaxGeneration, protocol.MaxGeneration + 1} {
		t.Run(strconv.FormatUint(spent, 10), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, twoClusters())
			r.join("a", "b")
			before := r.await("a", "published", func(protocol.Bundle) bool { return true })
			r.restart(func() {
				store := must(bolt.Open(filepath.Join(r.data, "hub.db"), r.keys.Secret, quietLog(t)))
				record := must(store.Clusters())["a"]
				record.Bundle.Generation = spent
				must(0, errors.Join(store.Save(hub.Batch{Records: map[string]hub.Record{"a": record}}), store.Close()))
			})
			r.push("later", map[string]string{"apps/extra/config.yaml": configMap("extra", "later")})
			for _, name := range []string{"a", "b"} {
				b := r.await(name, "the commit", func(b protocol.Bundle) bool { return b.Revision.Subject == "later" })
				if b.Epoch != before.Epoch+1 || b.Generation > 10 {
					t.Errorf("%s is at %d/%d after %d/%d", name, b.Epoch, b.Generation, before.Epoch, spent)
				}
			}
		})
	}
}

// What is not believed is shown with the command that decides, and that command leads above it.
func TestAGenerationThatIsNotBelievedWaitsForAPerson(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	published := r.await("a", "published", func(protocol.Bundle) bool { return true })
	held := func() (id string) {
		r.until("a is held", func() bool {
			for _, h := range r.hub.State().Source().Held {
				if h.Kind == protocol.HoldGeneration && h.Clusters[0] == "a" {
					id = h.ID
				}
			}
			return id != ""
		})
		if m := r.row("a").Message; !strings.Contains(m, "drover approve "+id) || !strings.Contains(m, "generation") {
			t.Errorf("the row says %q", m)
		}
		return id
	}
	free := func() {
		t.Helper()
		r.until("nothing is held", func() bool { return len(r.hub.State().Source().Held) == 0 && len(r.row("a").Held) == 0 })
	}
	claim := func(epoch, generation uint64) {
		r.report("a", func(rep *protocol.Report) {
			rep.Epoch, rep.Generation, rep.Digest, rep.Revision = epoch, generation, "made up", published.Revision
		})
	}

	claim(published.Epoch, 5_000_000) // what the agent says later takes it back
	held()
	claim(published.Epoch, published.Generation)
	free()

	claim(published.Epoch, 1<<53-1)
	must(r.hub.Approve(t.Context(), held()))
	b := r.await("a", "a new epoch", func(b protocol.Bundle) bool { return b.Epoch == published.Epoch+1 })
	r.await("b", "the new epoch, too", func(b protocol.Bundle) bool { return b.Epoch == published.Epoch+1 })
	if b.Generation > 10 {
		t.Errorf("it begins with generation %d", b.Generation)
	}
	free()

	claim(0, 5_000_000) // an agent that knows no epochs
	must(r.hub.Approve(t.Context(), held()))
	b = r.await("a", "above it", func(b protocol.Bundle) bool { return b.Generation == 5_000_001 })
	if b.Epoch != published.Epoch+1 {
		t.Errorf("epoch %d", b.Epoch)
	}
	free()
}

// Who held a credential may have numbered reports to the end: the next one counts from the start.
func TestANewCredentialIsHeardWhateverTheOneBeforeCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	say := func(who string, term uint64) {
		r.report("a", func(rep *protocol.Report) { rep.Agent.Identity, rep.Agent.Term = who, term })
	}
	heard := func(who string) {
		t.Helper()
		r.until(who+" is heard", func() bool { return r.row("a").Agent.Identity == who })
	}
	say("captured", math.MaxUint64)
	heard("captured")
	must(0, r.ids.Revoke("a"))
	r.hangUp("a")
	r.join("a")
	say("joined again", 1)
	heard("joined again")
}
