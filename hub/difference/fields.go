package difference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// fieldsOf compares two values of JSON, and gives the paths at which they differ: images first, then by path.
func fieldsOf(before, after any) (out []FieldChange, masked int) {
	w := &walk{}
	w.compare("", before, after)
	slices.SortFunc(w.out, func(a, b FieldChange) int {
		if x, y := isImage(a.Path), isImage(b.Path); x != y {
			return map[bool]int{true: -1, false: 1}[x]
		}
		return strings.Compare(a.Path, b.Path)
	})
	return w.out, w.masked
}

// isImage says whether a path is that of a container's image.
func isImage(path string) bool {
	return path == "image" || strings.HasSuffix(path, ".image")
}

// walk compares values.
type walk struct {
	out    []FieldChange
	masked int // encrypted values that differ
}

func (w *walk) compare(path string, before, after any) {
	switch b := before.(type) {
	case map[string]any:
		if a, both := after.(map[string]any); both {
			w.maps(path, b, a)
			return
		}
	case []any:
		if a, both := after.([]any); both {
			w.lists(path, b, a)
			return
		}
	}
	if reflect.DeepEqual(before, after) {
		return
	}
	if isEncrypted(before) || isEncrypted(after) {
		w.masked++
		w.note(path, concealed(before), concealed(after))
		return
	}
	w.note(path, before, after)
}

func (w *walk) note(path string, before, after any) {
	w.out = append(w.out, FieldChange{path, rawOf(before), rawOf(after)})
}

// absent stands for the value of a field that is not there, which is another thing than null.
type absent struct{}

func (w *walk) maps(path string, before, after map[string]any) {
	keys := map[string]bool{}
	for k := range before {
		keys[k] = true
	}
	for k := range after {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		w.compare(join(path, k), valueOf(before, k), valueOf(after, k))
	}
}

func valueOf(m map[string]any, key string) any {
	if v, ok := m[key]; ok {
		return v
	}
	return absent{}
}

// lists compares by the name of each item where all of them have one of their own, and by place otherwise.
func (w *walk) lists(path string, before, after []any) {
	b, named := byName(before)
	a, alsoNamed := byName(after)
	if named && alsoNamed {
		w.items(path, b, a)
		if common := w.order(before, after); !common {
			w.note(path+"[order]", namesOf(before), namesOf(after))
		}
		return
	}
	for i := range max(len(before), len(after)) {
		w.compare(fmt.Sprintf("%s[%d]", path, i), at(before, i), at(after, i))
	}
}

func (w *walk) items(path string, before, after map[string]any) {
	keys := map[string]bool{}
	for k := range before {
		keys[k] = true
	}
	for k := range after {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		w.compare(path+"["+k+"]", valueOf(before, k), valueOf(after, k))
	}
}

// order says whether items that are on both sides have the same order there.
func (w *walk) order(before, after []any) bool {
	b, a := namesOf(before), namesOf(after)
	in := func(names []string) func(string) bool {
		return func(name string) bool { return !slices.Contains(names, name) }
	}
	return slices.Equal(slices.DeleteFunc(slices.Clone(b), in(a)), slices.DeleteFunc(slices.Clone(a), in(b)))
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

// byName gives the items of a list by their names; false if some have none, or two the same.
func byName(list []any) (map[string]any, bool) {
	out := make(map[string]any, len(list))
	for _, item := range list {
		name := nameOf(item)
		if _, twice := out[name]; name == "" || twice {
			return nil, false
		}
		out[name] = item
	}
	return out, true
}

func nameOf(item any) string {
	m, _ := item.(map[string]any)
	name, _ := m["name"].(string)
	return name
}

func namesOf(list []any) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = nameOf(item)
	}
	return out
}

// join is the path of a key: with brackets where a dot in it would read as two.
func join(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]\"") {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// rawOf is a value as JSON; nothing of one that is not there.
func rawOf(v any) json.RawMessage {
	if _, none := v.(absent); none {
		return nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("difference: a value that is not JSON: " + err.Error()) // it was read as JSON
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
