package asks

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

const (
	maxFields = 40  // of one object that are listed
	maxValue  = 800 // bytes of one value that is shown
)

// finder finds the fields in which two objects differ.
type finder struct {
	hide  bool     // values may be those of Secrets
	left  []string // JSON pointers to fields that are left to others
	found []protocol.FieldDiff
	more  int
}

// values compares two values; nil is one that is not there.
func (f *finder) values(path string, live, desired any) {
	if reflect.DeepEqual(live, desired) || slices.ContainsFunc(f.left, func(p string) bool {
		return path == p || strings.HasPrefix(path, p+"/")
	}) {
		return
	}
	a, isMap := live.(object)
	b, both := desired.(object)
	if isMap && both {
		keys := maps.Clone(a)
		maps.Copy(keys, b)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			f.values(path+pointer(key), a[key], b[key])
		}
		return
	}
	x, isList := live.([]any)
	y, bothLists := desired.([]any)
	if isList && bothLists && len(x) == len(y) {
		for i := range x {
			f.values(path+"/"+strconv.Itoa(i), x[i], y[i])
		}
		return
	}
	f.note(path, live, desired)
}

func (f *finder) note(path string, live, desired any) {
	if len(f.found) == maxFields {
		f.more++
		return
	}
	f.found = append(f.found, protocol.FieldDiff{Path: path, Live: f.shown(path, live), Desired: f.shown(path, desired)})
}

// shown is a value as people see it; nothing for one that is not there.
func (f *finder) shown(path string, value any) json.RawMessage {
	if value == nil {
		return nil
	}
	if f.hide && !strings.HasPrefix(path, "/metadata/labels/") {
		value = maskTexts(clone(value))
		if _, flag := value.(bool); flag {
			value = masked
		}
	}
	data, err := json.Marshal(value)
	if err != nil || len(data) > maxValue {
		data, _ = json.Marshal("(" + strconv.Itoa(len(data)) + " bytes)")
	}
	return data
}

// clone copies a value, so that masking it changes no other use of it.
func clone(value any) any {
	switch v := value.(type) {
	case object:
		out := make(object, len(v))
		for key := range v {
			out[key] = clone(v[key])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = clone(v[i])
		}
		return out
	}
	return value
}
