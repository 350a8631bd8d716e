package identity

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/keyring"
	"github.com/drover-dev/drover/protocol"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// office is a hub that gives credentials, without servers.
type office struct {
	*Identities
	t    *testing.T
	keys *keyring.Keys
	dir  string

	mu  sync.Mutex
	all [][]string // guarded by mu: users that servers were told to cut off, each time
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, keys: must(keyring.Open(t.TempDir())), dir: t.TempDir()}
	o.restart()
	return o
}

// restart reads again what is on disk.
func (o *office) restart() {
	o.t.Helper()
	o.Identities = must(Open(o.dir, o.keys))
	o.Advertise(must(o.keys.Trust([]string{"tls://hub:4222"}, o.keys.CA())), func(users []string) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.all = append(o.all, users)
		return nil
	})
}

// told is of whom the servers were told, each time.
func (o *office) told() [][]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.all)
}

// last is of whom the servers were told last.
func (o *office) last() []string {
	told := o.told()
	return told[len(told)-1]
}

// agent has the keys of an agent.
type agent struct {
	user, seed string
	open       []byte
}

func newAgent() agent {
	pair := must(nkeys.CreateUser())
	_, open, err := protocol.NewOpenKey()
	if err != nil {
		panic(err)
	}
	return agent{must(pair.PublicKey()), string(must(pair.Seed())), open}
}

func signer(seed string) ed25519.PrivateKey {
	_, raw, err := nkeys.DecodeSeed([]byte(seed))
	if err != nil {
		panic(err)
	}
	return ed25519.NewKeyFromSeed(raw)
}

func (a agent) request(cluster string) protocol.KeyRequest {
	return protocol.KeyRequest{Version: protocol.Version, Cluster: cluster, User: a.user, OpenKey: a.open, Nonce: "n"}
}

// grant reads an answer, which the hub has to have signed.
func (o *office) grant(answer []byte) protocol.Grant {
	o.t.Helper()
	if answer == nil {
		return protocol.Grant{}
	}
	key := o.keys.Signers[0].Public().(ed25519.PublicKey)
	cluster := peek[protocol.Grant](answer).Cluster
	return must(protocol.VerifyMessage[protocol.Grant](answer, cluster, []ed25519.PublicKey{key}))
}

// join asks for a credential with a token.
func (o *office) join(token protocol.JoinToken, req protocol.KeyRequest) protocol.Grant {
	o.t.Helper()
	answer, _ := o.Join(token.User, must(protocol.SignMessage(req, signer(token.Seed))), func(string) error { return nil })
	return o.grant(answer)
}

// renew asks for a credential with one that is good.
func (o *office) renew(by agent, req protocol.KeyRequest) protocol.Grant {
	o.t.Helper()
	answer, _ := o.Renew(req.Cluster, must(protocol.SignMessage(req, signer(by.seed))))
	return o.grant(answer)
}

// hello says hello with a grant.
func (o *office) hello(a agent, cluster, jwt string) (Heard, error) {
	o.t.Helper()
	return o.Hello(cluster, must(protocol.SignMessage(protocol.Hello{Version: protocol.Version, Cluster: cluster,
		Time: time.Now(), JWT: jwt, OpenKey: a.open}, signer(a.seed))))
}

