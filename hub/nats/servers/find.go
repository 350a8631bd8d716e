package servers

import (
	"maps"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

// serverSilence is how long a server says nothing before it counts as away: it sends its statistics every ten seconds.
const serverSilence = 25 * time.Second

// watch tells external servers who is revoked whenever one of them may have missed it: it appeared, or was away
// for a while, or a leaf node found back to the others. What it has to tell may have been missed too, so the hub asks
// who is connected there. The same is done whenever the hub connects (see Open).
func (s *Servers) watch() error {
	seen := map[string]time.Time{} // by the server's id, which is another one after each start
	_, err := s.conn.Subscribe("$SYS.SERVER.*.STATSZ", func(m *natsgo.Msg) {
		id, now := strings.Split(m.Subject, ".")[2], time.Now()
		if now.Sub(seen[id]) > serverSilence {
			s.returned()
		}
		seen[id] = now
		maps.DeleteFunc(seen, func(_ string, last time.Time) bool { return now.Sub(last) > serverSilence })
	})
	if err == nil {
		_, err = s.conn.Subscribe("$SYS.ACCOUNT.*.LEAFNODE.CONNECT", func(*natsgo.Msg) { s.returned() })
	}
	go s.tellOnReturn()
	return err
}

// reminders are the pauses after which servers that were found are told again: a leaf node is announced before the
// others have heard what it subscribes to, and what is sent to it between the two is lost.
var reminders = []time.Duration{time.Second, 4 * time.Second, 15 * time.Second}

// tellOnReturn tells external servers who is revoked whenever one was found, until the connection is closed.
func (s *Servers) tellOnReturn() {
	var left []time.Duration
	for {
		var again <-chan time.Time
		if len(left) > 0 {
			again, left = time.After(left[0]), left[1:]
		}
		select {
		case <-s.closed.Done():
			return
		case <-s.remind:
			left = reminders
		case <-again:
		}
		s.tell()
	}
}

// tell tells external servers who is revoked.
func (s *Servers) tell() {
	s.claiming.Lock()
	defer s.claiming.Unlock()
	if err := s.introduce(); err != nil && s.conn.IsConnected() {
		s.o.Log.Warn("the NATS servers have not been told of the hub's account; it is tried again when one of them, or "+
			"the hub, connects", "err", err)
	}
	if !s.o.Serving() {
		return
	}
	if err := s.claim(s.o.Revoked()); err != nil && s.conn.IsConnected() {
		s.o.Log.Warn("the NATS servers have not been told which credentials are revoked; it is tried again when one of "+
			"them, or the hub, connects", "err", err)
	}
}

// returned notes that the hub and a server have found each other. Several at once are one.
func (s *Servers) returned() {
	s.o.Found()
	select {
	case s.remind <- struct{}{}:
	default:
	}
}
