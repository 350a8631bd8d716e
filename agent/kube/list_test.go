package kube

import (
	"encoding/json"
	"strings"
	"testing"
)

func collect(text string) (items []string, meta listMeta, err error) {
	meta, err = decodeList(strings.NewReader(text), func(raw json.RawMessage) error {
		items = append(items, string(raw))
		return nil
	})
	return items, meta, err
}

func TestListsAreDecodedItemByItem(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"kind":"List","metadata":{"resourceVersion":"7","continue":"x"},"items":[{"a":1},{"b":2}]}`,
		`{"items":[{"a":1},{"b":2}],"extra":{"deep":[1,2,{"items":[3]}]},"metadata":{"resourceVersion":"7","continue":"x"}}`,
	} {
		items, meta, err := collect(text)
		if err != nil || len(items) != 2 || items[1] != `{"b":2}` || meta.ResourceVersion != "7" || meta.Continue != "x" {
			t.Errorf("%s: %v %+v %v", text, items, meta, err)
		}
	}
	if items, _, err := collect(`{"metadata":{"resourceVersion":"7"},"items":null}`); err != nil || len(items) != 0 {
		t.Errorf("a list of null: %v %v", items, err)
	}
}

// A list that is cut short must never be taken for a complete one: what it lacks would look deleted.
func TestNoPartOfAListIsAWhole(t *testing.T) {
	t.Parallel()
	text := `{"kind":"List","metadata":{"resourceVersion":"7"},"items":[{"a":1},{"b":{"c":[]}}]}`
	for n := range text {
		if _, _, err := collect(text[:n]); err == nil {
			t.Errorf("the first %d bytes are taken for a whole list: %s", n, text[:n])
		}
	}
}

func FuzzDecodeList(f *testing.F) {
	f.Add(`{"metadata":{"resourceVersion":"7"},"items":[{"a":1}]}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) { _, _, _ = collect(text) })
}
