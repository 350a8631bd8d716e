// Package shown says how people are shown apps: by namespace and name, where programs have keys with a digest. What text
// leaves a program for people goes through it.
//
// It may import fleet/identity and the standard library.
package shown

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/drover-dev/drover/fleet/identity"
)

const (
	// maxShown bounds how many declarations are remembered, however many are named.
	maxShown = 1_000_000
	// maxHeard bounds how many of them only agents have named, and maxDeclared how long those are, in bytes.
	maxHeard    = 20_000
	maxDeclared = 400
)

// Names knows the declarations of a fleet, and replaces keys by what people are shown. It is safe for concurrent use.
type Names struct {
	mu    sync.RWMutex // guards what follows
	ids   map[string]identity.ID
	kinds map[string]map[string]bool // by title
	heard int                        // how many of ids only Hear took in
}

// New knows no declaration yet.
func New() *Names { return &Names{ids: map[string]identity.ID{}, kinds: map[string]map[string]bool{}} }

// Learn takes in what declares an app, as identity.ID writes it. What it says is not believed: the key follows from it.
func (s *Names) Learn(declared string) { s.learn(declared, false) }

// Hear is Learn for what an agent says, which may be anything: less of it is remembered.
func (s *Names) Hear(declared string) {
	if len(declared) <= maxDeclared {
		s.learn(declared, true)
	}
}

func (s *Names) learn(declared string, heard bool) {
	id := identity.Parse(declared)
	if id.Native() {
		return
	}
	s.mu.RLock()
	known, full := s.kinds[id.Title()][id.Kind], len(s.ids) >= maxShown || heard && s.heard >= maxHeard
	s.mu.RUnlock()
	if known || full {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if heard && s.ids[id.Key()] == (identity.ID{}) {
		s.heard++
	}
	s.ids[id.Key()] = id
	if s.kinds[id.Title()] == nil {
		s.kinds[id.Title()] = map[string]bool{}
	}
	s.kinds[id.Title()][id.Kind] = true
}

// Name is what people are shown for a key: namespace/name, with the kind before it where two declarations would read
// alike. Of a key whose declaration is not known it is what the key begins with; other names stay.
func (s *Names) Name(key string) string {
	if name, known := s.known(key); known {
		return name
	}
	bare, _ := identity.Bare(key)
	return bare
}

// Declared is what declares the app of a key, as identity.ID writes it; "" of other names, and if that is not known.
func (s *Names) Declared(key string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if id, known := s.ids[key]; known {
		return id.String()
	}
	return ""
}

func (s *Names) known(key string) (string, bool) {
	if !identity.IsKey(key) {
		return "", false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	id, known := s.ids[key]
	if known && len(s.kinds[id.Title()]) > 1 {
		return id.String(), true
	}
	return id.Title(), known
}

// Text replaces the keys in a text by the names that people are shown.
func (s *Names) Text(text string) string {
	return string(s.replace([]byte(text), func(_ []byte, name string) []byte { return []byte(name) }))
}

// separator is in every key that is shown otherwise.
var separator = []byte("--")

// keyField stands before the value of a field that keeps its key.
var keyField = []byte(`"key":"`)

// JSON does to every text in a JSON document what Text does, but for the values of fields that are called key.
func (s *Names) JSON(data []byte) []byte {
	return s.replace(data, func(before []byte, name string) []byte {
		quoted, err := json.Marshal(name)
		if err != nil || bytes.HasSuffix(before, keyField) {
			return nil
		}
		return quoted[1 : len(quoted)-1]
	})
}

// replace puts what as makes of a name in the place of every key. before is what stands before it; nil leaves the key.
func (s *Names) replace(data []byte, as func(before []byte, name string) []byte) []byte {
	if !bytes.Contains(data, separator) {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		end := i
		for end < len(data) && inLabel(data[end]) {
			end++
		}
		if end == i {
			out = append(out, data[i])
			i++
			continue
		}
		word := data[i:end]
		if name, known := s.known(string(word)); known {
			if text := as(data[:i], name); text != nil {
				word = text
			}
		}
		out = append(out, word...)
		i = end
	}
	return out
}

func inLabel(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' }
