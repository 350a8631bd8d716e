package servers

import (
	"fmt"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

func TestWhichRequestsAreRepeated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		since time.Duration
		want  bool
	}{
		{nil, 0, false},
		{natsgo.ErrNoResponders, 0, false},
		{natsgo.ErrTimeout, claimsTimeout, true},
		{natsgo.ErrTimeout, AnswerPatience + 1, false},
		{natsgo.ErrReconnectBufExceeded, AnswerPatience + 1, true},
		{fmt.Errorf("send: %w", natsgo.ErrReconnectBufExceeded), awayTimeout, true},
		{natsgo.ErrReconnectBufExceeded, awayTimeout + 1, false},
		{natsgo.ErrConnectionClosed, 0, false},
	} {
		if got := repeats(c.err, c.since); got != c.want {
			t.Errorf("after %s, %v: %v", c.since, c.err, got)
		}
	}
}
