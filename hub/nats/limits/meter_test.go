package limits

import (
	"testing"
	"time"
)

// over is a connection of a user, and what has gone over it.
func over(id uint64, user string, since time.Time, messages, bytes int64) Connection {
	var c Connection
	c.Server.ID, c.Client.ID, c.Client.User, c.Client.Start = "server", id, user, since
	c.Received.Msgs, c.Sent.Bytes = messages, bytes
	return c
}

func TestWhoSendsOrReadsTooMuch(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	const week = 7 * 24 * 3600
	for name, tc := range map[string]struct {
		do    func(m *Meter) (floods int)
		flood bool
	}{
		"an agent that was connected before the hub": {func(m *Meter) int {
			return len(m.Look([]Connection{over(1, "a", at(-week), 1e9, 1e13)}, at(0)))
		}, false},
		"a busy agent, looked at once a week": {func(m *Meter) (n int) {
			for i := range 10 {
				n += len(m.Look([]Connection{over(1, "a", at(-1), int64(i)*week*50, int64(i)*week*1e6)}, at(i*week)))
			}
			return n
		}, false},
		"an agent that fetches 40,000 chunks of 50 KiB": {func(m *Meter) int {
			m.Look(nil, at(0))
			return len(m.Look([]Connection{over(1, "a", at(1), 40_000, 40_000*50<<10)}, at(2)))
		}, false},
		"an agent that is reconnected every 10 seconds": {func(m *Meter) (n int) {
			for i := range 10_000 {
				if m.Came(over(uint64(i), "a", at(10*i), 0, 0), at(10*i)) || m.Went(over(uint64(i), "a", at(10*i), 50, 1e6),
					at(10*i+9)) {
					n++
				}
			}
			return n
		}, false},
		"many requests over a new connection": {func(m *Meter) int {
			m.Look(nil, at(0))
			return len(m.Look([]Connection{over(1, "a", at(1), 100_000, 0)}, at(2)))
		}, true},
		"many requests over an old connection": {func(m *Meter) int {
			m.Look([]Connection{over(1, "a", at(-week), 1e9, 0)}, at(0))
			return len(m.Look([]Connection{over(1, "a", at(-week), 1e9+100_000, 0)}, at(2)))
		}, true},
		"many bytes": {func(m *Meter) int {
			m.Look(nil, at(0))
			return len(m.Look([]Connection{over(1, "a", at(1), 100, 10<<30)}, at(2)))
		}, true},
		"bursts": {func(m *Meter) (n int) {
			for i := range 100 {
				n += len(m.Look([]Connection{over(1, "a", at(-1), int64(i)*10_000, 0)}, at(20*i)))
			}
			return n
		}, true},
		"several connections": {func(m *Meter) int {
			m.Look(nil, at(0))
			return len(m.Look([]Connection{over(1, "a", at(1), 30_000, 0), over(2, "a", at(1), 30_000, 0)}, at(2)))
		}, true},
		"connections that end before they are looked at": {func(m *Meter) (n int) {
			m.Look(nil, at(0))
			for i := range 100 {
				if m.Went(over(uint64(i), "a", at(1), 5_000, 0), at(2)) {
					n++
				}
			}
			return n
		}, true},
		"ever new connections": {func(m *Meter) (n int) {
			for i := range 1000 {
				if m.Came(over(uint64(i), "a", at(i/100), 0, 0), at(i/100)) {
					n++
				}
			}
			return n
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if n := tc.do(NewMeter()); n > 0 != tc.flood {
				t.Errorf("it floods %d times", n)
			}
		})
	}
	m := NewMeter()
	m.Busy(map[string]Traffic{"server": {1e9, 1e13}}, at(0))
	m.Look(nil, at(0))
	if m.Busy(map[string]Traffic{"server": {1e9 + 1000, 1e13 + 1e6}}, at(10)) {
		t.Error("connections are looked at though little is sent")
	}
	if !m.Busy(map[string]Traffic{"server": {1e9 + 21_000, 1e13 + 1e6}}, at(20)) {
		t.Error("connections are not looked at though much is sent")
	}
}
