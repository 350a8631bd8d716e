package keyring

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/protocol"
)

func newUser() string { return must(must(nkeys.CreateUser()).PublicKey()) }

// allows holds what a JWT allows against lists.
func allows(t *testing.T, what, token string, publish, subscribe []string) *jwt.UserClaims {
	t.Helper()
	c := must(jwt.DecodeUserClaims(token))
	if !slices.Equal(c.Permissions.Pub.Allow, publish) || !slices.Equal(c.Permissions.Sub.Allow, subscribe) {
		t.Errorf("%s may publish %q and subscribe to %q", what, c.Permissions.Pub.Allow, c.Permissions.Sub.Allow)
	}
	return c
}

func TestUsersMayDoWhatTheProtocolSaysAndNothingElse(t *testing.T) {
	t.Parallel()
	k, user, expires := must(Open(t.TempDir())), newUser(), time.Now().Add(time.Hour).Truncate(time.Second)
	publish, subscribe := protocol.AgentSubjects("a")
	agent := allows(t, "an agent", must(k.AgentJWT("a", user, expires)), publish, subscribe)
	if agent.Subject != user || agent.Name != "a" || agent.Expires != expires.Unix() || agent.Limits.Subs != 16 ||
		agent.Limits.Payload != limits.MaxSaid {
		t.Errorf("the agent is %+v", agent)
	}
	publish, subscribe = protocol.JoinSubjects(user)
	token := allows(t, "a token", must(k.TokenJWT("a", user, expires)), publish, subscribe)
	if token.Subject != user || token.Name != "join a" || token.Expires != expires.Unix() || token.Limits.Subs != 4 ||
		token.Limits.Payload != limits.MaxRequest {
		t.Errorf("the token is %+v", token)
	}
}

func TestTheHubLogsInToEachAccount(t *testing.T) {
	t.Parallel()
	k := must(Open(t.TempDir()))
	c := must(k.Claims(nil))
	for as, want := range map[Login]struct {
		account string
		bounded bool
	}{LoginHub: {c.Hub, false}, LoginDesk: {c.Account, true}, LoginFormer: {c.Account, false}, LoginSystem: {c.System, false}} {
		token, seed, err := k.Credentials(as, "name")
		if err != nil {
			t.Fatal(err)
		}
		got := must(jwt.DecodeUserClaims(token))
		own := must(must(nkeys.FromSeed(seed)).PublicKey())
		if got.Issuer != want.account || got.Name != "name" || got.Subject != own {
			t.Errorf("login %d is %+v", as, got)
		}
		if bounded := len(got.Permissions.Pub.Allow) > 0; bounded != want.bounded {
			t.Errorf("login %d may publish %q", as, got.Permissions.Pub.Allow)
		}
	}
}

// The desk answers into inboxes that others name: it must reach nothing else with that.
func TestTheDeskReachesNoStreamAndNoAPI(t *testing.T) {
	t.Parallel()
	got := deskClaims(newUser()).Permissions
	for _, subject := range []string{"$KV.>", "$JS.>", "$SYS.>", "_INBOX.>", "_R_.>", protocol.JournalSubject(">"),
		protocol.HelloSubject(">"), protocol.RenewSubject(">"), protocol.JoinSubject(">"), protocol.HubSubject,
		protocol.HubSubject + ".>", "answer.>"} {
		if !slices.Contains(got.Pub.Deny, subject) {
			t.Errorf("it may publish to %s", subject)
		}
	}
	want := []string{protocol.JoinSubject("*"), protocol.RenewSubject("*"), protocol.HelloSubject("*"),
		protocol.AnswerSubject("*", "*")}
	if !slices.Equal(got.Sub.Allow, want) {
		t.Errorf("it may subscribe to %q, want %q", got.Sub.Allow, want)
	}
}

