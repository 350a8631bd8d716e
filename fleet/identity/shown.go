package identity

import (
	"bytes"
	"encoding/json"
	"sync"
)

// maxShown bounds how many declarations are remembered, however many are named.
const maxShown = 1_000_000

// Shown knows the declarations of a fleet, and replaces keys by what people are shown. It is safe for concurrent use.
type Shown struct {
	mu    sync.RWMutex // guards what follows
	ids   map[string]ID
	kinds map[string]map[string]bool // by title
}

// NewShown knows no declaration yet.
func NewShown() *Shown { return &Shown{ids: map[string]ID{}, kinds: map[string]map[string]bool{}} }

// Learn takes in what declares an app, as ID.String writes it. What it says is not believed: the key follows from it.
func (s *Shown) Learn(declared string) {
	id := Parse(declared)
	if id.Native() {
		return
	}
	s.mu.RLock()
	known, full := s.kinds[id.Title()][id.Kind], len(s.ids) >= maxShown
	s.mu.RUnlock()
	if known || full {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id.Key()] = id
	if s.kinds[id.Title()] == nil {
		s.kinds[id.Title()] = map[string]bool{}
	}
	s.kinds[id.Title()][id.Kind] = true
}

// Name is what people are shown for a key: namespace/name, with the kind before it where two declarations would read
// alike. Of a key whose declaration is not known it is what the key begins with; other names stay.
func (s *Shown) Name(key string) string {
	if name, known := s.known(key); known {
		return name
	}
	bare, _ := Bare(key)
	return bare
}

func (s *Shown) known(key string) (string, bool) {
	if !IsKey(key) {
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
func (s *Shown) Text(text string) string {
	return string(s.replace([]byte(text), func(_ []byte, name string) []byte { return []byte(name) }))
}

// keyField stands before the value of a field that keeps its key.
var keyField = []byte(`"key":"`)

// JSON does to every text in a JSON document what Text does, but for the values of fields that are called key.
func (s *Shown) JSON(data []byte) []byte {
	return s.replace(data, func(before []byte, name string) []byte {
		quoted, err := json.Marshal(name)
		if err != nil || bytes.HasSuffix(before, keyField) {
			return nil
		}
		return quoted[1 : len(quoted)-1]
	})
}

// replace puts what as makes of a name in the place of every key. before is what stands before it; nil leaves the key.
func (s *Shown) replace(data []byte, as func(before []byte, name string) []byte) []byte {
	if !bytes.Contains(data, []byte(separator)) {
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
