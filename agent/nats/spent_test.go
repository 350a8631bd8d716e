package nats_test

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/nats"
	"github.com/drover-dev/drover/protocol"
)

// A token is taken away when its credential is stored, and again by the next term if it was put back or the first
// time failed.
func TestATokenIsTakenAwayWhenItHasBoughtItsCredential(t *testing.T) {
	hub := agenttest.NewHub(t, "east-1")
	file, v := hub.TokenFile(t), &vault{}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	token, err := protocol.DecodeJoinToken(data)
	if err != nil {
		t.Fatal(err)
	}
	for term := range 2 {
		var spent atomic.Int32
		id := credential.NewIdentity(v, slog.New(slog.DiscardHandler))
		if err := id.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := nats.New(nats.Config{Identity: id, TokenFile: file, Log: slog.New(slog.DiscardHandler),
			Spent: func(_ context.Context, user string) error {
				if user != token.User || !id.Joined() {
					t.Errorf("term %d: taken away for user %s, joined %v", term, user, id.Joined())
				}
				spent.Add(1)
				return nil
			}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			if err := s.Join(ctx); err != nil {
				done <- err
				return
			}
			done <- s.Run(ctx, func([]byte) {}, func(bool) {}, func(protocol.Ask) {})
		}()
		eventually(t, "the token to be taken away", func() bool { return spent.Load() > 0 })
		cancel()
		<-done
	}
}
