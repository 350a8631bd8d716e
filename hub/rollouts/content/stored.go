package content

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Stored is what a target asks of clusters, as it is stored: each content once.
type Stored struct {
	Contents []rollout.Content `json:"contents"`
	Clusters map[string]int    `json:"clusters"` // places in Contents
}

// Store gives what is to be stored of what is asked of clusters: a Stored as encoding/json writes it, which takes
// several times as long where there are many clusters.
func Store(of map[string]rollout.Content) []byte {
	places := map[uintptr]int{} // of contents that clusters share
	contents, clusters := []byte(`{"contents":`), make([]byte, 0, 32*len(of))
	for i, name := range slices.Sorted(maps.Keys(of)) {
		address := reflect.ValueOf(of[name]).Pointer()
		at, known := places[address]
		if !known {
			at = len(places)
			places[address] = at
			contents = appendContent(append(contents, "[,"[min(at, 1)]), of[name])
		}
		if i > 0 {
			clusters = append(clusters, ',')
		}
		clusters = strconv.AppendInt(append(appendText(clusters, name), ':'), int64(at), 10)
	}
	if contents = append(contents, ']'); len(of) == 0 {
		contents = []byte(`{"contents":null`)
	}
	return append(append(append(contents, `,"clusters":{`...), clusters...), "}}"...)
}

// appendContent appends a content as encoding/json writes it.
func appendContent(to []byte, c rollout.Content) []byte {
	if c == nil {
		return append(to, "null"...)
	}
	to = append(to, '{')
	for i, app := range slices.Sorted(maps.Keys(c)) {
		if i > 0 {
			to = append(to, ',')
		}
		a := c[app]
		to = append(appendText(append(appendText(to, app), `:{"Digest":`...), a.Digest), `,"Timeout":`...)
		to = append(strconv.AppendInt(to, int64(a.Timeout), 10), `,"Stays":`...)
		to = append(strconv.AppendBool(to, a.Stays), '}')
	}
	return append(to, '}')
}

// appendText appends a text as encoding/json writes it.
func appendText(to []byte, text string) []byte {
	if unescaped(text) {
		return append(append(append(to, '"'), text...), '"')
	}
	data, err := json.Marshal(text)
	if err != nil {
		panic("content: a text that is not JSON: " + err.Error()) // cannot happen
	}
	return append(to, data...)
}

// Asked is what was stored. A cluster of which it is damaged is not named.
func (s Stored) Asked() map[string]rollout.Content {
	out := make(map[string]rollout.Content, len(s.Clusters))
	for name, at := range s.Clusters {
		if at >= 0 && at < len(s.Contents) {
			out[name] = s.Contents[at]
		}
	}
	return out
}
