package agent_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// rotation is a cluster whose hub changes whom to trust.
type rotation struct {
	hub *agenttest.Hub
	cp  *testenv.ControlPlane
	ns  string
}

// publish applies the next bundle, which brings trust, and waits until the agent believes it.
func (r rotation) publish(t *testing.T, trust protocol.Trust, value string) protocol.Bundle {
	t.Helper()
	b := r.hub.Bundle(r.hub.App(t, "web", configMap(r.ns, "web", value)))
	b.Trust = &trust
	r.hub.SetTrust(trust)
	r.hub.Publish(t, b)
	report := r.hub.Healthy(t, b)
	if report.Agent.Trust != trust.ID() || report.Refused != nil || report.Message != "" {
		t.Fatalf("the agent trusts %s, want %s; refused %v; %s", report.Agent.Trust, trust.ID(), report.Refused, report.Message)
	}
	return b
}

func newKey(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

// Signing key, certificate authority and address change, each with an overlap, and no cluster joins again.
func TestTrustIsRotatedByBundles(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns, hub := testenv.NamespaceT(t, cp), agenttest.NewHubWithServer(t, "east-1")
	running := agenttest.Start(t, cp, ns, hub)
	r := rotation{hub, cp, ns}
	trust := hub.Trust()
	r.publish(t, trust, "0")

	t.Run("signing key", func(t *testing.T) {
		public, next := newKey(t)
		old := hub.Keys[0]
		trust.HubKeys = append(trust.HubKeys, public)
		hub.Keys = append(hub.Keys, next)
		r.publish(t, trust, "both keys")
		hub.Keys, trust.HubKeys = hub.Keys[1:], trust.HubKeys[1:]
		r.publish(t, trust, "new key")
		envelope, err := protocol.SignBundle(hub.Bundle(hub.App(t, "web", configMap(ns, "web", "old key"))), old)
		if err != nil {
			t.Fatal(err)
		}
		hub.PublishTo(t, hub.OpenKey(t), envelope)
		report := hub.Report(t, "a refusal", func(r protocol.Report) bool { return r.Refused != nil })
		if !strings.Contains(report.Refused.Reason, protocol.ErrUnsigned.Error()) {
			t.Errorf("refused with %q", report.Refused.Reason)
		}
	})
	t.Run("authority", func(t *testing.T) {
		next := agenttest.NewAuthority(t)
		trust.CA += next.PEM
		r.publish(t, trust, "both authorities")
		before := hub.Hellos()
		hub.ServeBy(t, next)
		hub.Hello(t, before)
		trust.CA = next.PEM
		r.publish(t, trust, "new authority")
	})
	address, count := forward(t, strings.TrimPrefix(trust.Servers[0], "tls://"))
	t.Run("address", func(t *testing.T) {
		trust.Servers = []string{"tls://" + address}
		r.publish(t, trust, "new address")
		if count.Load() != 0 {
			t.Error("the connection that holds was given up")
		}
		before := hub.Hellos()
		if err := hub.NATS.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		hub.Hello(t, before)
		if count.Load() == 0 {
			t.Error("the new address was not used")
		}
	})
	t.Run("after a restart", func(t *testing.T) {
		running.Stop(t)
		before := hub.Hellos()
		running = agenttest.StartWith(t, cp, ns, "")
		hub.Hello(t, before)
		r.publish(t, trust, "restarted")
	})
	if got := len(hub.Asked()); got != 1 {
		t.Errorf("a credential was asked for %d times", got)
	}
}

// forward passes connections on to a server, and counts them.
func forward(t *testing.T, server string) (address string, count *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	count = &atomic.Int64{}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			out, err := net.Dial("tcp", server)
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		}
	}()
	return l.Addr().String(), count
}

func TestTrustOfNoUseIsNotTaken(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	good := hub.Trust()
	for name, spoil := range map[string]func(*protocol.Trust){
		"plain servers": func(t *protocol.Trust) { t.Servers = []string{"nats://127.0.0.1:4222"} },
		"no reports":    func(t *protocol.Trust) { t.HubOpen = nil },
		"no authority":  func(t *protocol.Trust) { t.CA = "none" },
	} {
		bad := good
		spoil(&bad)
		b := hub.Bundle(hub.App(t, "web", configMap(ns, "web", name)))
		b.Trust = &bad
		hub.Publish(t, b)
		report := hub.Healthy(t, b)
		if report.Agent.Trust != good.ID() || !strings.Contains(report.Message, "was not taken") {
			t.Errorf("%s: the agent trusts %s, want %s, and says %q", name, report.Agent.Trust, good.ID(), report.Message)
		}
	}
	if report := hub.Apply(t, hub.App(t, "web", configMap(ns, "web", "fine"))); report.Message != "" {
		t.Errorf("the next bundle leaves %q", report.Message)
	}
}

func TestBundlesAreOpenedWithTheEarlierKeyUntilTheHubKnowsTheNewOne(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "web", "1")))
	earlier := hub.OpenKey(t)
	hub.Ask(t, protocol.AskRenew)
	hub.Hello(t, 1)
	b := hub.Bundle(hub.App(t, "web", configMap(ns, "web", "2")))
	envelope, err := protocol.SignBundle(b, hub.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	hub.PublishTo(t, earlier, envelope)
	if r := hub.Healthy(t, b); r.Agent.Expires.IsZero() {
		t.Error("the report does not say when the credential ends")
	}
}

// A hub that seals to a key that nobody has, as after a backup, is told of another.
func TestABundleThatNobodyCanOpenHasTheCredentialRenewed(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "web", "1")))
	before := hub.OpenKey(t)
	_, lost, err := protocol.NewOpenKey()
	if err != nil {
		t.Fatal(err)
	}
	b := hub.Bundle(hub.App(t, "web", configMap(ns, "web", "2")))
	envelope, err := protocol.SignBundle(b, hub.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	hub.PublishTo(t, lost, envelope)
	if after := hub.Hello(t, 1).OpenKey; string(after) == string(before) {
		t.Error("the key is the same")
	} else {
		hub.PublishTo(t, after, envelope)
	}
	hub.Healthy(t, b)
}

// The Secret is all that an agent has: whoever finds it goes on, whoever lost it cannot pretend.
func TestTheCredentialLivesInTheCluster(t *testing.T) {
	t.Parallel()
	cp, ns, hub, first := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "web", "1")))
	ref := testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: "drover-credential"}
	secret := still(t, cp, ref)
	var c protocol.Credential
	data, err := base64.StdEncoding.DecodeString(secret.Text("data", "credential.json"))
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil || c.Cluster != "east-1" || c.JWT != hub.Hello(t, 0).JWT || secret.Text("data", "pending.json") != "" {
		t.Fatalf("the Secret holds the credential of %q (%v)", c.Cluster, err)
	}
	first.Stop(t)
	if err := cp.Kube().Delete(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	agenttest.Start(t, cp, ns, hub).Trouble(t, "used already")
}