func TestATokenBuysOneCredential(t *testing.T) {
	o := newOffice(t)
	token := must(o.Token("a", hub.TokenOptions{}))
	first, second := newAgent(), newAgent()
	req := first.request("a")
	req.ClusterUID = "uid-1"
	got := o.join(token, req)
	if got.Error != "" || got.User != first.user || got.Nonce != "n" || got.Trust == nil ||
		!slices.Equal(got.Trust.Servers, []string{"tls://hub:4222"}) {
		t.Fatalf("the token buys %+v", got)
	}
	issued := must(o.keys.ReadJWT(got.JWT, "a"))
	if issued.User != first.user || !issued.Expires.Equal(got.Expires) {
		t.Errorf("its JWT says %+v", issued)
	}
	if again := o.join(token, req); again.Error != "" || !again.Issued.Equal(got.Issued) || again.User != got.User {
		t.Errorf("the same request is answered with %+v, and was with %+v", again, got)
	}
	if other := o.join(token, second.request("a")); !other.Final || !strings.Contains(other.Error, "was used on") {
		t.Errorf("another agent gets %+v", other)
	}
	o.restart()
	if again := o.join(token, req); again.Error != "" || !again.Issued.Equal(got.Issued) {
		t.Errorf("after a restart the same request is answered with %+v", again)
	}
	if id := o.Identity("a"); id.Valid != 1 || id.ClusterUID != "uid-1" || !id.Token.IsZero() {
		t.Errorf("the cluster is %+v", id)
	}
	if key, ok := o.OpenKey("a"); !ok || !slices.Equal(key, first.open) {
		t.Error("bundles are not sealed to the agent's key")
	}
	if who, ok := o.ClusterOf(first.user); who != "a" || !ok {
		t.Errorf("the user is %q's", who)
	}
}

// Whatever is wrong with a request is told to who has the token, and no credential is issued.
func TestWhyARequestIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *office, token *protocol.JoinToken, req *protocol.KeyRequest)
		final  bool
		says   string
	}{
		"another cluster": {func(_ *office, _ *protocol.JoinToken, req *protocol.KeyRequest) { req.Cluster = "b" }, true,
			`it is for cluster "b", and the token for a`},
		"no user key": {func(_ *office, _ *protocol.JoinToken, req *protocol.KeyRequest) { req.User = "UX" }, true,
			`"UX" is no public NATS user key`},
		"no open key": {func(_ *office, _ *protocol.JoinToken, req *protocol.KeyRequest) { req.OpenKey = nil }, true,
			"the request is malformed"},
		"a long nonce": {func(_ *office, _ *protocol.JoinToken, req *protocol.KeyRequest) {
			req.Nonce = strings.Repeat("n", protocol.MaxNonce+1)
		}, true, "its nonce has 65 bytes"},
		"a long uid": {func(_ *office, _ *protocol.JoinToken, req *protocol.KeyRequest) {
			req.ClusterUID = strings.Repeat("u", maxUID+1)
		}, true, "the uid of the cluster has 129 bytes"},
		"the key of the token": {func(_ *office, token *protocol.JoinToken, req *protocol.KeyRequest) { req.User = token.User },
			true, "a key that was used before"},
		"a revoked token": {func(o *office, token *protocol.JoinToken, _ *protocol.KeyRequest) {
			must2(o.RevokeToken(token.User))
		}, true, "the join token was revoked on"},
		"an expired token": {func(o *office, token *protocol.JoinToken, _ *protocol.KeyRequest) {
			*token = must(o.Token("a", hub.TokenOptions{TTL: -time.Second}))
		}, true, "the join token expired on"},
		"a token of another hub": {func(_ *office, token *protocol.JoinToken, _ *protocol.KeyRequest) {
			other := newAgent()
			token.User, token.Seed = other.user, other.seed
		}, true, "this hub does not know the join token"},
		"a cluster that has an agent": {func(o *office, _ *protocol.JoinToken, _ *protocol.KeyRequest) {
			o.join(must(o.Token("a", hub.TokenOptions{})), newAgent().request("a"))
		}, true, "cluster a has an agent whose credential is good until"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			token, req := must(o.Token("a", hub.TokenOptions{})), newAgent().request("a")
			c.change(o, &token, &req)
			before := o.Identity("a").Valid
			got := o.join(token, req)
			if got.JWT != "" || got.Trust != nil || got.Final != c.final || !strings.Contains(got.Error, c.says) {
				t.Errorf("it is answered with %+v", got)
			}
			if after := o.Identity("a").Valid; after != before {
				t.Errorf("%d credentials were good, and %d are", before, after)
			}
		})
	}
}

