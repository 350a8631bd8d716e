package people

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// memory is a store that can fail.
type memory struct {
	has  map[string][]byte
	full bool
}

func (m *memory) Load() (map[string][]byte, error) { return maps.Clone(m.has), nil }

func (m *memory) Save(changes map[string][]byte) error {
	if m.full {
		return errors.New("the disk is full")
	}
	for k, v := range changes {
		if m.has[k] = v; v == nil {
			delete(m.has, k)
		}
	}
	return nil
}

var now = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

func open(t *testing.T, m *memory) *Register {
	t.Helper()
	r, err := Open(m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestATokenSaysWhoItIsUntilItEnds(t *testing.T) {
	t.Parallel()
	m := &memory{has: map[string][]byte{}}
	r := open(t, m)
	secret, made, err := r.Create(now, Request{Name: "ann", Groups: []string{"sre", "dba", "sre"},
		Email: "ann@example.com", TTL: 3600})
	if err != nil || !made.Expires.Equal(now.Add(time.Hour)) {
		t.Fatalf("%+v %v", made, err)
	}
	for _, data := range m.has {
		if bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte(secret[len(prefix):])) {
			t.Error("the store has the secret")
		}
	}
	for range 2 { // also after a restart
		who, err := r.Authenticate(now.Add(59*time.Minute), secret)
		if err != nil || who.Name != "ann" || fmt.Sprint(who.Groups) != "[dba sre]" || who.Email != "ann@example.com" {
			t.Fatalf("%+v %v", who, err)
		}
		r = open(t, m)
	}
	refused := func(at time.Time, secret, why string) {
		t.Helper()
		if who, err := r.Authenticate(at, secret); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), why) {
			t.Errorf("%+v %v; want %s", who, err, why)
		}
	}
	refused(now.Add(time.Hour), secret, "expired on 2026-12-01T10:00:00Z")
	refused(now, secret+"x", "never made here")
	refused(now, secret[:len(secret)-1], "never made here")
	refused(now, "", "does not accept")
	refused(now, strings.Repeat("x", 1<<20), "does not accept")
	if _, _, err := r.Create(now, Request{Name: "ann"}); !errors.Is(err, ErrKnown) {
		t.Errorf("a second ann: %v", err)
	}
	if _, err := r.Revoke(now, "bob"); !errors.Is(err, ErrNone) {
		t.Errorf("revoked bob: %v", err)
	}
	m.full = true
	if _, err := r.Revoke(now, "ann"); err == nil {
		t.Error("it says that what is not stored was revoked")
	}
	if _, err := r.Authenticate(now, secret); err != nil {
		t.Errorf("and does so: %v", err)
	}
	m.full = false
	if _, err := r.Revoke(now, "ann"); err != nil {
		t.Fatal(err)
	}
	refused(now, secret, "was revoked")
	r = open(t, m)
	refused(now, secret, "was revoked")
	again, _, err := r.Create(now, Request{Name: "ann", Groups: []string{"dev"}})
	if err != nil {
		t.Fatal(err)
	}
	refused(now, secret, "never made here")
	if who, err := r.Authenticate(now, again); err != nil || who.In([]string{"sre"}) || !who.In([]string{"x", "dev"}) {
		t.Errorf("%+v %v", who, err)
	}
}

func TestNoTokenIsMadeOfWhatIsNoName(t *testing.T) {
	t.Parallel()
	m := &memory{has: map[string][]byte{}}
	r := open(t, m)
	for _, q := range []Request{{}, {Name: "Ann"}, {Name: "a b"}, {Name: "ann\n"}, {Name: "../x"}, {Name: "admin"},
		{Name: strings.Repeat("a", 64)}, {Name: "ann", Groups: []string{""}}, {Name: "ann", Groups: []string{"a,b"}},
		{Name: "ann", Groups: make([]string, 33)}, {Name: "ann", Email: "ann"}, {Name: "ann", Email: "Ann <a@b.c>"},
		{Name: "ann", Email: strings.Repeat("a", 250) + "@b.cd"}, {Name: "ann", TTL: -1}, {Name: "ann", TTL: 1},
		{Name: "ann", TTL: 1 << 40}} {
		if _, _, err := r.Create(now, q); !errors.Is(err, ErrRequest) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	m.full = true
	if secret, _, err := r.Create(now, Request{Name: "ann"}); err == nil || secret != "" {
		t.Error("a token that is not stored is given away")
	}
	if len(m.has)+len(r.List()) > 0 {
		t.Errorf("there are %v, %v", m.has, r.List())
	}
}

func TestThereAreOnlySoManyTokens(t *testing.T) {
	t.Parallel()
	m := &memory{has: map[string][]byte{}}
	r := open(t, m)
	for i := range maxTokens {
		if _, _, err := r.Create(now.Add(time.Duration(i)), Request{Name: fmt.Sprint("p", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Create(now, Request{Name: "one-more"}); !errors.Is(err, ErrRequest) {
		t.Errorf("one more: %v", err)
	}
	for _, name := range []string{"p7", "p5"} {
		if _, err := r.Revoke(now, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Create(now, Request{Name: "one-more"}); err != nil {
		t.Error(err)
	}
	r = open(t, m)
	names := map[string]bool{}
	for _, token := range r.List() {
		names[token.Name] = true
	}
	if len(names) != maxTokens || names["p5"] || !names["p7"] || !names["one-more"] {
		t.Errorf("there are %d, p5 %t, p7 %t", len(names), names["p5"], names["p7"])
	}
}

func TestWhatIsStoredAndIsNoTokenIsNotAccepted(t *testing.T) {
	t.Parallel()
	m := &memory{has: map[string][]byte{"x": []byte("{"), "y": []byte(`{"name":"y","expires":"2100-01-01T00:00:00Z"}`),
		"z": []byte(`{"name":"other","hash":"` + strings.Repeat("A", 43) + `="}`)}}
	if r := open(t, m); len(r.List()) > 0 {
		t.Errorf("there are %v", r.List())
	}
}

// Nobody said whose a context is: it is not that of the shared token, who may do anything.
func TestAContextOfNobodyIsNotOfTheSharedToken(t *testing.T) {
	t.Parallel()
	if who, known := Of(t.Context()); known {
		t.Errorf("it is of %+v", who)
	}
	if who, known := Of(With(t.Context(), Who{From: "127.0.0.1:1"})); !known || !who.Shared() {
		t.Errorf("that of the shared token is of %+v, %v", who, known)
	}
	if who, known := Of(With(t.Context(), Who{Name: "ann"})); !known || who.Name != "ann" {
		t.Errorf("that of ann is of %+v, %v", who, known)
	}
}
