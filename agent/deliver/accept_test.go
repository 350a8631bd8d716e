package deliver

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/place"
	"github.com/drover-dev/drover/protocol"
)

// A crash between two writes must leave nothing undone: whom to trust goes first, because the bundle comes again.
func TestAnAcceptedBundleIsStoredBeforeItIsActedOn(t *testing.T) {
	t.Parallel()
	other := newHub(t)
	for name, c := range map[string]struct {
		edit func(s *scene, b *protocol.Bundle)
		want []string
		says string // in the journal
	}{
		"no news of trust": {func(*scene, *protocol.Bundle) {}, []string{"bundle 1"}, "generation 1 with 1 app"},
		"the trust it has": {func(s *scene, b *protocol.Bundle) { b.Trust = &s.trust }, []string{"bundle 1"},
			"generation 1 with 1 app"},
		"another trust": {func(s *scene, b *protocol.Bundle) {
			next := s.trust
			next.HubKeys = append(next.HubKeys, other.trust.HubKeys...)
			b.Trust = &next
		}, []string{"identity", "bundle 1"}, "generation 1 with 1 app"},
		"incomplete": {func(_ *scene, b *protocol.Bundle) { b.Incomplete = "a folder cannot be read" }, []string{"bundle 1"},
			"generation 1 with 1 app; it is not complete (a folder cannot be read), so no missing app is taken away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				x := s.session()
				b := bundle(1, protocol.App{Name: "web"})
				c.edit(s, &b)
				s.store.did.since()
				got, ok := x.accept.accept(x.ctx, s.sealed(b))
				if !ok || got.Generation != 1 {
					t.Fatalf("generation %d, accepted: %t", got.Generation, ok)
				}
				same(t, "written", s.store.did.since(), c.want)
				if x.InForce().Known {
					t.Error("it is in force before it is acted on")
				}
				s.settle()
				same(t, "told", s.bus.told(protocol.EventAccepted), []string{c.says})
			})
		})
	}
}

// An agent that believed an invalid trust could never be told anything again.
func TestAnInvalidTrustIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*protocol.Trust){
		"a server in the clear": func(t *protocol.Trust) { t.Servers = []string{"nats://hub.example:4222"} },
		"no key for reports":    func(t *protocol.Trust) { t.HubOpen = nil },
		"a CA that is none":     func(t *protocol.Trust) { t.CA = "none" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				x := s.session()
				b, unfit := bundle(1, s.app("web", "a")), s.trust
				edit(&unfit)
				b.Trust = &unfit
				s.receive(x, b)
				same(t, "written", s.store.did.since(), []string{"bundle 1"})
				if got := s.id.Credential().Trust; !got.Equal(s.trust) {
					t.Errorf("it trusts %+v", got)
				}
				if x.InForce().Bundle.Generation != 1 {
					t.Error("the bundle is not in force")
				}
				if text := x.message(); !strings.Contains(text, "whom generation 1 says to trust was not taken") {
					t.Errorf("the report says %q", text)
				}
				s.receive(x, bundle(2))
				if text := x.message(); text != "" {
					t.Errorf("after the next bundle the report says %q", text)
				}
			})
		})
	}
}

// What is not stored is not acted on, however long the API server is away; and it is said that it is.
func TestABundleThatCannotBeStoredIsNotInForce(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		x := s.session()
		s.receive(x, bundle(1, s.app("web", "a")))
		away := errors.New("the API server is away")
		s.store.refuse(away, away, away)
		s.bus.said()
		done := make(chan struct{})
		go func() {
			defer close(done)
			x.receive(x.ctx, s.sealed(bundle(2, s.app("web", "b"))))
		}()
		time.Sleep(1500 * time.Millisecond)
		if got := x.InForce().Bundle.Generation; got != 1 {
			t.Errorf("generation %d is in force", got)
		}
		reports := s.bus.said()
		if len(reports) == 0 || !strings.Contains(reports[len(reports)-1].Message,
			"generation 2 was accepted but cannot be stored: the API server is away") {
			t.Errorf("it reports %+v", reports)
		}
		<-done
		s.settle()
		if got := x.InForce().Bundle.Generation; got != 2 || x.message() != "" {
			t.Errorf("generation %d is in force, and the report says %q", got, x.message())
		}
		same(t, "told", s.bus.told(protocol.EventAccepted), []string{"generation 1 with 1 app", "generation 2 with 1 app"})
	})
}

func TestStoringEndsWithTheSession(t *testing.T) {
	t.Parallel()
	t.Run("another agent leads", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *scene) {
			x := s.session()
			s.store.refuse(agent.ErrLost)
			s.receive(x, bundle(1))
			if !errors.Is(context.Cause(x.ctx), agent.ErrLost) {
				t.Errorf("the session ended with %v", context.Cause(x.ctx))
			}
			if x.InForce().Known {
				t.Error("the bundle is in force")
			}
		})
	})
	t.Run("the session is over", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *scene) {
			x := s.session()
			over := errors.New("over")
			s.store.refuse(errors.New("away"), errors.New("away"))
			x.end(over)
			if _, ok := x.accept.accept(x.ctx, s.sealed(bundle(1))); ok || !errors.Is(context.Cause(x.ctx), over) {
				t.Errorf("accepted: %t, and the session ended with %v", ok, context.Cause(x.ctx))
			}
		})
	})
}

