package store

import (
	"testing"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

func TestHeadersAreBelievedWhileTheFleetsSecretIsRotated(t *testing.T) {
	key := func(b byte) []byte {
		out, err := protocol.HeaderKeyOf([]byte{b, b, b})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	d := hub.Delivery{Cluster: "a", Generation: 7, Epoch: 2, Revision: "abc", Key: "k"}
	made := (&Store{o: Options{HeaderKeys: [][]byte{key(1)}}}).headers(d)
	for name, c := range map[string]struct {
		keys   [][]byte
		proven bool
	}{
		"by the same hub":       {[][]byte{key(1)}, true},
		"while it is rotated":   {[][]byte{key(2), key(1)}, true},
		"after it was rotated":  {[][]byte{key(2)}, false},
		"by a hub of elsewhere": {[][]byte{key(3), key(4)}, false},
	} {
		has := hub.Holdings{Generations: map[string]uint64{}, Proven: map[string]bool{}, Epochs: map[string]uint64{},
			Revisions: map[string]string{}, Keys: map[string]string{}}
		(&Store{o: Options{HeaderKeys: c.keys}}).holding(has, "a", made)
		if has.Proven["a"] != c.proven || has.Generations["a"] != 7 || (has.Epochs["a"] == 2) != c.proven ||
			(has.Revisions["a"] == "abc") != c.proven {
			t.Errorf("%s: %+v", name, has)
		}
	}
}