func TestTheAccountOfAgentsHasNoStreams(t *testing.T) {
	t.Parallel()
	k := must(Open(t.TempDir()))
	revoked := newUser()
	c := must(k.Claims([]string{revoked}))
	agents, hub := must(jwt.DecodeAccountClaims(c.AccountJWT)), must(jwt.DecodeAccountClaims(c.HubJWT))
	if agents.Limits.JetStreamLimits != (jwt.JetStreamLimits{}) || hub.Limits.Streams != jwt.NoLimit {
		t.Errorf("limits of streams are %+v and %+v", agents.Limits.JetStreamLimits, hub.Limits.JetStreamLimits)
	}
	if _, is := agents.Revocations[revoked]; !is || len(hub.Revocations) != 0 {
		t.Errorf("revoked are %v and %v", agents.Revocations, hub.Revocations)
	}
	var imported, exported []string
	for _, i := range agents.Imports {
		if i.Account != c.Hub {
			t.Errorf("%s is imported from %s", i.Subject, i.Account)
		}
		imported = append(imported, i.Type.String()+" "+string(i.Subject))
	}
	for _, e := range hub.Exports {
		exported = append(exported, e.Type.String()+" "+string(e.Subject))
	}
	slices.Sort(imported)
	slices.Sort(exported)
	if !slices.Equal(imported, exported) {
		t.Errorf("exported are %q, and imported %q", exported, imported)
	}
	for _, own := range []string{protocol.RenewSubject("*"), protocol.HelloSubject("*")} {
		if slices.Contains(exported, "service "+own) {
			t.Errorf("%s reaches the account of the hub", own)
		}
	}
	if !slices.Contains(exported, "stream "+protocol.DesiredSubject("*")) {
		t.Errorf("bundles are not pushed: %q", exported)
	}
}