func must2[A, B any](_ A, _ B, err error) {
	if err != nil {
		panic(err)
	}
}

func TestWhoIsNotTheTokensHolderIsNotAnswered(t *testing.T) {
	o := newOffice(t)
	token, stranger := must(o.Token("a", hub.TokenOptions{})), newAgent()
	forged := must(protocol.SignMessage(stranger.request("a"), signer(stranger.seed)))
	if answer, err := o.Join(token.User, forged, nil); answer != nil || err == nil {
		t.Errorf("a forged request is answered: %s, %v", answer, err)
	}
	if answer, err := o.Renew("a", forged); answer != nil || err == nil {
		t.Errorf("a forged renewal is answered: %s, %v", answer, err)
	}
	if _, err := o.Join("no key", forged, nil); err == nil {
		t.Error("what is no user key joins")
	}
	unwanted, err := o.Join(token.User, must(protocol.SignMessage(stranger.request("a"), signer(token.Seed))),
		func(string) error { return errors.New("there is no folder for it") })
	if got := o.grant(unwanted); err == nil || got.Final || got.Error != "there is no folder for it" {
		t.Errorf("a cluster that nobody wants gets %+v, %v", got, err)
	}
}

func TestACredentialIsRenewedAndTheOneBeforeEnds(t *testing.T) {
	o := newOffice(t)
	one, two := newAgent(), newAgent()
	first := o.join(must(o.Token("a", hub.TokenOptions{})), one.request("a"))
	if h, err := o.hello(one, "a", first.JWT); err != nil || h != (Heard{}) {
		t.Errorf("a hello with what was just granted: %+v, %v", h, err)
	}
	if err := o.Rotate("a"); err != nil {
		t.Fatal(err)
	}
	if h, err := o.hello(one, "a", first.JWT); err != nil || h != (Heard{Renew: true}) {
		t.Errorf("a hello while the credential is rotated: %+v, %v", h, err)
	}
	if got := o.Rotating(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("rotating are %q", got)
	}
	second := o.renew(one, two.request("a"))
	if second.Error != "" || second.User != two.user {
		t.Fatalf("the renewal is answered with %+v", second)
	}
	if again := o.renew(one, two.request("a")); !again.Issued.Equal(second.Issued) {
		t.Errorf("the same renewal gets %+v, and got %+v", again, second)
	}
	if id := o.Identity("a"); id.Valid != 2 {
		t.Errorf("before the agent uses the new one %d are good", id.Valid)
	}
	if h, err := o.hello(two, "a", second.JWT); err != nil || h != (Heard{}) {
		t.Errorf("a hello with the new one: %+v, %v", h, err)
	}
	if got := o.Revoked(); !slices.Contains(got, one.user) || slices.Contains(got, two.user) {
		t.Errorf("revoked are %q", got)
	}
	if last := o.last(); !slices.Contains(last, one.user) {
		t.Errorf("the servers were told of %q", last)
	}
	if _, err := o.hello(one, "a", first.JWT); !errors.Is(err, ErrRevoked) {
		t.Errorf("a hello with the old one: %v", err)
	}
	if got := o.Rotating(); len(got) != 0 {
		t.Errorf("at the end %q are rotating", got)
	}
}

func TestARenewalIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *office, by agent, req *protocol.KeyRequest)
		final  bool
		says   string
	}{
		"from another cluster's place": {func(o *office, _ agent, req *protocol.KeyRequest) { req.ClusterUID = "uid-2" }, false,
			"cluster a joined where kube-system has uid uid-1, and the request comes from where it has uid-2"},
		"for a key that was used": {func(o *office, _ agent, req *protocol.KeyRequest) {
			other := newAgent()
			o.join(must(o.Token("b", hub.TokenOptions{})), other.request("b"))
			req.User, req.OpenKey = other.user, other.open
		}, true, "a key that was used before"},
		"when there are many": {func(o *office, by agent, _ *protocol.KeyRequest) {
			for range maxCredentials - 1 {
				o.renew(by, newAgent().request("a"))
			}
		}, false, "cluster a has 8 live credentials"},
		"with a long nonce": {func(_ *office, _ agent, req *protocol.KeyRequest) {
			req.Nonce = strings.Repeat("n", protocol.MaxNonce+1)
		}, true, "its nonce has 65 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			o, by := newOffice(t), newAgent()
			first := by.request("a")
			first.ClusterUID = "uid-1"
			o.join(must(o.Token("a", hub.TokenOptions{})), first)
			req := newAgent().request("a")
			c.change(o, by, &req)
			got := o.renew(by, req)
			if got.JWT != "" || got.Final != c.final || !strings.Contains(got.Error, c.says) {
				t.Errorf("it is answered with %+v", got)
			}
		})
	}
}

