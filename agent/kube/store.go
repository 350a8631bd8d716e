package kube

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

const (
	bundleName  = "drover-state"   // the Secret of the accepted bundle
	journalName = "drover-journal" // of what the hub has yet to be told
	searchName  = "drover-search"  // of the search for what nothing wants any more
	appPrefix   = "drover-app-"    // and of each app
	labelOfApp  = "app"
	maxJournal  = 1 << 20 // bytes, before compression
)

// Store keeps the agent's state in Secrets of its namespace. It is safe for concurrent use.
type Store struct {
	docs documents

	mu    sync.Mutex        // guards what follows
	heads map[string]stored // as last read or written, by name
}

type stored struct {
	version string
	parts   []string
}

var _ agent.Store = (*Store)(nil)

// NewStore keeps state in namespace.
func NewStore(c *Client, namespace string) *Store {
	return &Store{docs: documents{c, namespace}, heads: make(map[string]stored)}
}

// Load reads everything. An error says that nothing could be read; what could not be understood is in Damaged.
func (s *Store) Load(ctx context.Context) (agent.Stored, error) {
	all, err := s.docs.list(ctx)
	if err != nil {
		return agent.Stored{}, err
	}
	var out loaded
	heads := make(map[string]stored)
	for name, head := range all {
		if isPart(name) {
			continue
		}
		data, parts, err := join(head, all)
		heads[name] = stored{head.Metadata.ResourceVersion, parts}
		out.add(name, data, err)
	}
	s.mu.Lock()
	s.heads = heads
	s.mu.Unlock()
	return out.Stored, s.sweep(ctx, all, heads)
}

// loaded gathers what Load finds.
type loaded struct{ agent.Stored }

func (l *loaded) add(name string, data []byte, err error) {
	app, isApp := strings.CutPrefix(name, appPrefix)
	switch {
	case name == bundleName:
		if err == nil {
			l.Envelope, err = agent.Unpack(data, 2*protocol.MaxBundle)
		}
		if err != nil {
			l.Damaged = append(l.Damaged, agent.Damage{Err: fmt.Errorf("the accepted bundle: %w", err)})
		}
	case name == journalName:
		if err == nil {
			l.Journal, err = agent.Unpack(data, maxJournal)
		}
		l.JournalErr = err
	case name == searchName: // that it is there says enough
		if l.Search = []byte("{}"); err == nil && len(data) > 0 {
			l.Search = data
		}
	case isApp:
		var a agent.AppState
		if err == nil {
			a, err = decodeApp(data)
		}
		if err == nil && a.Spec.Name != app {
			err = fmt.Errorf("it is that of app %q", a.Spec.Name)
		}
		if err != nil {
			l.Damaged = append(l.Damaged, agent.Damage{App: app, Err: fmt.Errorf("the state of app %s: %w", app, err)})
			return
		}
		l.Apps = append(l.Apps, a)
	}
}

// sweep deletes parts that no document has any more, as a crash between two writes leaves them.
func (s *Store) sweep(ctx context.Context, all map[string]secret, heads map[string]stored) error {
	used := make(map[string]bool)
	for name, h := range heads {
		used[name] = len(h.parts) > 0 || all[name].Metadata.Annotations[annotationCut] == "0" // whole
		for _, p := range h.parts {
			used[p] = true
		}
	}
	for name := range all {
		head, _, _ := strings.Cut(name, ".")
		if _, damaged := heads[head]; !isPart(name) || used[name] || damaged && !used[head] {
			continue
		}
		if err := s.docs.drop(ctx, name, ""); err != nil {
			return err
		}
	}
	return nil
}

// SaveBundle writes the accepted envelope.
func (s *Store) SaveBundle(ctx context.Context, envelope []byte, generation uint64) error {
	return s.save(ctx, document{name: bundleName, label: "bundle", generation: generation, data: agent.Pack(envelope)})
}

// SaveApp writes the state of one app.
func (s *Store) SaveApp(ctx context.Context, a agent.AppState) error {
	data, err := encodeApp(a)
	if err != nil {
		return err
	}
	return s.save(ctx, document{name: appPrefix + a.Spec.Name, label: labelOfApp, generation: a.Generation, data: data})
}

// SaveJournal writes what the hub has yet to be told, or deletes what is written of it.
func (s *Store) SaveJournal(ctx context.Context, journal []byte) error {
	if len(journal) == 0 {
		return s.drop(ctx, journalName)
	}
	return s.save(ctx, document{name: journalName, label: "journal", data: agent.Pack(journal)})
}

// SaveSearch writes what is known of a search that goes on, or deletes it.
func (s *Store) SaveSearch(ctx context.Context, search []byte) error {
	if len(search) == 0 {
		return s.drop(ctx, searchName)
	}
	return s.save(ctx, document{name: searchName, label: "search", data: search})
}

func (s *Store) save(ctx context.Context, d document) error {
	s.mu.Lock()
	before := s.heads[d.name]
	s.mu.Unlock()
	version, parts, err := s.docs.save(ctx, d, before.version)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.heads[d.name] = stored{version, parts}
	s.mu.Unlock()
	return s.dropParts(ctx, before.parts, parts)
}

// DropApp deletes the state of an app that has nothing left.
func (s *Store) DropApp(ctx context.Context, name string) error { return s.drop(ctx, appPrefix+name) }

func (s *Store) drop(ctx context.Context, head string) error {
	s.mu.Lock()
	before := s.heads[head]
	s.mu.Unlock()
	if err := s.docs.drop(ctx, head, before.version); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.heads, head)
	s.mu.Unlock()
	return s.dropParts(ctx, before.parts, nil)
}

// dropParts deletes the parts of an old document that the new one does not have.
func (s *Store) dropParts(ctx context.Context, old, kept []string) error {
	for _, name := range old {
		if slices.Contains(kept, name) {
			continue
		}
		if err := s.docs.drop(ctx, name, ""); err != nil {
			return err
		}
	}
	return nil
}

// appMagic begins the state of an app; then come the length of the description, the description (JSON, zstd) and
// the lines (zstd).
const appMagic = "DRVA1"

func encodeApp(a agent.AppState) ([]byte, error) {
	if a.Spec.Blob != nil {
		blob := *a.Spec.Blob
		blob.Key = nil // what it opens is right beside it
		a.Spec.Blob = &blob
	}
	description, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	packed := agent.Pack(description)
	out := make([]byte, 0, len(appMagic)+4+len(packed)+len(a.Packed))
	out = append(out, appMagic...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(packed)))
	out = append(out, packed...)
	return append(out, a.Packed...), nil
}

func decodeApp(data []byte) (agent.AppState, error) {
	var a agent.AppState
	rest, ok := bytes.CutPrefix(data, []byte(appMagic))
	if !ok || len(rest) < 4 {
		return a, errors.New("it does not begin as state does")
	}
	n := binary.BigEndian.Uint32(rest)
	if rest = rest[4:]; uint64(n) > uint64(len(rest)) {
		return a, errors.New("it is cut short")
	}
	description, err := agent.Unpack(rest[:n], protocol.MaxBlob)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(description, &a); err != nil {
		return a, fmt.Errorf("its description: %w", err)
	}
	a.Packed = bytes.Clone(rest[n:])
	return a, nil
}