func TestWhoseAJWTIs(t *testing.T) {
	t.Parallel()
	k, other, user := must(Open(t.TempDir())), must(Open(t.TempDir())), newUser()
	expires := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	good := must(k.AgentJWT("a", user, expires))
	got, err := k.ReadJWT(good, "a")
	got.Issued = time.Time{}
	if want := (Issued{User: user, Expires: expires}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for name, token := range map[string]string{
		"another hub's":     must(other.AgentJWT("a", user, expires)),
		"another cluster's": must(k.AgentJWT("b", user, expires)),
		"a join token's":    must(k.TokenJWT("a", user, expires)),
		"noise":             "noise",
		"an account's":      must(k.Claims(nil)).AccountJWT,
	} {
		if got, err := k.ReadJWT(token, "a"); err == nil || got != (Issued{}) {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}

// Until the rotation of the account key ends, credentials of both keys are known; afterwards those of the new
// one alone.
func TestWhichSignersAreKnown(t *testing.T) {
	t.Parallel()
	dir, user, expires := t.TempDir(), newUser(), time.Now().Add(time.Hour)
	k := must(Open(dir))
	first := must(k.AgentJWT("a", user, expires))
	if k.AccountKey() != "" || len(k.SignerNames()) != 0 {
		t.Errorf("before the first rotation %q sign", k.SignerNames())
	}
	if err := k.Begin(Account); err != nil {
		t.Fatal(err)
	}
	k = must(Open(dir))
	second := must(k.AgentJWT("a", user, expires))
	for name, token := range map[string]string{"": first, k.AccountKey(): second} {
		if got, err := k.ReadJWT(token, "a"); err != nil || got.Signer != name {
			t.Errorf("while it is rotated %q is read as %+v, %v", name, got, err)
		}
	}
	if c := must(k.Claims(nil)); c.Operators[0].StrictSigningKeyUsage {
		t.Error("servers refuse the first key while it is rotated")
	}
	if err := k.Finish(Account); err != nil {
		t.Fatal(err)
	}
	k = must(Open(dir))
	if _, err := k.ReadJWT(first, "a"); err == nil {
		t.Error("in the end the first key's are taken")
	}
	if got, err := k.ReadJWT(second, "a"); err != nil || got.Signer != k.AccountKey() {
		t.Errorf("in the end the second key's are read as %+v, %v", got, err)
	}
	k.Embedded()
	c := must(k.Claims(nil))
	account := must(jwt.DecodeAccountClaims(c.AccountJWT))
	if !c.Operators[0].StrictSigningKeyUsage || !slices.Contains(c.Operators[0].SigningKeys, account.Issuer) ||
		!slices.Equal(account.SigningKeys.Keys(), k.SignerNames()) {
		t.Errorf("the operator is %+v, and the account's keys are %q", c.Operators[0], account.SigningKeys.Keys())
	}
}

func TestServersAreToldOfBothOperatorsWhileOneFollowsTheOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := must(Open(dir))
	one := must(k.Claims(nil)).Operators[0].Subject
	if err := k.Begin(Operator); err != nil {
		t.Fatal(err)
	}
	k = must(Open(dir))
	c := must(k.Claims(nil))
	if len(c.Operators) != 2 || c.Operators[0].Subject != one || len(c.OperatorJWTs) != 2 {
		t.Fatalf("the operators are %+v", c.Operators)
	}
	if got := must(jwt.DecodeAccountClaims(c.AccountJWT)).Issuer; got != one {
		t.Errorf("accounts are signed by %s, which not all servers know", got)
	}
}

func TestWhatAgentsAreToldToTrust(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := must(Open(dir)).Begin(Signing); err != nil {
		t.Fatal(err)
	}
	k := must(Open(dir))
	_, open, err := protocol.HubOpenKey(k.Secret)
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.Trust{Servers: []string{"tls://hub"}, CA: "ca", HubOpen: open}
	for _, s := range k.Signers {
		want.HubKeys = append(want.HubKeys, s.Public().(ed25519.PublicKey))
	}
	if got := must(k.Trust([]string{"tls://hub"}, "ca")); !reflect.DeepEqual(got, want) || len(got.HubKeys) != 2 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestALeafNodeMaySayWhatItsAgentsSay(t *testing.T) {
	t.Parallel()
	k := must(Open(t.TempDir()))
	account := must(k.AgentsAccount())
	agents := must(jwt.ParseDecoratedJWT(must(k.LeafOfAgents("far", time.Hour))))
	publish, _ := protocol.AgentSubjects("*")
	c := allows(t, "the leaf of agents", agents, append(publish, protocol.JoinSubject("*")), nil)
	if c.Issuer != account || c.Name != "leaf far" || !slices.Equal(c.Permissions.Sub.Deny, []string{"_INBOX.>"}) ||
		!slices.Equal(c.AllowedConnectionTypes, []string{jwt.ConnectionTypeLeafnode}) || c.Expires > time.Now().Add(time.Hour).Unix() {
		t.Errorf("the leaf of agents is %+v", c)
	}
	system := must(jwt.ParseDecoratedJWT(must(k.LeafOfSystem("far", time.Hour))))
	c = allows(t, "the leaf of the system", system, []string{"$SYS.ACCOUNT." + account + ".CONNECT",
		"$SYS.ACCOUNT." + account + ".DISCONNECT", "$SYS.SERVER.*.STATSZ", "_INBOX.>"},
		[]string{"$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", "$SYS.REQ.ACCOUNT.*.CONNZ", "$SYS.REQ.SERVER.*.KICK"})
	if c.Issuer != must(k.Claims(nil)).System {
		t.Errorf("it is signed by %s", c.Issuer)
	}
}

// Keys are read again as they were made, each from a file that nobody else can read; a damaged one is named.
func TestKeysAreKeptInFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := must(Open(dir))
	again := must(Open(dir))
	if !made.New || again.New || made.Made.IsZero() || !made.Made.Equal(again.Made) || made.Dir() != dir {
		t.Errorf("made: new is %t at %s; again: new is %t at %s", made.New, made.Made, again.New, again.Made)
	}
	if !slices.Equal(made.Secret, again.Secret) || !made.Signers[0].Equal(again.Signers[0]) || made.CA() != again.CA() ||
		!reflect.DeepEqual(must(made.List()), must(again.List())) {
		t.Error("the keys are others when they are read again")
	}
	for _, e := range must(os.ReadDir(dir)) {
		info := must(e.Info())
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", e.Name(), info.Mode())
		}
		if e.Name() == madeFile {
			continue
		}
		path := filepath.Join(dir, e.Name())
		good := must(os.ReadFile(path))
		_ = must(0, os.WriteFile(path, []byte("noise"), 0o600))
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), e.Name()) || !strings.Contains(err.Error(), "backup") {
			t.Errorf("with a damaged %s: %v", e.Name(), err)
		}
		_ = must(0, os.WriteFile(path, good, 0o600))
	}
}
