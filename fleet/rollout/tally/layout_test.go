package tally

import (
	"reflect"
	"slices"
	"testing"
)

func TestALayoutIsMadeAgainWhereItIsAnotherOne(t *testing.T) {
	t.Parallel()
	clusters := map[string]int{"a": 0, "b": 1, "c": 1, "d": -1}
	first := Lay(nil, "p", 2, clusters)
	inOrder := []string{"b", "c"}
	Sort("p", inOrder)
	if !slices.Equal(first.Names, []string{"a", "b", "c", "d"}) ||
		!reflect.DeepEqual(first.In, [][]string{{"a"}, inOrder}) {
		t.Errorf("the layout is %+v", first)
	}
	if Lay(first, "p", 2, clusters) != first {
		t.Error("the same layout is made again")
	}
	for what, c := range map[string]struct {
		policy   string
		waves    int
		clusters map[string]int
	}{
		"another policy": {"q", 2, clusters}, "one wave more": {"p", 3, clusters},
		"one less":     {"p", 2, map[string]int{"a": 0, "b": 1, "c": 1}},
		"one more":     {"p", 2, map[string]int{"a": 0, "b": 1, "c": 1, "d": -1, "e": 0}},
		"another name": {"p", 2, map[string]int{"a": 0, "b": 1, "c": 1, "e": -1}},
		"another wave": {"p", 2, map[string]int{"a": 0, "b": 1, "c": 0, "d": -1}},
		"in no wave":   {"p", 2, map[string]int{"a": 0, "b": 1, "c": -1, "d": -1}},
		"in a wave":    {"p", 2, map[string]int{"a": 0, "b": 1, "c": 1, "d": 0}},
	} {
		got := Lay(first, c.policy, c.waves, c.clusters)
		if want := Lay(nil, c.policy, c.waves, c.clusters); got == first || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the layout is %+v, want %+v", what, got, want)
		}
	}
}
