package owned

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// An object that was handed over is stored until its new owner has stored it, and once if it came back.
func TestWhatIsStoredOfAnInventory(t *testing.T) {
	t.Parallel()
	a := NewSet("web")
	item := func(name string, wave int) agent.Item { return agent.Item{Ref: configMap(name), Wave: wave} }
	a.Insert(&Object{Item: item("b", 0), Want: &plan.Want{}})
	a.Insert(&Object{Item: item("a", 0)})
	a.Insert(&Object{Item: item("z", -1)})
	a.Given[configMap("y")], a.Given[configMap("x")], a.Given[configMap("a")] = item("y", 0), item("x", 0), item("a", 7)
	a.Sort()
	names := ""
	for _, i := range a.Items() {
		names += i.Ref.Name + " "
	}
	if names != "z a b x y " || a.LeftoverCount() != 2 || !a.Leftover() || a.Empty() {
		t.Errorf("stored are %s; %d are left over", names, a.LeftoverCount())
	}
	if !a.DropGiven(configMap("x")) || a.DropGiven(configMap("x")) {
		t.Error("it is dropped twice, or not at all")
	}
	o := a.ByRef[configMap("a")]
	if a.Rename(o, configMap("c")); a.ByRef[configMap("c")] != o || a.ByRef[configMap("a")] != nil {
		t.Error("it is found under its old name")
	}
	if a.Disown(o); !o.Gone || a.ByRef[configMap("c")] != nil || a.LeftoverCount() != 1 {
		t.Error("it is still there")
	}
}

func configMap(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: name}
}
