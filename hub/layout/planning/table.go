package planning

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Table is what a dialect knows of the fields of its kinds. The letter case of a field counts, as it does for the API
// server.
type Table struct {
	kinds map[string]fields
	exact []string
}

// fields are those of one kind.
type fields struct {
	known map[string]Field    // by their paths
	below map[string][]string // the names of the fields below a path; an item of a list is at PATH[]
}

// NewTable makes a table of fields. A field below which none is listed may hold anything. exact are the ends of paths
// below which a field that is not known is refused, because it was to select something.
func NewTable(list []Field, exact ...string) Table {
	t := Table{kinds: map[string]fields{}, exact: exact}
	for _, f := range list {
		k, ok := t.kinds[f.Kind]
		if !ok {
			k = fields{known: map[string]Field{}, below: map[string][]string{}}
			t.kinds[f.Kind] = k
		}
		k.known[f.Path] = f
		for path := f.Path; ; {
			at := strings.LastIndexAny(path, ".[")
			if at < 0 {
				break
			}
			if name := path[at+1:]; !slices.Contains(k.below[path[:at]], name) {
				k.below[path[:at]] = append(k.below[path[:at]], name)
			}
			path = path[:at]
		}
	}
	return t
}

// Within is a Field of support Done for each of names below a path.
func Within(kind, path string, names ...string) []Field {
	out := make([]Field, len(names))
	for i, name := range names {
		out[i] = Field{Kind: kind, Path: path + "." + name, Support: Done}
	}
	return out
}

// Strip leaves those fields out of a value that the table does not know, so that nothing is done with them. at is the
// path of the value, as "spec". A kind of which the table knows no field is left as it is.
func (t Table) Strip(kind, at string, v json.RawMessage) json.RawMessage {
	k, ok := t.kinds[kind]
	if !ok {
		return v
	}
	return k.strip(v, at)
}

func (k fields) strip(v json.RawMessage, pattern string) json.RawMessage {
	if len(k.below[pattern]) == 0 {
		return v
	}
	changed := false
	at := func(in json.RawMessage, pattern string) json.RawMessage {
		out := k.strip(in, pattern)
		changed = changed || !bytes.Equal(in, out)
		return out
	}
	var out any
	switch v = bytes.TrimSpace(v); {
	case bytes.HasPrefix(v, []byte("{")):
		var m map[string]json.RawMessage
		if json.Unmarshal(v, &m) != nil {
			return v
		}
		for key, value := range m {
			below := pattern + "." + key
			if _, listed := k.known[below]; !listed && len(k.below[below]) == 0 {
				delete(m, key)
				changed = true
				continue
			}
			m[key] = at(value, below)
		}
		out = m
	case bytes.HasPrefix(v, []byte("[")):
		var list []json.RawMessage
		if json.Unmarshal(v, &list) != nil {
			return v
		}
		for i, item := range list {
			list[i] = at(item, pattern+"[]")
		}
		out = list
	}
	if !changed {
		return v
	}
	var data bytes.Buffer
	e := json.NewEncoder(&data)
	e.SetEscapeHTML(false) // texts below are kept as they are written
	if e.Encode(out) != nil {
		return v
	}
	return bytes.TrimSpace(data.Bytes())
}
