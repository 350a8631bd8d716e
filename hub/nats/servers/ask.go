package servers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/drover-dev/drover/hub/nats/streams"
)

const (
	// answerTimeout is how long the first answer of a server may take.
	answerTimeout = time.Second
	// answerRest is how long further answers are waited for after the last one.
	answerRest = 250 * time.Millisecond
)

// Storage is how many bytes each server may store, or the one that may store least.
func (s *Servers) Storage(ctx context.Context) int64 {
	if s.o.Embedded != nil {
		return s.o.Embedded.MaxStore()
	}
	least := int64(0)
	for data := range s.ask(ctx, "$SYS.REQ.SERVER.PING.JSZ", nil) {
		var answer struct {
			Data struct {
				Disabled bool
				Config   struct {
					MaxStorage int64 `json:"max_storage"`
				}
			}
		}
		if json.Unmarshal(data, &answer) != nil || answer.Data.Disabled || answer.Data.Config.MaxStorage <= 0 {
			continue
		}
		if most := answer.Data.Config.MaxStorage; least == 0 || most < least {
			least = most
		}
	}
	if least == 0 {
		return streams.UnknownStorage
	}
	return least
}

// ask asks all servers something in the system account, and gives their answers. One that says nothing for a while
// after the others is taken to be gone.
func (s *Servers) ask(ctx context.Context, subject string, data []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		inbox := s.conn.NewRespInbox()
		sub, err := s.conn.SubscribeSync(inbox)
		if err != nil {
			return // not connected: who asks again is answered
		}
		defer func() { _ = sub.Unsubscribe() }()
		if s.conn.PublishRequest(subject, inbox, data) != nil {
			return
		}
		for wait := answerTimeout; ; wait = s.rest() {
			waiting, cancel := context.WithTimeout(ctx, wait)
			m, err := sub.NextMsgWithContext(waiting)
			cancel()
			if err != nil || m.Header.Get("Status") != "" || !yield(m.Data) {
				return
			}
		}
	}
}

// rest is how long further servers are waited for: not at all, where there is one.
func (s *Servers) rest() time.Duration {
	if s.o.Embedded != nil {
		return 0
	}
	return answerRest
}
