package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/bolt"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/roles"
	"github.com/drover-dev/drover/hub/rollouts"
)

// decider notes what it is to decide.
type decider struct{ orders []rollouts.Order }

func (d *decider) Decide(_ context.Context, o rollouts.Order) (string, error) {
	d.orders = append(d.orders, o)
	return "done", nil
}

func (d *decider) History(context.Context, string) ([]rollouts.Event, error) {
	return nil, rollouts.ErrNoRollout
}

// office is a hub's API with a store in a file.
type office struct {
	t       *testing.T
	path    string
	server  *Server
	decider *decider
	store   *bolt.Store
	url     string

	mu     sync.Mutex
	serves http.Handler // with the policy below
	with   Policies
}

func newOffice(t *testing.T) *office {
	o := &office{t: t, path: filepath.Join(t.TempDir(), "hub.db"), decider: &decider{}}
	o.open()
	t.Cleanup(func() { _ = o.store.Close() })
	return o
}

func (o *office) open() {
	o.t.Helper()
	store, err := bolt.Open(o.path, bytes.Repeat([]byte{7}, 32), slog.New(slog.DiscardHandler))
	if err != nil {
		o.t.Fatal(err)
	}
	register, err := people.Open(store.Table(bolt.TablePeople))
	if err != nil {
		o.t.Fatal(err)
	}
	journal, err := audit.Open(store.Table(bolt.TableDecisions), nil)
	if err != nil {
		o.t.Fatal(err)
	}
	o.store, o.serves = store, nil
	o.server = &Server{State: hub.New("/fleet").State(), Identities: nobody{}, Rollouts: o.decider, People: register,
		Journal: journal, Token: "the-token", Log: slog.New(slog.DiscardHandler), Poke: func() {},
		Access: roles.Fixed{Is: access.New(nil, nil, false)},
		Forget: func(_ context.Context, name string) error { return hub.ErrNotReleased },
		Held: func(_ context.Context, id string) (query.Hold, error) {
			return query.Hold{ID: id, Kind: "deletions", Clusters: []string{"a", "b"}, Apps: []string{"web"}}, nil
		},
		Approve: func(_ context.Context, id string) (query.Hold, error) { return query.Hold{ID: id}, nil }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.handler().ServeHTTP(w, r)
	}))
	o.t.Cleanup(s.Close)
	o.url = s.URL
}

// handler is the API with the policy that the test has set.
func (o *office) handler() http.Handler {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.serves == nil || o.with != o.server.Access {
		o.serves, o.with = o.server.Handler(), o.server.Access
	}
	return o.serves
}

func (o *office) as(token string) Client { return Client{URL: o.url, APIToken: token} }

// entries are what the journal has, each as kind, person and target.
func (o *office) entries() (out []audit.Entry) {
	o.t.Helper()
	var b bytes.Buffer
	if err := o.as("the-token").Audit(o.t.Context(), &b); err != nil {
		o.t.Fatal(err)
	}
	_, err := audit.Verify(&b, nil, func(e audit.Entry) { out = append(out, e) })
	if err != nil && !strings.Contains(err.Error(), "0 signatures") { // this hub has no keys
		o.t.Error(err)
	}
	return out
}

func wants(t *testing.T, what string, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: %v; want %s", what, err, text)
	}
}

