package agent_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "web", "0")))
	evil := func() protocol.Bundle { return hub.Bundle(hub.App(t, "web", configMap(ns, "web", "evil"))) }
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(b protocol.Bundle, key ed25519.PrivateKey, cluster string) []byte {
		envelope, err := protocol.SignBundle(b, key)
		if err != nil {
			t.Fatal(err)
		}
		data, err := protocol.Seal(hub.OpenKey(t), cluster, envelope)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	cases := []struct {
		name string
		data func() []byte
		want string
	}{
		{"noise", func() []byte { return []byte("not sealed at all") }, protocol.ErrNotSealed.Error()},
		{"stranger", func() []byte { return sealed(evil(), stranger, "east-1") }, protocol.ErrUnsigned.Error()},
		{"foreign", func() []byte { b := evil(); b.Cluster = "west-1"; return sealed(b, hub.Keys[0], "east-1") }, protocol.ErrForeign.Error()},
		{"sealed to another", func() []byte { return sealed(evil(), hub.Keys[0], "west-1") }, protocol.ErrNotSealed.Error()},
		{"older", func() []byte { b := evil(); b.Generation = 0 + 1; return sealed(b, hub.Keys[0], "east-1") }, protocol.ErrSuperseded.Error()},
		{"same generation", func() []byte {
			b := evil()
			hub.Generation--
			b.Generation = hub.Generation
			return sealed(b, hub.Keys[0], "east-1")
		}, "of the same generation"},
		{"version", func() []byte {
			return []byte(strings.Replace(string(sealed(evil(), hub.Keys[0], "east-1")), "DRV1", "DRV9", 1))
		}, protocol.ErrNotSealed.Error()},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			good := hub.Bundle(hub.App(t, "web", configMap(ns, "web", c.name)))
			hub.Publish(t, good)
			r := hub.Healthy(t, good)
			if r.Refused != nil {
				t.Fatalf("a good bundle did not clear the refusal: %+v", r.Refused)
			}
			before, hellos := applies(t, cp, ns), hub.Hellos()
			hub.PublishRaw(t, c.data())
			if c.want != protocol.ErrNotSealed.Error() { // or else the agent asks for another key, is sent what is in force, and takes it back
				r = hub.Report(t, "a refusal", func(r protocol.Report) bool { return r.Refused != nil })
				if !strings.Contains(r.Refused.Reason, c.want) || r.Generation != good.Generation {
					t.Errorf("refused with %q at generation %d, want %q at %d", r.Refused.Reason, r.Generation, c.want, good.Generation)
				}
			}
			hub.Event(t, "the refusal", func(e protocol.Event) bool {
				return e.Kind == protocol.EventRefused && e.Generation == good.Generation && strings.Contains(e.Message, c.want)
			})
			if c.name == "noise" { // it renews once a minute at most; what is published meanwhile is replaced
				hub.Hello(t, hellos)
			}
			if got := still(t, cp, mapRef(ns, "web")).Text("data", "key"); got != c.name || applies(t, cp, ns) != before {
				t.Errorf("the cluster was touched: %q", got)
			}
			hub.Generation = max(hub.Generation, good.Generation)
		})
	}
}
