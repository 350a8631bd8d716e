package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// nobody has no identities, as a hub that has just begun.
type nobody struct{}

func (nobody) Place(string) string              { return "" }
func (nobody) Settle(string, string) error      { return nil }
func (nobody) OpenKey(string) ([]byte, bool)    { return nil, false }
func (nobody) Forget(string) error              { return nil }
func (nobody) Clusters() []string               { return nil }
func (nobody) Revoke(string) error              { return nil }
func (nobody) Rotate(string) error              { return hub.ErrNoCredential }
func (nobody) Identity(string) hub.Identity     { return hub.Identity{} }
func (nobody) EndFormer(bool) ([]string, error) { return nil, nil }
func (nobody) Joins() hub.Joins                 { return hub.Joins{} }
func (nobody) Token(string, hub.TokenOptions) (protocol.JoinToken, error) {
	return protocol.JoinToken{}, hub.ErrIssued
}

// serve serves the API of a hub that knows no clusters yet, and gives a client for it.
func serve(t *testing.T) (c Client, poked func() int) {
	t.Helper()
	pokes := 0
	s := &Server{State: hub.New("/fleet").State(), Identities: nobody{}, Poke: func() { pokes++ },
		Approve: func(_ context.Context, revision string) (query.Hold, error) {
			if revision != "abcdef0" {
				return query.Hold{}, fmt.Errorf("%w at %s", hub.ErrNotHeld, revision)
			}
			return query.Hold{Clusters: []string{"east", "west"}}, nil
		},
		Held: func(_ context.Context, id string) (query.Hold, error) {
			switch id {
			case "abcdef0":
				return query.Hold{Revision: protocol.Revision{Hash: id}}, nil
			case "1234567":
				return query.Hold{}, fmt.Errorf("%w at %s", hub.ErrNotHeld, id)
			case "abcdef0123":
			default:
				return query.Hold{}, fmt.Errorf("%w as %s", hub.ErrNotHeld, id)
			}
			return query.Hold{ID: id, Count: 7}, nil
		},
		Forget: func(_ context.Context, name string) error {
			return fmt.Errorf("cluster %s is %w", name, hub.ErrNotReleased)
		},
		Token: "the-token", Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return Client{URL: server.URL, APIToken: "the-token"}, func() int { return pokes }
}

func TestOnlyWhoHasTheTokenIsAnswered(t *testing.T) {
	c, poked := serve(t)
	for _, guess := range []string{"", "the-toke", "the-token2", "guess"} {
		stranger := Client{URL: c.URL, APIToken: guess}
		_, clusters := stranger.Clusters(t.Context(), "")
		_, cluster := stranger.Cluster(t.Context(), "staging")
		_, revoke := stranger.Revoke(t.Context(), "staging")
		_, rotate := stranger.Rotate(t.Context(), "staging")
		_, token := stranger.Token(t.Context(), "staging", TokenRequest{Replace: true})
		_, held := stranger.Held(t.Context(), "abcdef0123")
		_, approve := stranger.Approve(t.Context(), "abcdef0")
		_, accept := stranger.Accept(t.Context(), "staging", "uid")
		for what, err := range map[string]error{
			"clusters": clusters, "cluster": cluster, "token": token, "revoke": revoke, "rotate": rotate, "approve": approve, "held": held, "accept": accept,
			"forget": stranger.Forget(t.Context(), "staging"), "poke": stranger.Poke(t.Context()),
			"watch": stranger.Watch(t.Context(), "", func(Fleet) error { return errors.New("answered") }),
		} {
			if err == nil || !strings.Contains(err.Error(), "does not accept this token") {
				t.Errorf("%s with the token %q: %v", what, guess, err)
			}
		}
	}
	if poked() != 0 {
		t.Error("a stranger's poke was taken")
	}
	if err := c.Poke(t.Context()); err != nil || poked() != 1 {
		t.Errorf("poke: %v, %d times", err, poked())
	}
}

func TestAnswersSayWhatToDo(t *testing.T) {
	c, _ := serve(t)
	f, err := c.Clusters(t.Context(), "")
	if err != nil || f.Clusters == nil || f.Source.Repository != "/fleet" {
		t.Errorf("clusters of an empty hub: %+v, %v", f, err)
	}
	if _, err := c.Clusters(t.Context(), "env=("); err == nil || !strings.Contains(err.Error(), "is not understood") {
		t.Errorf("a broken selector: %v", err)
	}
	for what, err := range map[string]error{
		"cluster": second(c.Cluster(t.Context(), "staging")),
		"revoke":  second(c.Revoke(t.Context(), "staging")),
		"rotate":  second(c.Rotate(t.Context(), "staging")),
		"accept":  second(c.Accept(t.Context(), "staging", "uid")),
		"token":   second(c.Token(t.Context(), "staging", TokenRequest{})),
	} {
		if err == nil || !strings.Contains(err.Error(), "add a folder clusters/staging/") || !strings.Contains(err.Error(), "has not been read yet") {
			t.Errorf("%s of a cluster that is not known: %v", what, err)
		}
	}
	for _, ttl := range []int{-1, 59, 2592001} {
		// before the cluster is looked for, which this hub does not have
		if _, err := c.Token(t.Context(), "staging", TokenRequest{TTL: ttl}); err == nil || !strings.Contains(err.Error(), "choose between 1m0s and 720h0m0s") {
			t.Errorf("a token for %d s: %v", ttl, err)
		}
	}
	if hold, err := c.Approve(t.Context(), "abcdef0"); err != nil || len(hold.Clusters) != 2 {
		t.Errorf("approve: %+v, %v", hold, err)
	}
	if _, err := c.Approve(t.Context(), "1234567"); err == nil || err.Error() != "nothing is held at 1234567" {
		t.Errorf("approve what is not held: %v", err)
	}
	if hold, err := c.Held(t.Context(), "abcdef0123"); err != nil || hold.Count != 7 {
		t.Errorf("held: %+v, %v", hold, err)
	}
	if _, err := c.Held(t.Context(), "12/34"); err == nil || err.Error() != "nothing is held as 12/34" {
		t.Errorf("what is not held: %v", err)
	}
	if err := c.Forget(t.Context(), "ab"); err == nil || err.Error() != "cluster ab is not released" {
		t.Errorf("forget: %v", err)
	}
	if err := c.Forget(t.Context(), "a/b"); err == nil || !strings.Contains(err.Error(), `there is no cluster "a/b"`) {
		t.Errorf("forget what is no name: %v", err)
	}
	away := Client{URL: "http://127.0.0.1:1", APIToken: "x"}
	if err := away.Poke(t.Context()); err == nil || !strings.Contains(err.Error(), "no hub answers at http://127.0.0.1:1") {
		t.Errorf("a hub that is away: %v", err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if err := (Client{URL: other.URL}).Poke(t.Context()); err == nil || !strings.Contains(err.Error(), "is that the address of a Drover hub?") {
		t.Errorf("some other server: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWatchBeginsWithHowThingsAre(t *testing.T) {
	c, _ := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err := c.Watch(ctx, "", func(f Fleet) error {
		seen++
		if f.Source.Repository != "/fleet" {
			t.Errorf("it begins with %+v", f)
		}
		cancel()
		return nil
	})
	if err != nil || seen != 1 {
		t.Errorf("Watch = %v after %d answers; want an end without error", err, seen)
	}
}