func TestAPersonsTokenSaysWhoDecides(t *testing.T) {
	o := newOffice(t)
	admin := o.as("the-token")
	made, err := admin.CreateToken(t.Context(), people.Request{Name: "ann", Groups: []string{"sre"},
		Email: "ann@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	ann := o.as(made.Secret)
	if _, err := ann.Decide(t.Context(), rollouts.Order{Action: rollouts.Approve, Policy: "production"}); err != nil {
		t.Error(err)
	}
	_, err = ann.Decide(t.Context(), rollouts.Order{Action: rollouts.Halt, Policy: "production", By: "bob"})
	wants(t, "--as with a token", err, "the token says who decides, ann: leave out --as")
	_, err = admin.Decide(t.Context(), rollouts.Order{Action: rollouts.Halt, Policy: "production", By: "bob"})
	if err != nil {
		t.Error(err)
	}
	if len(o.decider.orders) != 2 {
		t.Fatalf("it decided %+v", o.decider.orders)
	}
	who, shared := o.decider.orders[0].Who, o.decider.orders[1]
	if who.Name != "ann" || who.Email != "ann@example.com" || !slices.Equal(who.Groups, []string{"sre"}) ||
		!strings.HasPrefix(who.From, "127.0.0.1:") {
		t.Errorf("it was %+v", who)
	}
	if !shared.Who.Shared() || shared.By != "bob" || shared.Who.From == "" {
		t.Errorf("the shared token is %+v", shared)
	}
	if _, err := ann.Approve(t.Context(), "0123456789"); err != nil {
		t.Error(err)
	}
	wants(t, "forget", ann.Forget(t.Context(), "staging"), "not released")
	_, err = ann.Revoke(t.Context(), "staging")
	wants(t, "revoke", err, "there is no cluster")
	var found []string
	for _, e := range o.entries() {
		found = append(found, e.Kind+" "+e.Target+strings.Join(e.Clusters, ",")+" by "+e.By.Name)
		if e.By.From == "" || e.Time.IsZero() {
			t.Errorf("it does not say when or from where: %+v", e)
		}
	}
	want := []string{"create-token ann by ", "approve 0123456789a,b by ann", "forget staging by ann",
		"not-done staging by ann"}
	if !slices.Equal(found, want) {
		t.Errorf("the journal has %q, want %q", found, want)
	}
}

func TestOnlyTheSharedTokenManagesTokens(t *testing.T) {
	o := newOffice(t)
	admin := o.as("the-token")
	made, err := admin.CreateToken(t.Context(), people.Request{Name: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	ann := o.as(made.Secret)
	wants(t, "list", second(ann.Tokens(t.Context())), "may not list tokens of the whole fleet: use the shared token")
	wants(t, "create", second(ann.CreateToken(t.Context(), people.Request{Name: "bob"})), "may not create tokens")
	wants(t, "revoke", second(ann.RevokeToken(t.Context(), "ann")), "may not delete tokens")
	wants(t, "the store", ann.Store(t.Context(), &bytes.Buffer{}), "may not get store of the whole fleet")
	for _, token := range []string{"", "guess", made.Secret + "x", made.Secret[:30]} {
		wants(t, "create as "+token, second(o.as(token).CreateToken(t.Context(), people.Request{Name: "bob"})),
			"does not accept this token")
		wants(t, "the journal as "+token, o.as(token).Audit(t.Context(), &bytes.Buffer{}), "does not accept this token")
	}
	wants(t, "twice", second(admin.CreateToken(t.Context(), people.Request{Name: "ann"})), "there is such a token already")
	wants(t, "no name", second(admin.CreateToken(t.Context(), people.Request{Name: "A B"})), "is no name for a token")
	wants(t, "revoke", second(admin.RevokeToken(t.Context(), "bob")), "there is no such token")
	list, err := admin.Tokens(t.Context())
	if err != nil || len(list) != 1 || list[0].Name != "ann" {
		t.Errorf("%+v %v", list, err)
	}
}

// A token is accepted after a restart, and not after it was revoked.
func TestATokenIsAcceptedUntilItIsRevoked(t *testing.T) {
	o := newOffice(t)
	made, err := o.as("the-token").CreateToken(t.Context(), people.Request{Name: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	short, err := o.as("the-token").CreateToken(t.Context(), people.Request{Name: "bob", TTL: 60})
	if err != nil || !short.Expires.Before(time.Now().Add(2*time.Minute)) {
		t.Fatalf("%+v %v", short, err)
	}
	_ = o.store.Close()
	o.open()
	if _, err := o.as(made.Secret).Clusters(t.Context(), ""); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
	if _, err := o.as("the-token").RevokeToken(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	wants(t, "revoked", second(o.as(made.Secret).Clusters(t.Context(), "")), "the token of ann was revoked on")
	_ = o.store.Close()
	o.open()
	wants(t, "after a restart", second(o.as(made.Secret).Clusters(t.Context(), "")), "was revoked on")
}

// A live answer ends with the token that it was asked for with, although nothing of the fleet changes; those of others
// go on.
func TestALiveAnswerEndsWithItsToken(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	admin := o.as("the-token")
	watch := func(secret string) <-chan error {
		begun, ended := make(chan struct{}, 1), make(chan error, 1)
		go func() {
			ended <- o.as(secret).Watch(t.Context(), "", func(Fleet) error {
				select {
				case begun <- struct{}{}:
				default:
				}
				return nil
			})
		}()
		select {
		case <-begun:
		case err := <-ended:
			t.Fatal(err)
		}
		return ended
	}
	ends := func(what string, ended <-chan error) {
		t.Helper()
		select {
		case err := <-ended:
			wants(t, what, err, "ended the answer")
		case <-time.After(30 * time.Second):
			t.Errorf("%s: it goes on", what)
		}
	}
	made := map[string]NewToken{}
	for _, name := range []string{"ann", "bob"} {
		var err error
		if made[name], err = admin.CreateToken(t.Context(), people.Request{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	ann, bob, shared := watch(made["ann"].Secret), watch(made["bob"].Secret), watch("the-token")
	if _, err := admin.RevokeToken(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	ends("revoked", ann)
	secret, _, err := o.server.People.Create(time.Now().Add(-58*time.Second), people.Request{Name: "cid", TTL: 60})
	if err != nil {
		t.Fatal(err)
	}
	ends("expired", watch(secret))
	select {
	case err := <-bob:
		t.Errorf("that of bob ended: %v", err)
	case err := <-shared:
		t.Errorf("that of the shared token ended: %v", err)
	default:
	}
}

// A request of which it is not known whose it is may do nothing, whatever let it in.
func TestARequestOfNobodyMayDoNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := httptest.NewRequest(http.MethodPost, "/api/v1/tokens", strings.NewReader(`{"name": "ann"}`))
	ask := func(*http.Request) (any, error) { t.Error("it was let through"); return struct{}{}, nil }
	_, err := noted(o.server.Journal, r, audit.Entry{Kind: "approve"}, func() (any, error) { return ask(r) })
	wants(t, "a decision", err, "does not accept this token")
	wants(t, "a rollout", second(rolling{o.server.sight(), o.decider}.take(r, rollouts.Order{Action: rollouts.Halt})),
		"does not accept this token")
	if len(o.decider.orders)+len(o.entries()) > 0 {
		t.Errorf("it decided %+v, and noted %+v", o.decider.orders, o.entries())
	}
	o.server.Token = "" // a hub without a token is open to none
	wants(t, "no token", second(o.as("").Clusters(t.Context(), "")), "does not accept this token")
}

func TestAFreezeIsForAllPolicies(t *testing.T) {
	o := newOffice(t)
	c := o.as("the-token")
	text, err := c.Decide(t.Context(), rollouts.Order{Action: rollouts.Freeze, Reason: "a fire"})
	if err != nil || text != "done" {
		t.Errorf("%s %v", text, err)
	}
	if frozen, err := c.Frozen(t.Context()); err != nil || frozen != nil {
		t.Errorf("%v %v", frozen, err)
	}
	var out Decided
	err = c.do(t.Context(), "POST", "/api/v1/freeze", rollouts.Order{Action: rollouts.Halt, Reason: "x"}, &out)
	wants(t, "another action", err, "write freeze or unfreeze")
	if len(o.decider.orders) != 1 || o.decider.orders[0].Action != rollouts.Freeze {
		t.Errorf("it decided %+v", o.decider.orders)
	}
}

// What cannot be noted is not done.
func TestWhatCannotBeNotedIsNotDone(t *testing.T) {
	o := newOffice(t)
	done := false
	o.server.Approve = func(context.Context, string) (query.Hold, error) {
		done = true
		return query.Hold{}, errors.New("it is done")
	}
	_ = o.store.Close()
	wants(t, "approve", second(o.as("the-token").Approve(t.Context(), "0123456789")), "cannot be noted")
	if done {
		t.Error("it was done")
	}
}
