package guard

import (
	"slices"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestWhatMakesSpaceInAQuota(t *testing.T) {
	t.Parallel()
	config := func(name string) protocol.ObjectRef {
		return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name}
	}
	claim := func(name string) protocol.ObjectRef {
		return protocol.ObjectRef{Kind: "PersistentVolumeClaim", Namespace: "ns", Name: name}
	}
	refused := func(ref protocol.ObjectRef, after ...protocol.ObjectRef) Counted {
		return Counted{Ref: ref, Wanted: true, Refused: true, After: after}
	}
	left := func(ref protocol.ObjectRef) Counted { return Counted{Ref: ref} }
	elsewhere := left(config("c"))
	elsewhere.Ref.Namespace = "other"
	for name, c := range map[string]struct {
		list []Counted
		want []int
	}{
		"nothing is refused":    {[]Counted{left(config("a")), {Ref: config("b"), Wanted: true}}, nil},
		"one is":                {[]Counted{left(config("a")), refused(config("b"))}, []int{0}},
		"no more than it takes": {[]Counted{left(config("a")), left(config("b")), refused(config("c"))}, []int{1}},
		"all that it takes": {[]Counted{left(config("a")), left(config("b")), refused(config("c")),
			refused(config("d"))}, []int{1, 0}},
		"one is being deleted already": {[]Counted{{Ref: config("a"), Removing: true}, left(config("b")),
			refused(config("c"))}, nil},
		"another object fails": {[]Counted{left(config("a")), refused(config("b")), {Ref: config("c"),
			Wanted: true, Failed: true}}, nil},
		"an object that is to go fails":    {[]Counted{{Ref: config("a"), Failed: true}, refused(config("b"))}, []int{0}},
		"it is of another kind":            {[]Counted{left(claim("a")), refused(config("b"))}, nil},
		"it is in another namespace":       {[]Counted{elsewhere, refused(config("b"))}, nil},
		"it holds data":                    {[]Counted{left(claim("a")), refused(claim("b"))}, nil},
		"another object is applied after":  {[]Counted{left(config("a")), refused(config("b"), config("a"))}, nil},
		"the last in the order goes first": {[]Counted{left(config("a")), refused(config("b")), left(config("c"))}, []int{2}},
	} {
		if got := InTheWay(c.list); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if !SharesQuota(config("a"), config("b")) || SharesQuota(config("a"), claim("a")) || SharesQuota(config("a"),
		elsewhere.Ref) {
		t.Error("a quota counts objects of one kind in one namespace")
	}
}