// What is refused changes nothing, and is said once, with the reason.
func TestARefusedBundleChangesNothing(t *testing.T) {
	t.Parallel()
	stranger := newHub(t)
	for name, c := range map[string]struct {
		sealed func(s *scene) []byte
		says   string
		renew  bool
	}{
		"an older generation": {func(s *scene) []byte { return s.sealed(bundle(6)) }, "generation 6, and 7 was accepted",
			false},
		"an older epoch": {func(s *scene) []byte {
			b := bundle(9)
			b.Epoch = 1
			return s.sealed(b)
		}, "epoch 1, and a bundle of epoch 2", false},
		"another of the same generation": {func(s *scene) []byte { return s.sealed(bundle(7)) },
			"differs from the bundle of the same generation 7", false},
		"far beyond": {func(s *scene) []byte { return s.sealed(bundle(8 + protocol.MaxGenerationStep)) },
			"out of all proportion", false},
		"of a stranger": {func(s *scene) []byte {
			stranger := stranger
			stranger.key = s.key
			return stranger.sealed(bundle(8))
		}, "sign", false},
		"for another cluster": {func(s *scene) []byte {
			b := bundle(8)
			b.Cluster = "west-1"
			public, _ := protocol.OpenPublic(s.key)
			sealed, err := protocol.Seal(public, "east-1", s.signed(b))
			if err != nil {
				t.Error(err)
			}
			return sealed
		}, "west-1", false},
		"sealed to another key": {func(s *scene) []byte {
			other := s.hub
			other.key = stranger.key
			return other.sealed(bundle(8))
		}, "sealed", true},
		"not sealed": {func(s *scene) []byte { return s.signed(bundle(8)) }, "sealed", true},
		"nothing":    {func(*scene) []byte { return nil }, "sealed", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				x := s.session()
				good := bundle(7, s.app("web", "a"))
				s.receive(x, good)
				s.store.did.since()
				sealed := c.sealed(s)
				for range 3 { // as after every connecting
					x.receive(x.ctx, sealed)
				}
				s.settle()
				if in := x.InForce(); in.Bundle.Generation != 7 || in.Digest != good.Digest() {
					t.Errorf("generation %d is in force", in.Bundle.Generation)
				}
				same(t, "apps", x.names(), []string{"web"})
				same(t, "written", s.store.did.since(), nil)
				told := s.bus.told(protocol.EventRefused)
				if len(told) != 1 || !strings.Contains(told[0], c.says) {
					t.Errorf("told: %q, want one with %q", told, c.says)
				}
				if r := x.refused(); r == nil || len(told) == 1 && r.Reason != told[0] || r.Time.IsZero() {
					t.Errorf("the report says %+v", r)
				}
				if renewed := s.bus.renews > 0; renewed != c.renew {
					t.Errorf("the credential is renewed: %t", renewed)
				}
			})
		})
	}
}

// A refusal is of interest until the hub offers what is in force.
func TestARefusalIsTakenBack(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]protocol.Bundle{"the one in force": bundle(7), "a newer one": bundle(8)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				x := s.session()
				s.receive(x, bundle(7))
				s.receive(x, bundle(6))
				if x.refused() == nil {
					t.Fatal("the older bundle was not refused")
				}
				s.bus.said()
				s.receive(x, next)
				if r := x.refused(); r != nil {
					t.Errorf("the report says %+v", r)
				}
				if reports := s.bus.said(); len(reports) == 0 || reports[len(reports)-1].Refused != nil {
					t.Errorf("it reports %+v", reports)
				}
				s.receive(x, next)
				if reports := s.bus.said(); len(reports) != 0 {
					t.Errorf("the bundle that is in force, again, is reported: %+v", reports)
				}
			})
		})
	}
}

// Etcd may have been copied. The agent in the copy applies nothing that is for the other cluster.
func TestABundleForAnotherClusterIsNotApplied(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		here, says string
		elsewhere  bool
	}{
		"it says none":      {"here", "", false},
		"it says this":      {"here", "here", false},
		"it says another":   {"here", "there", true},
		"a scope hides it":  {"", "there", false},
		"nobody knows them": {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				s.id.Here(c.here)
				x := s.session()
				b := bundle(3, s.app("web", "a"))
				b.ClusterUID = c.says
				s.receive(x, b)
				if got := errors.Is(context.Cause(x.ctx), place.ErrDecided); got != c.elsewhere {
					t.Fatalf("the session ended with %v", context.Cause(x.ctx))
				}
				if x.InForce().Known == c.elsewhere {
					t.Errorf("the bundle is in force: %t", !c.elsewhere)
				}
				if !c.elsewhere {
					return
				}
				same(t, "written", s.store.did.since(), []string{"identity"})
				s.restart()
				if got := s.id.Credential().Place; got == nil || *got != (protocol.Place{UID: "there", Epoch: 2, Generation: 3}) {
					t.Errorf("the credential belongs to %+v", got)
				}
			})
		})
	}
}

// Keys are rotated by a bundle that the former key signed: what the next one signs is accepted from then on.
func TestTheNextKeyIsBelieved(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		next := newHub(t)
		next.key = s.key
		x := s.session()
		x.receive(x.ctx, next.sealed(bundle(1)))
		if x.InForce().Known {
			t.Fatal("a stranger's bundle is in force")
		}
		b := bundle(1)
		b.Trust = &protocol.Trust{Servers: s.trust.Servers, HubOpen: s.trust.HubOpen,
			HubKeys: [][]byte{next.signer.Public().(ed25519.PublicKey)}}
		s.receive(x, b)
		s.receive(x, bundle(2)) // of the former key
		x.receive(x.ctx, next.sealed(bundle(3)))
		if got := x.InForce().Bundle.Generation; got != 3 {
			t.Errorf("generation %d is in force", got)
		}
		if told := s.bus.told(protocol.EventRefused); len(told) != 2 {
			t.Errorf("refused: %q", told)
		}
	})
}
