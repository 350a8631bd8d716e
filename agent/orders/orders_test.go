package orders

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func blob(digest string) *protocol.Blob { return &protocol.Blob{Digest: digest} }

func TestOrders(t *testing.T) {
	t.Parallel()
	in := func(specs ...protocol.App) protocol.Bundle { return protocol.Bundle{Apps: specs} }
	known := func(o Order) map[string]Order { return map[string]Order{"web": o} }
	web := protocol.App{Name: "web", Prune: true, Blob: blob("1"), Handling: protocol.Handling{ServiceAccount: "ns/old"}}
	for name, c := range map[string]struct {
		b      protocol.Bundle
		before map[string]Order
		is     func(o Order) bool
	}{
		"a new app": {in(web), nil, func(o Order) bool {
			return o.Spec.Blob != nil && !o.Leaving && !o.Kept && o.Unfit == "" && o.Blocked == ""
		}},
		"an app that left": {in(), known(Order{Spec: web}), func(o Order) bool { return o.Leaving && !o.Kept && o.Spec.Prune }},
		"an app that left, and had an error": {in(), known(Order{Spec: protocol.App{Name: "web", Error: "broken"}}),
			func(o Order) bool { return o.Leaving && o.Spec.Error == "" }},
		"an app that comes back": {in(web), known(Order{Spec: web, Leaving: true}), func(o Order) bool { return !o.Leaving && !o.Kept }},
		"an incomplete bundle": {protocol.Bundle{Incomplete: "a source is away"}, known(Order{Spec: web}),
			func(o Order) bool { return o.Kept && !o.Leaving && strings.Contains(o.Spec.Error, "a source is away") }},
		"an incomplete bundle, of an app that is leaving": {protocol.Bundle{Incomplete: "a source is away"}, known(Order{Spec: web, Leaving: true}),
			func(o Order) bool { return o.Kept && o.Leaving && o.Spec.Error == "" }},
		"needs that this agent cannot meet": {in(protocol.App{Name: "web", Needs: []string{"more"}, Handling: protocol.Handling{ServiceAccount: "ns/new"}}),
			known(Order{Spec: web}), func(o Order) bool {
				return o.Unfit != "" && o.Spec.ServiceAccount == "ns/old" && len(o.Spec.Needs) == 0
			}},
		"a dependency that is not there": {in(protocol.App{Name: "web", DependsOn: []string{"db"}}), nil, func(o Order) bool { return o.Blocked != "" }},
		"it was blocked before":          {in(web), known(Order{Spec: web, Blocked: "by db"}), func(o Order) bool { return o.Blocked == "" }},
	} {
		if o := Of(c.b, c.before)["web"]; !c.is(o) {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestOrphansAreInherited(t *testing.T) {
	t.Parallel()
	leaves := func(name, parent string, orphan, prune bool) Order {
		return Order{Spec: protocol.App{Name: name, Parent: parent, Prune: prune, Handling: protocol.Handling{Orphan: orphan}}, Leaving: true}
	}
	for name, c := range map[string]struct {
		all  map[string]Order
		want bool
	}{
		"the parent leaves its objects":       {map[string]Order{"child": leaves("child", "p", false, true), "p": leaves("p", "", true, true)}, true},
		"the parent does not prune":           {map[string]Order{"child": leaves("child", "p", false, true), "p": leaves("p", "", false, false)}, true},
		"the parent deletes its objects":      {map[string]Order{"child": leaves("child", "p", false, true), "p": leaves("p", "", false, true)}, false},
		"the parent stays":                    {map[string]Order{"child": leaves("child", "p", false, true), "p": {Spec: protocol.App{Name: "p"}}}, false},
		"a parent of a parent leaves objects": {map[string]Order{"child": leaves("child", "p", false, true), "p": leaves("p", "q", false, true), "q": leaves("q", "", true, true)}, true},
		"parents in a circle":                 {map[string]Order{"child": leaves("child", "p", false, true), "p": leaves("p", "child", false, true)}, false},
	} {
		inheritOrphans(c.all)
		if got := c.all["child"].Spec.Orphan; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