// A cluster that was revoked joins again with a new token alone, and its former key still vouches for what it said.
func TestRevokingEndsCredentialsAndTokens(t *testing.T) {
	o := newOffice(t)
	one := newAgent()
	grant := o.join(must(o.Token("a", hub.TokenOptions{})), one.request("a"))
	open := must(o.Token("a", hub.TokenOptions{Replace: true}))
	said := time.Now()
	if err := o.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{one.user, open.User} {
		if !slices.Contains(o.Revoked(), user) {
			t.Errorf("%s is not revoked", user)
		}
	}
	id := o.Identity("a")
	if id.Valid != 0 || id.Revoked.IsZero() || !id.Token.IsZero() || !slices.Equal(o.Clusters(), []string{"a"}) {
		t.Errorf("the cluster is %+v; clusters are %q", id, o.Clusters())
	}
	if _, err := o.hello(one, "a", grant.JWT); !errors.Is(err, ErrRevoked) {
		t.Errorf("a hello: %v", err)
	}
	key := signer(one.seed).Public().(ed25519.PublicKey)
	vouches := func(at time.Time) bool {
		return slices.ContainsFunc(o.Witnesses("a", at), func(k ed25519.PublicKey) bool { return k.Equal(key) })
	}
	if !vouches(said) || vouches(time.Now().Add(time.Second)) {
		t.Error("the former key does not vouch for what was said before it ended, and for nothing else")
	}
	if err := o.Rotate("a"); !errors.Is(err, hub.ErrNoCredential) {
		t.Errorf("to rotate what was revoked is %v", err)
	}
	if err := o.Forget("a"); err != nil || len(o.Clusters()) != 0 {
		t.Errorf("after it was forgotten there are %q, %v", o.Clusters(), err)
	}
	two := newAgent()
	if got := o.join(must(o.Token("a", hub.TokenOptions{})), two.request("a")); got.Error != "" {
		t.Errorf("it does not join again: %s", got.Error)
	}
	if !o.Identity("a").Revoked.IsZero() || !slices.Contains(o.Revoked(), one.user) {
		t.Error("after it has joined again it is shown as revoked, or the old credential is not")
	}
}

func TestAJoinTokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		used, unused := must(o.Token("a", hub.TokenOptions{})), must(o.Token("b", hub.TokenOptions{TTL: time.Hour}))
		if _, err := o.Token("a/b", hub.TokenOptions{}); err == nil {
			t.Error("what is no name of a cluster gets a token")
		}
		if got := o.Identity("b").Token; !got.Equal(unused.Expires) {
			t.Errorf("the token is shown to be good until %s, want %s", got, unused.Expires)
		}
		o.join(used, newAgent().request("a"))
		if _, err := o.Token("a", hub.TokenOptions{}); !errors.Is(err, hub.ErrIssued) || !strings.Contains(err.Error(), "--replace") {
			t.Errorf("a second token is %v", err)
		}
		for _, step := range []struct {
			after time.Duration
			ended []string
		}{
			{tokenRepeat - 2*time.Second, nil},
			{2 * time.Second, []string{used.User}},
			{time.Hour - tokenRepeat + time.Second, []string{used.User, unused.User}},
			{tokenRepeat, []string{used.User}}, // its JWT has expired, and it need not be named any more
		} {
			time.Sleep(step.after)
			synctest.Wait()
			got := o.Revoked()
			slices.Sort(got)
			slices.Sort(step.ended)
			if !slices.Equal(got, step.ended) {
				t.Errorf("%s later %q have ended, want %q", step.after, got, step.ended)
			}
		}
		told := slices.Concat(o.told()...)
		if !slices.Contains(told, used.User) || !slices.Contains(told, unused.User) {
			t.Errorf("the servers were told of %q alone", told)
		}
	})
}

