package hub_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// from has a cluster's agent report from where kube-system has a uid.
func (r *rig) from(name, uid, message string, held ...protocol.Held) {
	r.t.Helper()
	r.report(name, func(rep *protocol.Report) {
		rep.Message, rep.Agent.ClusterUID, rep.Agent.Identity, rep.Held = message, uid, "pod-of-"+uid, held
	})
}

// copied waits until a cluster's row says that another cluster uses its credential, and returns it.
func (r *rig) copied(name, uid string) string {
	r.t.Helper()
	r.until("status says that "+uid+" uses the credential of "+name, func() bool {
		c, _ := r.hub.State().Get(name)
		return c.Copy != nil && c.Copy.UID == uid
	})
	return r.row(name).Message
}

func TestACopiedCredentialIsNotBelieved(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a") // as an agent that does not say where it is
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.from("a", "first", "said by the first")
	r.until("the hub remembers where the agent is", func() bool { return r.ids.Place("a") == "first" })
	if b, _ := r.bundle("a"); b.Generation != 1 || b.ClusterUID != "" {
		t.Errorf("a bundle was published for that: %+v", b)
	}

	r.from("a", "other", "said by the other")
	message := r.copied("a", "other")
	for _, want := range []string{"uid other", "uid first", "pod-of-other", "drover cluster accept a",
		"drover cluster rotate a"} {
		if !strings.Contains(message, want) {
			t.Errorf("%q does not say %q", message, want)
		}
	}
	if c, _ := r.hub.State().Get("a"); c.Report.Message != "said by the first" {
		t.Errorf("the report is %q", c.Report.Message)
	}
	r.await("a", "it names the first", func(b protocol.Bundle) bool {
		return b.Generation == 2 && b.ClusterUID == "first"
	})

	r.restart(nil) // the bus has the report of the other
	r.copied("a", "other")
	r.from("a", "first", "said by the first again")
	r.until("the first is heard", func() bool {
		c, _ := r.hub.State().Get("a")
		return c.Report != nil && c.Report.Message == "said by the first again"
	})
	// where a cluster is does not depend on the store
	r.restart(func() { _ = os.Remove(filepath.Join(r.data, "hub.db")) })
	if r.ids.Place("a") != "first" {
		t.Error("the hub has forgotten where the cluster is")
	}
}

func TestAPersonDecidesWhichClusterItIs(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.from("a", "first", "said by the first")
	r.until("the hub remembers where the agent is", func() bool { return r.ids.Place("a") == "first" })
	r.from("a", "other", "held", protocol.Held{Kind: protocol.HoldIdentity})
	r.copied("a", "other")
	for cluster, uid := range map[string]string{"a": "third", "b": "other"} {
		if _, err := r.hub.Accept(t.Context(), cluster, uid); !errors.Is(err, hub.ErrNotCopied) {
			t.Errorf("accepting %s for %s: %v", uid, cluster, err)
		}
	}
	if was, err := r.hub.Accept(t.Context(), "a", "other"); err != nil || was.Known != "first" {
		t.Fatalf("%+v, %v", was, err)
	}
	b := r.await("a", "it names the other", func(b protocol.Bundle) bool { return b.ClusterUID == "other" })
	if b.Generation < 2 {
		t.Errorf("it has generation %d", b.Generation)
	}
	r.from("a", "other", "said by the other")
	r.until("the other is believed", func() bool { return r.row("a").Message == "said by the other" })
	r.from("a", "first", "held", protocol.Held{Kind: protocol.HoldIdentity})
	if message := r.copied("a", "first"); !strings.Contains(message, "uid other") {
		t.Errorf("status says %q", message)
	}

	// A credential that the other cannot have ends what is said of it.
	if err := r.ids.Rotate("a"); err != nil {
		t.Fatal(err)
	}
	r.use("a", r.renew("a"))
	r.until("status no longer says so", func() bool { c, _ := r.hub.State().Get("a"); return c.Copy == nil })
}

// An agent that holds never tells a hub where the cluster is that it knows nothing of.
func TestAnAgentThatHoldsIsNotLearnedFrom(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.from("a", "other", "held", protocol.Held{Kind: protocol.HoldIdentity})
	if message := r.copied("a", "other"); !strings.Contains(message, "not known") || r.ids.Place("a") != "" {
		t.Errorf("status says %q, and the cluster is in %q", message, r.ids.Place("a"))
	}
}

// A person who makes a token decides: whoever joins with it says where the cluster is.
func TestANewTokenSaysWhereTheClusterIs(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.from("a", "first", "said by the first")
	r.until("the hub remembers where the agent is", func() bool { return r.ids.Place("a") == "first" })
	k := newKeyPairs()
	req := k.request("a")
	req.ClusterUID = "second"
	if g := r.ask(r.agent("a"), protocol.RenewSubject("a"), r.creds["a"].Trust, r.creds["a"].Seed, req); g.Final ||
		!strings.Contains(g.Error, "drover cluster accept a") {
		t.Errorf("a renewal from another cluster: %+v", g)
	}
	r.hangUp("a")
	r.joinWith(r.token("a", hub.TokenOptions{Replace: true}))
	if got := r.ids.Place("a"); got != "" {
		t.Errorf("after joining again, without saying where, the cluster is in %q", got)
	}
	r.from("a", "second", "said by the second")
	r.until("the hub remembers where the agent is", func() bool { return r.ids.Place("a") == "second" })
	r.until("the second is heard", func() bool { return r.row("a").Message == "said by the second" })
}
