package fleet

import (
	"reflect"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestWhyKept(t *testing.T) {
	parents := map[string]string{"child": "parent", "parent": "root", "loop-a": "loop-b", "loop-b": "loop-a"}
	parentOf := func(app string) string { return parents[app] }
	bundle := func(apps ...protocol.App) protocol.Bundle { return protocol.Bundle{Apps: apps} }
	failed := func(name string) protocol.App { return protocol.App{Name: name, Error: "no such file"} }
	suspended := func(name string) protocol.App { return protocol.App{Name: name, Suspend: true} }
	well := func(name string) protocol.App { return protocol.App{Name: name} }
	incomplete := bundle(well("parent"))
	incomplete.Incomplete = "fleet/a.yaml:1: not YAML"
	for name, c := range map[string]struct {
		b    protocol.Bundle
		app  string
		want string // "" for no doubt
	}{
		"incomplete bundle":               {incomplete, "other", "fleet/a.yaml:1: not YAML"},
		"no parent":                       {bundle(failed("parent")), "other", ""},
		"parent in order":                 {bundle(well("parent"), failed("root")), "child", ""},
		"parent failed":                   {bundle(failed("parent")), "child", "the app parent, which declared it, has an error: no such file"},
		"parent suspended":                {bundle(suspended("parent")), "child", "the app parent, which declared it, is suspended"},
		"parent gone, grandparent failed": {bundle(failed("root")), "child", "the app root, which declared it, has an error: no such file"},
		"parent and grandparent gone":     {bundle(failed("other")), "child", ""},
		"cycle":                           {bundle(failed("other")), "loop-a", ""},
	} {
		if got := WhyKept(c.b, c.app, parentOf); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got := Doubted("because"); !strings.HasSuffix(got, ": because") {
		t.Errorf("got %q", got)
	}
}

func TestKeepKnown(t *testing.T) {
	known := protocol.App{Name: "a", Parent: "p", Suspend: true, Prune: true, Blob: &protocol.Blob{Digest: "d"}}
	broken := protocol.App{Name: "a", Error: "not YAML"}
	want := known
	want.Error = "not YAML"
	if got := KeepKnown(broken, known); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	moved := broken
	moved.Parent = "q"
	if got := KeepKnown(moved, known); got.Parent != "q" || !got.Suspend {
		t.Errorf("got %+v, want what is known with the parent q", got)
	}
	for name, app := range map[string]protocol.App{
		"no error": {Name: "a"}, "a blob of its own": {Name: "a", Error: "e", Blob: &protocol.Blob{Digest: "e"}}, "another app": {Name: "b", Error: "e"},
	} {
		if got := KeepKnown(app, known); !reflect.DeepEqual(got, app) {
			t.Errorf("%s: got %+v, want %+v", name, got, app)
		}
	}
}
