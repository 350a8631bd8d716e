package content

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

// What clusters share is stored once, and what is stored is what was asked.
func TestWhatClustersShareIsStoredOnce(t *testing.T) {
	t.Parallel()
	shared := rollout.Content{"web": {Digest: "1"}}
	asked := map[string]rollout.Content{"a": shared, "b": shared, "c": {"web": {Digest: "2"}}, "d": {}}
	var read Stored
	if err := json.Unmarshal(Store(asked), &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Contents) != 3 {
		t.Errorf("%d contents are stored", len(read.Contents))
	}
	if got := read.Asked(); !reflect.DeepEqual(got, asked) {
		t.Errorf("got %v", got)
	}
	read.Clusters["a"], read.Clusters["b"] = -1, 3
	if got := read.Asked(); len(got) != 2 {
		t.Errorf("of what is damaged: %v", got)
	}
}

// What is stored is what encoding/json would write, so that a store of any hub is read.
func TestWhatIsStoredIsJSON(t *testing.T) {
	t.Parallel()
	odd := rollout.Content{`a"b`: {Digest: "<&>", Timeout: -time.Second}, "ä": {Stays: true}, "z": {}, "": {}}
	for _, asked := range []map[string]rollout.Content{{}, nil, {"a": {}}, {"a": nil}, {"a": odd, "b": {"web": {}}, `\`: odd}} {
		var s Stored
		if err := json.Unmarshal(Store(asked), &s); err != nil {
			t.Fatal(err)
		}
		if want, err := json.Marshal(s); err != nil || string(Store(asked)) != string(want) {
			t.Errorf("%v is stored as\n%s\nwant\n%s, %v", asked, Store(asked), want, err)
		}
	}
	many := map[string]rollout.Content{}
	for i := range 300 {
		many[fmt.Sprint("c", i)] = rollout.Content{"web": {Digest: fmt.Sprint(i % 7)}, "db": {Digest: fmt.Sprint(i)}}
	}
	var s Stored
	if err := json.Unmarshal(Store(many), &s); err != nil || !reflect.DeepEqual(s.Asked(), many) {
		t.Errorf("of many it is %v, %v", s, err)
	}
}
