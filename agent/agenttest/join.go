package agenttest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// joining is what the stand-in knows of who has joined. The hub's mutex guards it.
type joining struct {
	life   time.Duration // of credentials that are granted from now on
	token  *protocol.JoinToken
	used   map[string]string            // token's user → the user it bought
	known  map[string]ed25519.PublicKey // by user
	grants map[string]protocol.Grant    // by user
	asked  []protocol.KeyRequest
	hellos []protocol.Hello
	open   []byte // of the last hello
	answer func(*protocol.Grant) bool
}

func newJoining() joining {
	return joining{life: 720 * time.Hour, used: map[string]string{}, known: map[string]ed25519.PublicKey{}, grants: map[string]protocol.Grant{}}
}

// Life says how long credentials live that are granted from now on; NATS knows whole seconds.
func (h *Hub) Life(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joining.life = d
}

// Answer has f look at every grant before it is signed; one for which it says false is never sent.
func (h *Hub) Answer(f func(*protocol.Grant) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joining.answer = f
}

// NewToken makes a join token.
func (h *Hub) NewToken(t testing.TB) protocol.JoinToken {
	t.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	key := public(t, user)
	publish, subscribe := protocol.JoinSubjects(key)
	return protocol.JoinToken{Version: protocol.Version, Cluster: h.Cluster, Trust: h.Trust(), JWT: h.bus.user(t, key, publish, subscribe, time.Time{}),
		Seed: string(seed), User: key, Expires: time.Now().Add(24 * time.Hour)}
}

// TokenFile writes the token that the agents of the cluster were given into a file: always the same.
func (h *Hub) TokenFile(t testing.TB) string {
	t.Helper()
	h.mu.Lock()
	token := h.joining.token
	h.mu.Unlock()
	if token == nil {
		made := h.NewToken(t)
		token = &made
		h.mu.Lock()
		h.joining.token = token
		h.mu.Unlock()
	}
	return WriteToken(t, filepath.Join(t.TempDir(), "join.json"), *token)
}

