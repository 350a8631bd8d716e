package audit

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Store keeps what there is by key. Save stores all that it is given, or nothing, before it returns; nil is a key that
// is dropped.
type Store interface {
	Load() (map[string][]byte, error)
	Get(key string) ([]byte, error) // nil if there is none
	Save(changes map[string][]byte) error
}

const (
	keyAnchor = "anchor"
	keyEntry  = "entry/" // and the number, with zeros before it
	// maxEntries and maxBytes are how much is kept; when there is more, the oldest third goes.
	maxEntries = 30_000
	maxBytes   = 48 << 20
)

// Anchor is where the chain begins that is kept.
type Anchor struct {
	Mark
	Time time.Time `json:"time,omitzero"` // when what came before was cut off
}

// Journal is the chain. It is safe for concurrent use.
type Journal struct {
	store   Store
	signers []ed25519.PrivateKey
	mirror  Mirror
	cover   Cover
	mu      sync.Mutex
	anchor  Anchor
	head    Mark
	kept    []place // the entries after the anchor
	bytes   int
	limit   int    // see maxEntries
	broken  string // what does not fit in the chain that was stored; "" for nothing
	news    chan struct{}
	copied  uint64 // the entry up to which the mirror has all
	compare bool   // the mirror was compared
}

// place is an entry that is stored.
type place struct {
	seq  uint64
	size int
}

// Open reads the journal. Broken says whether it fits.
func Open(store Store, signers []ed25519.PrivateKey) (*Journal, error) {
	j := &Journal{store: store, signers: signers, anchor: Anchor{Mark: start}, limit: maxEntries,
		news: make(chan struct{}, 1)}
	lines, err := j.read()
	if err != nil {
		return nil, err
	}
	j.head = j.anchor.Mark
	for _, line := range lines {
		e, err := follow(j.head, line.line)
		if err != nil && j.broken == "" {
			j.broken = fmt.Sprintf("the entry after entry %d: %v", j.head.Seq, err)
		}
		j.head = Mark{line.Seq, e.Hash}
		j.kept, j.bytes = append(j.kept, place{line.Seq, len(line.line)}), j.bytes+len(line.line)
	}
	return j, nil
}

// read reads the anchor, and gives the entries in their order, each with its number alone.
func (j *Journal) read() (lines []chained, err error) {
	all, err := j.store.Load()
	if err != nil {
		return nil, fmt.Errorf("read the journal of decisions: %w", err)
	}
	if data, has := all[keyAnchor]; has {
		if err := json.Unmarshal(data, &j.anchor); err != nil {
			j.broken = fmt.Sprintf("its anchor cannot be read: %v", err)
		}
	}
	delete(all, keyAnchor)
	for _, key := range sorted(all) {
		seq, _ := strconv.ParseUint(strings.TrimPrefix(key, keyEntry), 10, 64)
		lines = append(lines, chained{Mark{Seq: seq}, all[key]})
	}
	return lines, nil
}

// Broken says what does not fit in the chain as it was stored; "" for nothing.
func (j *Journal) Broken() string { return j.broken }

// Head is the newest entry's place.
func (j *Journal) Head() Mark {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head
}

// Append stores decisions, in this order. They are to act after that. A nil journal keeps nothing.
func (j *Journal) Append(entries ...Entry) error {
	if j == nil || len(entries) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []chained
	at := j.head
	for _, e := range entries {
		e, line, err := e.chain(at)
		if err != nil {
			return fmt.Errorf("note a decision in the journal: %w", err)
		}
		lines, at = append(lines, chained{e.mark(), line}), e.mark()
	}
	return j.put(j.anchor, lines)
}

// chained is an entry as it is stored.
type chained struct {
	Mark
	line []byte
}

// put stores entries behind those there are, or behind an anchor where there are none, and cuts the oldest off where
// there are too many. mu is held.
func (j *Journal) put(anchor Anchor, lines []chained) error {
	changes, all, total := map[string][]byte{}, slices.Clone(j.kept), j.bytes
	for _, l := range lines {
		changes[keyOf(l.Seq)] = l.line
		all, total = append(all, place{l.Seq, len(l.line)}), total+len(l.line)
	}
	cut := 0
	if len(all) > j.limit || total > maxBytes {
		for cut < len(j.kept) && (len(all)-cut > j.limit*2/3 || total > maxBytes*2/3) {
			changes[keyOf(all[cut].seq)] = nil
			total -= all[cut].size
			cut++
		}
	}
	if cut > 0 {
		anchor = Anchor{Mark{Seq: all[cut-1].seq}, time.Now().UTC()}
		var err error
		if anchor.Hash, err = j.hashOf(anchor.Seq); err != nil {
			return err
		}
	}
	if anchor != j.anchor {
		data, err := json.Marshal(anchor)
		if err != nil {
			return err
		}
		changes[keyAnchor] = data
	}
	if err := j.store.Save(changes); err != nil {
		return fmt.Errorf("note a decision in the journal: %w", err)
	}
	j.anchor, j.head, j.kept, j.bytes = anchor, lines[len(lines)-1].Mark, all[cut:], total
	select {
	case j.news <- struct{}{}:
	default:
	}
	return nil
}

// hashOf is the hash of an entry that is stored; "" if it cannot be read, which Broken has said then.
func (j *Journal) hashOf(seq uint64) (string, error) {
	line, err := j.store.Get(keyOf(seq))
	if err != nil {
		return "", fmt.Errorf("read the journal of decisions: %w", err)
	}
	var e Entry
	_ = json.Unmarshal(line, &e)
	return e.Hash, nil
}

// lines are the entries there are, in order.
func (j *Journal) lines() (lines [][]byte, err error) {
	all, err := j.store.Load()
	if err != nil {
		return nil, fmt.Errorf("read the journal of decisions: %w", err)
	}
	delete(all, keyAnchor)
	for _, key := range sorted(all) {
		lines = append(lines, all[key])
	}
	return lines, nil
}

// WriteTo writes what is kept, a line for each entry, with a line before them that says where they begin, and one after
// them that seals them.
func (j *Journal) WriteTo(w io.Writer) (n int64, err error) {
	j.mu.Lock()
	lines, err := j.lines()
	head, anchor := j.head, j.anchor
	j.mu.Unlock()
	if err != nil {
		return 0, err
	}
	first, err := json.Marshal(begins{Format: format, After: anchor})
	if err != nil {
		return 0, err
	}
	last, err := json.Marshal(sealed(Seal{Time: time.Now().UTC(), After: anchor, Head: head}, j.signers))
	if err != nil {
		return 0, err
	}
	for _, line := range slices.Concat([][]byte{first}, lines, [][]byte{last}) {
		m, err := w.Write(append(slices.Clip(line), '\n'))
		if n += int64(m); err != nil {
			return n, err
		}
	}
	return n, nil
}

func keyOf(seq uint64) string {
	number := strconv.FormatUint(seq, 10)
	return keyEntry + "00000000000000000000"[len(number):] + number
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
