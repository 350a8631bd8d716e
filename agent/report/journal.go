package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

const (
	// What is kept while the hub cannot be told: at most this many events and bytes of JSON. It fits into one Secret.
	maxUnsent      = 2000
	maxUnsentBytes = 700 << 10
	// What is kept after it was sent, because the hub may not have received it.
	maxSent      = 500
	maxSentBytes = 200 << 10
)

// journal is what happened in the cluster, as far as the hub was not told or may ask for it again. Every event says
// which one came before it, so that the hub sees what it misses. It is not safe for concurrent use.
type journal struct {
	cluster string
	began   uint64 // numbers above it were given one after the other by this journal
	seq     uint64 // of the last event
	last    uint64 // the same; 0 if nobody knows which was the last one
	unsent  shelf
	sent    shelf
	lost    loss
}

// entry is one event as it is sent.
type entry struct {
	seq, prev uint64
	at        time.Time
	data      []byte
}

// loss is what was dropped of the events that nobody was told of, because there were too many.
type loss struct {
	Count int       `json:"count"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Prev  uint64    `json:"prev"` // number of the event before the first of them
	Seq   uint64    `json:"seq"`  // of the last of them
}

func newJournal(cluster string, now time.Time) journal {
	// Numbers go on rising from one process to the next, as long as the clock does.
	seq := uint64(now.UnixMicro())
	return journal{cluster: cluster, began: seq, seq: seq,
		unsent: shelf{lines: maxUnsent, bytes: maxUnsentBytes}, sent: shelf{lines: maxSent, bytes: maxSentBytes}}
}

// add numbers an event and keeps it to be sent.
func (j *journal) add(e protocol.Event) protocol.Event {
	j.seq++
	e.Version, e.Cluster, e.Seq, e.Prev = protocol.Version, j.cluster, j.seq, j.last
	j.last = j.seq
	for _, l := range j.unsent.push(entryOf(e)) {
		j.lost.add(l)
	}
	return e
}

func (x *loss) add(l entry) {
	if x.Count == 0 {
		x.From, x.Prev = l.at, l.prev
	}
	x.Count, x.To, x.Seq = x.Count+1, l.at, l.seq
}

// event tells of the loss. It takes the number of the last event that was lost.
func (x loss) event(cluster string) protocol.Event {
	return protocol.Event{Version: protocol.Version, Cluster: cluster, Seq: x.Seq, Prev: x.Prev, Time: x.To, Kind: protocol.EventMissing,
		Message: fmt.Sprintf("%s from %s to %s were dropped, because the hub was away for too long: the report says how things are now",
			phrase.Count(x.Count, "event"), clock(x.From), clock(x.To))}
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func entryOf(e protocol.Event) entry { return entry{e.Seq, e.Prev, e.Time, encodeEvent(e)} }

// waiting says whether there is something to be sent.
func (j *journal) waiting() bool { return len(j.unsent.all) > 0 }

// batch is what is to be sent next, at most n events, and which loss it tells of first.
func (j *journal) batch(n int) (lines []entry, noted loss) {
	if j.lost.Count > 0 {
		lines = append(lines, entryOf(j.lost.event(j.cluster)))
	}
	return append(lines, j.unsent.all[:min(n, len(j.unsent.all))]...), j.lost
}

// arrived is told that a batch was sent. Meanwhile some of it may have been dropped: that was no loss.
func (j *journal) arrived(lines []entry, noted loss) {
	for i, l := range lines {
		switch {
		case noted.Count > 0 && i == 0:
			j.lost.Count -= noted.Count
			j.lost.From = noted.To
		case len(j.unsent.all) > 0 && j.unsent.all[0].seq == l.seq:
			j.unsent.pop()
		default:
			j.lost.Count--
		}
		j.lost.Prev = l.seq
		j.sent.push(l)
	}
	if j.lost.Count == 0 {
		j.lost = loss{}
	}
}

// again gives what was sent of the events from and to, at most n and in order. For those that are not kept there is an
// event that says so. If the hub knows of higher numbers than this journal has given, it goes on above them: the clock
// was set back since another agent counted.
func (j *journal) again(from, to uint64, n int) []entry {
	mine := j.seq
	if to > mine && to < math.MaxInt64 { // and never so high that counting would end
		j.seq, j.began = to, to
	}
	if from > mine {
		return nil
	}
	var out []entry
	for _, l := range j.sent.all {
		if l.seq < from || l.seq > to || len(out) == n {
			continue
		}
		if len(out) == 0 && l.prev >= from {
			out = append(out, entryOf(j.forgotten(from, l.prev, l.at)))
		}
		out = append(out, l)
	}
	if len(out) == 0 && from <= to && (!j.waiting() || to < j.unsent.all[0].seq) {
		out = append(out, entryOf(j.forgotten(from, to, time.Now())))
	}
	return out
}

// forgotten tells that the events from and to, which were sent once, are not kept any more.
func (j *journal) forgotten(from, to uint64, until time.Time) protocol.Event {
	what := "events"
	if from > j.began {
		what = phrase.Count(int(to-from+1), "event")
	}
	return protocol.Event{Version: protocol.Version, Cluster: j.cluster, Seq: to, Prev: max(from, 1) - 1, Time: until, Kind: protocol.EventMissing,
		Message: what + " from before " + clock(until) + " did not reach the hub, and are not kept by the agent any more: the report says how things are now"}
}

// head is the first line of a stored journal.
type head struct {
	Lost loss `json:"lost,omitzero"`
}

// stored is what is to be kept in the cluster: JSON lines, or nothing if there is nothing that the hub must be told.
func (j *journal) stored() []byte {
	if !j.waiting() {
		return nil
	}
	data, err := json.Marshal(head{j.lost})
	if err != nil {
		panic("agent: a journal that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	for _, l := range j.unsent.all {
		data = append(append(data, '\n'), l.data...)
	}
	return data
}

// restore takes up what stored gave to the agent before this one. It is called before the first add.
func (j *journal) restore(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var h head
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	if err := json.Unmarshal(first, &h); err != nil {
		return errors.New("it does not begin as a journal does")
	}
	for text := range bytes.Lines(rest) {
		e, err := protocol.DecodeEvent(text, j.cluster)
		if err != nil {
			return err
		}
		j.last, j.seq = e.Seq, max(j.seq, e.Seq)
		line := entry{e.Seq, e.Prev, e.Time, bytes.Clone(bytes.TrimSuffix(text, []byte("\n")))}
		if len(line.data) > protocol.MaxEvent { // of an agent before this one, which did not cut it
			line = entryOf(e)
		}
		j.unsent.push(line)
	}
	j.lost, j.began = h.Lost, j.seq
	return nil
}

// shelf keeps the newest lines, up to a number of lines and of bytes.
type shelf struct {
	lines, bytes int // the most it holds
	all          []entry
	size         int // bytes of all
}

// push adds a line and gives those that it has no room for any more.
func (s *shelf) push(l entry) (dropped []entry) {
	s.all = append(s.all, l)
	s.size += len(l.data)
	for len(s.all) > s.lines || s.size > s.bytes && len(s.all) > 1 {
		dropped = append(dropped, s.pop())
	}
	return dropped
}

// pop takes the oldest line away.
func (s *shelf) pop() entry {
	l := s.all[0]
	s.all[0] = entry{} // the memory behind it is free at once
	if s.all = s.all[1:]; len(s.all) == 0 {
		s.all = nil
	}
	s.size -= len(l.data)
	return l
}