// WriteToken writes a token into a file, all at once as a mounted Secret changes.
func WriteToken(t testing.TB, path string, token protocol.JoinToken) string {
	t.Helper()
	data, err := json.Marshal(token)
	if err == nil {
		err = os.WriteFile(path+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// joins answers who asks with a token.
func (h *Hub) joins(t testing.TB, m *nats.Msg) {
	token := strings.TrimPrefix(m.Subject, protocol.JoinSubject(""))
	req, ok := h.request(t, m, []ed25519.PublicKey{userKey(t, token)})
	if !ok {
		return
	}
	refusal := ""
	h.note(func() {
		if by := h.joining.used[token]; by != "" && by != req.User {
			refusal = "this join token was used already: run drover agent manifest --replace"
			return
		}
		h.joining.used[token] = req.User
	})
	h.grant(t, m, req, refusal)
}

// renews answers who asks with a credential.
func (h *Hub) renews(t testing.TB, m *nats.Msg) {
	if req, ok := h.request(t, m, h.users()); ok {
		h.grant(t, m, req, "")
	}
}

func (h *Hub) request(t testing.TB, m *nats.Msg, keys []ed25519.PublicKey) (protocol.KeyRequest, bool) {
	req, err := protocol.VerifyMessage[protocol.KeyRequest](m.Data, h.Cluster, keys)
	if err != nil {
		t.Errorf("a request on %s: %v", m.Subject, err)
		return req, false
	}
	h.note(func() { h.joining.asked = append(h.joining.asked, req) })
	return req, true
}

// grant answers a request, the same one always with the same.
func (h *Hub) grant(t testing.TB, m *nats.Msg, req protocol.KeyRequest, refusal string) {
	h.mu.Lock()
	life, trust, answer := h.joining.life, h.trust, h.joining.answer
	g, again := h.joining.grants[req.User]
	h.mu.Unlock()
	switch {
	case refusal != "":
		g = protocol.Grant{Version: protocol.Version, Cluster: h.Cluster, User: req.User, Error: refusal, Final: true}
	case !again:
		now := time.Now()
		publish, subscribe := protocol.AgentSubjects(h.Cluster)
		g = protocol.Grant{Version: protocol.Version, Cluster: h.Cluster, User: req.User, Issued: now, Expires: now.Add(life).Truncate(time.Second), Trust: &trust}
		g.JWT = h.bus.user(t, req.User, publish, subscribe, g.Expires)
		h.note(func() { h.joining.grants[req.User], h.joining.known[req.User] = g, userKey(t, req.User) })
	}
	g.Nonce = req.Nonce
	h.note(func() { g.Epoch = h.epoch })
	if answer != nil && !answer(&g) {
		return
	}
	data, err := protocol.SignMessage(g, h.Keys...)
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) { // else the test has ended
		t.Errorf("answer on %s: %v", m.Subject, err)
	}
}

// hello notes which credential the agent uses, and seals the last bundle to its key if that is another.
func (h *Hub) hello(t testing.TB, m *nats.Msg) {
	hello, err := protocol.VerifyMessage[protocol.Hello](m.Data, h.Cluster, h.users())
	var claims *jwt.UserClaims
	if err == nil {
		claims, err = jwt.DecodeUserClaims(hello.JWT)
	}
	if err == nil {
		_, err = protocol.VerifyMessage[protocol.Hello](m.Data, h.Cluster, []ed25519.PublicKey{userKey(t, claims.Subject)})
	}
	if err != nil {
		t.Errorf("the agent's hello: %v", err)
		return
	}
	h.publishing.Lock()
	defer h.publishing.Unlock()
	var envelope []byte
	h.note(func() {
		if slices.ContainsFunc(h.joining.hellos, func(b protocol.Hello) bool { return b.Time.Equal(hello.Time) && b.JWT == hello.JWT }) {
			return // it was heard, and is what the bus has kept
		}
		if string(h.joining.open) != string(hello.OpenKey) {
			envelope = h.desired
		}
		h.joining.hellos, h.joining.open = append(h.joining.hellos, hello), hello.OpenKey
	})
	if envelope != nil {
		h.PublishTo(t, hello.OpenKey, envelope)
	}
}

// hear opens and verifies what the agent says.
func (h *Hub) hear(kind protocol.SpeechKind, data []byte) ([]byte, error) {
	s, err := protocol.OpenSpeech(kind, h.Cluster, h.private, data)
	if err != nil {
		return nil, err
	}
	return s.Verify(h.users())
}

// users are the keys of all credentials that were granted.
func (h *Hub) users() (keys []ed25519.PublicKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.joining.known {
		keys = append(keys, k)
	}
	return keys
}

func userKey(t testing.TB, user string) ed25519.PublicKey {
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(user))
	if err != nil {
		t.Errorf("the user key %q: %v", user, err)
	}
	return raw
}

// OpenKey is the key that the agent says its bundles are to be sealed to; it waits for that.
func (h *Hub) OpenKey(t testing.TB) []byte {
	t.Helper()
	return h.Hello(t, 0).OpenKey
}

// Hello waits for more than n hellos, and gives the last.
func (h *Hub) Hello(t testing.TB, n int) (last protocol.Hello) {
	t.Helper()
	h.wait(t, "a hello", func() bool {
		if len(h.joining.hellos) <= n {
			return false
		}
		last = h.joining.hellos[len(h.joining.hellos)-1]
		return true
	})
	return last
}

// Hellos is how many there were.
func (h *Hub) Hellos() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.joining.hellos)
}

// Asked are the requests for credentials so far.
func (h *Hub) Asked() []protocol.KeyRequest {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]protocol.KeyRequest(nil), h.joining.asked...)
}

// Ask has the hub ask the agent for something.
func (h *Hub) Ask(t testing.TB, kind protocol.AskKind) {
	t.Helper()
	a := protocol.Ask{Version: protocol.Version, Cluster: h.Cluster, Kind: kind, Time: time.Now(), Nonce: rand.Text()}
	h.note(func() { a.Epoch = h.epoch })
	envelope, err := protocol.SignMessage(a, h.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	h.AskRaw(t, envelope)
}

// AskRaw seals anything to the agent where asks are expected.
func (h *Hub) AskRaw(t testing.TB, envelope []byte) {
	t.Helper()
	sealed, err := protocol.Seal(h.OpenKey(t), h.Cluster, envelope)
	if err == nil {
		err = h.nc.Publish(protocol.AskSubject(h.Cluster), sealed)
	}
	if err == nil {
		err = h.nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Revoke cuts off the credential that the agent uses, as an operator's revocation does.
func (h *Hub) Revoke(t testing.TB) {
	t.Helper()
	claims, err := jwt.DecodeUserClaims(h.Hello(t, 0).JWT)
	if err != nil {
		t.Fatal(err)
	}
	h.bus.revoked = append(h.bus.revoked, claims.Subject)
	h.bus.push(t)
}
