package wire

import (
	"fmt"
	"testing"
	"testing/fstest"
)

func TestHabitsAreBounded(t *testing.T) {
	t.Parallel()
	var h Habits
	many := make([]Ask, maxAsks+10)
	for i := range maxHabits + 10 {
		h.Note(fmt.Sprint("dir-", i), many)
	}
	if n := len(h.asked); n != maxHabits {
		t.Errorf("of %d folders it is remembered what they ask for", n)
	}
	if n := len(h.asked[fmt.Sprint("dir-", maxHabits+9)]); n != maxAsks {
		t.Errorf("of a build %d questions are remembered", n)
	}
	h = Habits{}
	h.Note("d", []Ask{{AskFile, "a"}, {AskFile, "b"}, {AskFile, "c"}})
	files := fstest.MapFS{"a": {Data: make([]byte, maxKnown-1)}, "b": {Data: []byte("x")}, "c": {Data: []byte("x")}}
	if known := h.Of(files, "d"); len(known) != 2 {
		t.Errorf("%d files go with a job, want those that have %d bytes together", len(known), maxKnown)
	}
}
