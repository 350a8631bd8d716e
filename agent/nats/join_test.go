package nats_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// eventually polls until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
	}
}

// troubled waits until the session says something of what a person has to do.
func (h *held) troubled(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, "trouble that says "+strings.Join(want, " and "), func() bool {
		for _, w := range want {
			if !strings.Contains(h.Trouble(), w) {
				return false
			}
		}
		return true
	})
}

// sameUser fails the test unless all requests were for the same keys.
func sameUser(t *testing.T, hub *agenttest.Hub, want int) {
	t.Helper()
	asked := hub.Asked()
	if len(asked) != want {
		t.Errorf("a credential was asked for %d times, want %d", len(asked), want)
	}
	for _, a := range asked {
		if a.User != asked[0].User || string(a.OpenKey) != string(asked[0].OpenKey) {
			t.Errorf("asked for %s, and before for %s", a.User, asked[0].User)
		}
	}
}

func TestATokenBuysACredential(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	c := h.id.Credential()
	asked := hub.Asked()
	open, err := protocol.OpenPublic(c.OpenKey)
	if err != nil || len(asked) != 1 || string(asked[0].OpenKey) != string(open) || !c.Trust.Equal(hub.Trust()) || c.Cluster != "east-1" || c.Token == "" {
		t.Errorf("asked %+v; the credential has the trust %s and token %q (%v)", asked, c.Trust.ID(), c.Token, err)
	}
	if hello := hub.Hello(t, 0); hello.JWT != c.JWT || string(hello.OpenKey) != string(open) {
		t.Error("the hello is of another credential")
	}
	if err := h.Report(t.Context(), []byte(`{"version":1,"cluster":"east-1","seq":7}`)); err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "what was said", func(r protocol.Report) bool { return r.Seq == 7 })
	h.stop()
	resume(t, h.vault.copy(), hub.TokenFile(t)).holds(t, true)
	sameUser(t, hub, 1) // the same token is not redeemed again
	resume(t, h.vault.copy(), "").holds(t, true)
}

// Whenever it crashes, an agent that starts again asks for the same keys, and ends with one credential.
func TestCrashesBetweenWritesCostNothing(t *testing.T) {
	t.Parallel()
	crash := errors.New("the machine is gone")
	after := func(n int) func(int) error {
		return func(saves int) error {
			if saves >= n {
				return crash
			}
			return nil
		}
	}
	t.Run("before the keys are stored", func(t *testing.T) {
		hub, tries := agenttest.NewHub(t, "east-1"), make(chan struct{}, 100)
		h := resume(t, &vault{fail: func(int) error { tries <- struct{}{}; return crash }}, hub.TokenFile(t))
		<-tries
		<-tries
		h.stop()
		sameUser(t, hub, 0) // nothing was asked before they were
		resume(t, h.vault.copy(), hub.TokenFile(t)).holds(t, true)
		sameUser(t, hub, 1)
	})
	t.Run("before the answer", func(t *testing.T) {
		t.Parallel()
		hub := agenttest.NewHub(t, "east-1")
		hub.Answer(func(*protocol.Grant) bool { return false })
		h := hold(t, hub)
		eventually(t, "a request", func() bool { return len(hub.Asked()) == 1 })
		h.stop()
		hub.Answer(nil)
		resume(t, h.vault.copy(), hub.TokenFile(t)).holds(t, true)
		sameUser(t, hub, 2)
	})
	t.Run("before the credential is stored", func(t *testing.T) {
		t.Parallel()
		hub := agenttest.NewHub(t, "east-1")
		h := resume(t, &vault{fail: after(1)}, hub.TokenFile(t))
		h.troubled(t, "cannot be stored", crash.Error())
		h.stop()
		if hub.Hellos() != 0 {
			t.Error("a credential was used that was not stored")
		}
		before := len(hub.Asked())
		resume(t, h.vault.copy(), hub.TokenFile(t)).holds(t, true)
		sameUser(t, hub, before+1)
	})
}

func TestATokenThatIsRefusedForGoodIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	file := hub.TokenFile(t)
	hold(t, hub).holds(t, true)
	thief := resume(t, &vault{}, file)
	thief.troubled(t, "this join token was used already", "--replace")
	thief.stop()
	again := resume(t, thief.vault.copy(), file)
	again.troubled(t, "this join token was used already")
	if got := len(hub.Asked()); got != 2 {
		t.Errorf("the hub was asked %d times, want once by each", got)
	}
	agenttest.WriteToken(t, file, hub.NewToken(t)) // as kubelet changes a Secret that is mounted
	again.holds(t, true)
	if again.Trouble() != "" {
		t.Errorf("joined, and still: %s", again.Trouble())
	}
}

func TestAnswersThatAreNotTheHubsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		change     func(*protocol.Grant)
	}{
		{"another cluster's", "not the hub's", func(g *protocol.Grant) { g.Cluster = "west-1" }},
		{"for other keys", "meant for other keys", func(g *protocol.Grant) { g.User = "UAAA" }},
		{"empty", "neither a credential nor a reason", func(g *protocol.Grant) { g.JWT = "" }},
		{"a refusal that may pass", "too busy", func(g *protocol.Grant) { g.Error = "too busy" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hub := agenttest.NewHub(t, "east-1")
			hub.Answer(func(g *protocol.Grant) bool { c.change(g); return true })
			h := hold(t, hub)
			h.troubled(t, c.want)
			if h.id.Joined() {
				t.Error("joined")
			}
			hub.Answer(nil)
			h.holds(t, true)
			asked := hub.Asked()
			sameUser(t, hub, len(asked))
		})
	}
	t.Run("signed by another", func(t *testing.T) {
		t.Parallel()
		hub := agenttest.NewHub(t, "east-1")
		token := hub.NewToken(t)
		stranger, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		token.HubKeys = [][]byte{stranger}
		h := resume(t, &vault{}, agenttest.WriteToken(t, filepath.Join(t.TempDir(), "join.json"), token))
		h.troubled(t, "not the hub's")
		if h.id.Joined() {
			t.Error("joined")
		}
	})
}

func TestTokensOfNoUseSayWhatToDo(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	path := filepath.Join(t.TempDir(), "join.json")
	h := resume(t, &vault{}, path)
	h.troubled(t, "no join token at", path, "drover agent manifest")
	if err := os.WriteFile(path, []byte(`{"version":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	h.troubled(t, path, "cluster")
	plain := hub.NewToken(t)
	plain.Servers = []string{strings.Replace(plain.Servers[0], "tls:", "nats:", 1)}
	agenttest.WriteToken(t, path, plain)
	h.troubled(t, path, "nothing is sent in the clear")
	if len(hub.Asked()) != 0 {
		t.Error("such a token was used")
	}
	agenttest.WriteToken(t, path, hub.NewToken(t))
	h.holds(t, true)
}

func TestANewerTokenReplacesTheCredential(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	h.stop()
	before := h.id.Credential()
	path := filepath.Join(t.TempDir(), "join.json")
	foreign := hub.NewToken(t)
	foreign.Cluster = "west-1"
	h = resume(t, h.vault.copy(), agenttest.WriteToken(t, path, foreign))
	h.holds(t, true)
	h.stop()
	if h.id.Credential().JWT != before.JWT {
		t.Error("another cluster's token was used")
	}
	token := hub.NewToken(t)
	h = resume(t, h.vault.copy(), agenttest.WriteToken(t, path, token))
	h.holds(t, true)
	if c := h.id.Credential(); c.JWT == before.JWT || c.Token != token.User || len(c.Earlier) != 1 || string(c.Earlier[0]) != string(before.OpenKey) {
		t.Error("the newer token did not replace the credential, or the key of the one before is lost")
	}
	h.stop()
	hub.Answer(func(g *protocol.Grant) bool { g.Error, g.Final = "this cluster has a live agent", true; return true })
	asked := len(hub.Asked())
	agenttest.WriteToken(t, path, hub.NewToken(t))
	h = resume(t, h.vault.copy(), path)
	h.holds(t, true) // with the credential that it has
	h.stop()
	resume(t, h.vault.copy(), path).holds(t, true)
	if got := len(hub.Asked()) - asked; got != 1 {
		t.Errorf("a token that is refused for good was tried %d times", got)
	}
}

func TestServersThatCannotBeTrustedAreRefused(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	token := hub.NewToken(t)
	token.CA = agenttest.NewAuthority(t).PEM
	h := resume(t, &vault{}, agenttest.WriteToken(t, filepath.Join(t.TempDir(), "join.json"), token))
	h.troubled(t, "not from an authority that this agent was told to trust")
	h.stop()

	sent := make(chan string, 100)
	token = hub.NewToken(t)
	token.Servers = []string{"tls://" + plainServer(t, sent)}
	h = resume(t, &vault{}, agenttest.WriteToken(t, filepath.Join(t.TempDir(), "join.json"), token))
	h.troubled(t, "offers no TLS")
	h.stop()
	select {
	case line := <-sent:
		t.Errorf("a server without TLS was sent %q", line)
	default:
	}
}

// A credential that names a server without TLS, whoever wrote it, leads nowhere.
func TestAStoredCredentialDoesNotLeadIntoTheClear(t *testing.T) {
	t.Parallel()
	hub := agenttest.NewHub(t, "east-1")
	h := hold(t, hub)
	h.holds(t, true)
	hub.Hello(t, 0)
	h.stop()
	before := hub.Hellos()
	v, log := h.vault.copy(), &logged{}
	v.credential = []byte(strings.Replace(string(v.credential), "tls://", "nats://", 1))
	id := credential.NewIdentity(v, agenttest.Log(t))
	if err := id.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := nats.New(nats.Config{Identity: id, Log: slog.New(slog.NewTextHandler(log, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx, func([]byte) {}, func(bool) {}, func(protocol.Ask) {}) })
	eventually(t, "a refusal", func() bool { return strings.Contains(log.String(), "nothing is sent in the clear") })
	cancel()
	wg.Wait()
	if hub.Hellos() != before {
		t.Error("it was used")
	}
}

// plainServer greets as a NATS server without TLS does, and tells what it is sent.
func plainServer(t *testing.T, sent chan<- string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Write([]byte(`INFO {"server_id":"X","version":"2.11.0","proto":1,"headers":true,"max_payload":1048576,"nonce":"abc","auth_required":true}` + "\r\n"))
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					sent <- lines.Text()
				}
			}()
		}
	}()
	return l.Addr().String()
}