// TestTokensThatEndTogetherAreCutOffTogether: where many clusters joined within seconds, the servers are told of their
// tokens a few times, and not once for each.
func TestTokensThatEndTogetherAreCutOffTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		const clusters, gap = 100, 100 * time.Millisecond
		var users []string
		for i := range clusters {
			name := fmt.Sprintf("c%d", i)
			token := must(o.Token(name, hub.TokenOptions{}))
			o.join(token, newAgent().request(name))
			users = append(users, token.User)
			time.Sleep(gap)
		}
		synctest.Wait()
		before := len(o.told())
		time.Sleep(tokenRepeat + endGap)
		synctest.Wait()
		if n, most := len(o.told())-before, int(clusters*gap/endGap)+2; n > most || n == 0 {
			t.Errorf("the servers were told %d times of tokens that ended within %s, want at most %d", n, clusters*gap, most)
		}
		last := o.last()
		for _, user := range users {
			if !slices.Contains(last, user) {
				t.Fatalf("the servers were not told in the end that %s has ended", user)
			}
		}
	})
}

func TestAClusterIsCutOffForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		a := newAgent()
		if o.Suspend("a", time.Now(), time.Minute) {
			t.Error("a cluster that is not known is cut off")
		}
		o.join(must(o.Token("a", hub.TokenOptions{})), a.request("a"))
		if !o.Suspend("a", time.Now(), time.Minute) || o.Suspend("a", time.Now(), time.Hour) {
			t.Error("it is not cut off, or twice")
		}
		if !slices.Contains(o.Revoked(), a.user) || !o.Identity("a").Suspended.Equal(time.Now().Add(time.Minute)) {
			t.Errorf("cut off are %q; it is %+v", o.Revoked(), o.Identity("a"))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if slices.Contains(o.Revoked(), a.user) || !o.Identity("a").Suspended.IsZero() {
			t.Errorf("after a minute cut off are %q", o.Revoked())
		}
		if last := o.last(); slices.Contains(last, a.user) {
			t.Error("the servers were not told that it is admitted again")
		}
	})
}

