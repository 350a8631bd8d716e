package content

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

func TestEqualContentsAreShared(t *testing.T) {
	t.Parallel()
	var p Pool
	named := func(c rollout.Content) (out []Named) {
		for _, name := range slices.Sorted(maps.Keys(c)) {
			out = append(out, Named{name, c[name]})
		}
		return out
	}
	at := func(apps []Named) uintptr { return reflect.ValueOf(p.Of(apps)).Pointer() }
	a := rollout.Content{"web": {Digest: "1"}, "db": {Digest: "2"}}
	for _, other := range []rollout.Content{{"web": {Digest: "1"}}, {"web": {Digest: "2"}, "db": {Digest: "1"}},
		{"web": {Digest: "1", Stays: true}, "db": {Digest: "2"}}, {"web": {Digest: "1"}, "dc": {Digest: "2"}},
		{"web": {Digest: "1", Timeout: time.Second}, "db": {Digest: "2"}}} {
		if at(named(a)) == at(named(other)) || !maps.Equal(p.Of(named(other)), other) {
			t.Errorf("%v is shared with %v", a, other)
		}
		back := named(other)
		slices.Reverse(back)
		if at(named(other)) != at(back) {
			t.Errorf("%v is not shared", other)
		}
	}
	if p.Of(nil) != nil {
		t.Error("nothing has become something")
	}
	twice := []Named{{"web", rollout.App{Digest: "1"}}, {"web", rollout.App{Digest: "2"}}}
	if got := p.Of(twice); len(got) != 1 || got["web"].Digest != "2" {
		t.Errorf("of two of one name it is %v", got)
	}
	for i := range maxPool + 10 {
		p.Of([]Named{{"web", rollout.App{Digest: fmt.Sprint(i)}}})
	}
	if p.size > maxPool {
		t.Errorf("%d contents are remembered", p.size)
	}
}
