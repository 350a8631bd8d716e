package nats

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/nats/limits"
	"github.com/drover-dev/drover/protocol"
)

// said is what a listener was told of links, last.
type said map[string]bool

func (s said) Report(string, []byte, time.Time) {}
func (s said) Event(string, []byte)             {}
func (s said) Damaged(string, time.Time)        {}
func (s said) Reset()                           {}
func (s said) Peer(protocol.Presence)           {}
func (s said) Wanted(string) error              { return nil }
func (s said) Identities([]string)              {}
func (s said) Link(cluster string, connected bool, _ time.Time) {
	s[cluster] = connected
}

func conn(id uint64) (c limits.Connection) {
	c.Server.ID, c.Client.ID, c.Client.Start = "server", id, time.Now()
	return c
}

// An answer of who is connected takes a second to gather. What events say in that second is newer.
func TestAnAnswerIsOlderThanWhatHappenedMeanwhile(t *testing.T) {
	told := said{}
	l := newLinks(&ears{serving: func() bool { return false }}, nil, "", told)
	l.note("stays", conn(1), true)
	l.note("left unnoticed", conn(2), true)
	l.note("leaves", conn(3), true)

	l.asking++
	l.note("comes", conn(4), true)
	l.note("leaves", conn(3), false)
	answer := map[string]map[string]limits.Connection{}
	for cluster, id := range map[string]uint64{"stays": 1, "leaves": 3, "came unnoticed": 5} {
		answer[cluster] = map[string]limits.Connection{conn(id).Key(): conn(id)}
	}
	l.replace(answer)

	for cluster, want := range map[string]bool{
		"stays": true, "left unnoticed": false, "leaves": false, "comes": true, "came unnoticed": true,
	} {
		if told[cluster] != want {
			t.Errorf("%s: connected is %t, want %t", cluster, told[cluster], want)
		}
	}
	if l.asking != 0 || len(l.touched) != 0 {
		t.Errorf("after the answer %d questions and %d events are kept", l.asking, len(l.touched))
	}
}