// A hub that was restored from a backup knows a credential again that it has issued, and no other.
func TestWhichHellosAreTakenIn(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	a := newAgent()
	expires := time.Now().Add(time.Hour)
	good := must(o.keys.AgentJWT("a", a.user, expires))
	for name, c := range map[string]struct {
		cluster, jwt string
		says         string
	}{
		"of another hub":     {"a", must(other.keys.AgentJWT("a", a.user, expires)), "no credential of cluster a that this hub has issued"},
		"of another cluster": {"a", must(o.keys.AgentJWT("b", a.user, expires)), "no credential of cluster a that this hub has issued"},
		"of a join token":    {"a", must(o.keys.TokenJWT("a", a.user, expires)), "no credential of cluster a that this hub has issued"},
		"expired":            {"a", must(o.keys.AgentJWT("a", a.user, time.Now().Add(-time.Hour))), "expired on"},
		"no JWT":             {"a", "noise", "the JWT cannot be read"},
		"of another key":     {"a", must(o.keys.AgentJWT("a", newAgent().user, expires)), ""},
	} {
		if h, err := o.hello(a, c.cluster, c.jwt); err == nil || h != (Heard{}) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	if h, err := o.hello(a, "a", good); err != nil || h != (Heard{Learned: a.user}) {
		t.Errorf("what it has issued: %+v, %v", h, err)
	}
	if h, err := o.hello(a, "a", good); err != nil || h != (Heard{}) {
		t.Errorf("the second time: %+v, %v", h, err)
	}
	<-o.Stirred()
	if got := o.TakeChanged(); !slices.Equal(got, []string{"a"}) || len(o.TakeChanged()) != 0 {
		t.Errorf("changed are %q", got)
	}
}

func TestWhatIsDroppedIsShownWithWhatToDo(t *testing.T) {
	for err, says := range map[error]string{
		protocol.ErrUnheard:   "drover cluster rotate a",
		protocol.ErrNotSealed: "--cluster a --replace",
		protocol.ErrMalformed: "not a valid message of this cluster's agent",
	} {
		o := newOffice(t)
		o.Unheard("a", err)
		o.Unheard("a", fmt.Errorf("again: %w", err))
		got := o.Identity("a")
		if got.Dropped != 2 || got.DroppedLast.IsZero() || !strings.Contains(got.DroppedWhy, says) || strings.Contains(got.DroppedWhy, "%") {
			t.Errorf("%v is shown as %+v", err, got)
		}
	}
}

func TestWhatCameOfRequestsIsCounted(t *testing.T) {
	o := newOffice(t)
	o.Count(nil)
	o.Count(errors.New("first"))
	o.Count(errors.New("last"))
	o.Distrust("10.0.0.1")
	o.Distrust("10.0.0.1")
	o.Distrust("10.0.0.2")
	got := o.Joins()
	got.Time, got.Distrusted.Time = time.Time{}, time.Time{}
	want := hub.Joins{Granted: 1, Refused: 2, Last: "last"}
	want.Distrusted.Count, want.Distrusted.Addresses, want.Distrusted.Last = 3, 2, "10.0.0.2"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAClusterThatMovedIsSettled(t *testing.T) {
	o := newOffice(t)
	if err := o.Settle("a", "uid-1"); err != nil || o.Place("a") != "" {
		t.Errorf("a cluster without an agent is at %q, %v", o.Place("a"), err)
	}
	req := newAgent().request("a")
	req.ClusterUID = "uid-1"
	o.join(must(o.Token("a", hub.TokenOptions{})), req)
	if err := o.Settle("a", "uid-2"); err != nil || o.Place("a") != "uid-2" {
		t.Errorf("it is at %q, %v", o.Place("a"), err)
	}
}

// What is on disk and cannot be read is named, and nothing is made in its place.
func TestDamagedFilesAreNamed(t *testing.T) {
	for file, says := range map[string]string{
		"clusters/a.json":   "does not hold the identity of cluster a",
		"tokens/UXYZ.json":  "does not hold a join token",
		"keys/bounded.json": "cannot be read",
	} {
		dir := t.TempDir()
		keys := must(keyring.Open(filepath.Join(dir, "keys")))
		path := filepath.Join(dir, filepath.FromSlash(file))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("{"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, keys); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", file, err)
		}
		if data := must(os.ReadFile(path)); string(data) != "{" {
			t.Errorf("%s holds %s now", file, data)
		}
	}
}

// Only public parts of credentials and tokens are kept.
func TestNoSecretIsKept(t *testing.T) {
	o := newOffice(t)
	a := newAgent()
	token := must(o.Token("a", hub.TokenOptions{}))
	grant := o.join(token, a.request("a"))
	for _, dir := range []string{"clusters", "tokens"} {
		for _, e := range must(os.ReadDir(filepath.Join(o.dir, dir))) {
			text := string(must(os.ReadFile(filepath.Join(o.dir, dir, e.Name()))))
			for _, secret := range []string{token.Seed, token.JWT, a.seed, grant.JWT} {
				if strings.Contains(text, secret) {
					t.Errorf("%s holds a secret", e.Name())
				}
			}
			if !json.Valid([]byte(text)) {
				t.Errorf("%s is no JSON", e.Name())
			}
		}
	}
}
