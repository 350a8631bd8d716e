package nats

import (
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
)

// Another agent can have the hub's store answer to this one's subscription: that is no bundle, and no reason to renew.
func TestAnAnswerThatWasAskedForByAnotherIsNoBundle(t *testing.T) {
	t.Parallel()
	var got []string
	d := newDesired(&Session{c: Config{Log: slog.New(slog.DiscardHandler)}}, nil,
		func(b []byte) { got = append(got, string(b)) })
	d.push(&nats.Msg{Data: []byte("another's"), Header: nats.Header{headerStream: {"KV_desired"}}})
	d.push(&nats.Msg{Header: nats.Header{headerStatus: {"404"}}})
	d.push(&nats.Msg{Data: []byte("own")})
	if len(got) != 1 || got[0] != "own" || d.count() != 1 {
		t.Errorf("handed on were %q", got)
	}
}
