package orphans

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

func of(app, name, uid string) agent.Found {
	return agent.Found{Live: agent.Live{App: app, UID: uid, Fields: agent.SumOf([]byte("fields")),
		Ref: protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name}}}
}

func names(list []agent.Found) string {
	var out []string
	for _, f := range list {
		out = append(out, f.Ref.Name)
	}
	return strings.Join(out, " ")
}

func TestWhatIsLostBeginsASearch(t *testing.T) {
	t.Parallel()
	blob := &protocol.Blob{Digest: "1"}
	bundle := &protocol.Bundle{Apps: []protocol.App{{Name: "web", Blob: blob}, {Name: "empty"}}}
	state := func(name string) agent.AppState { return agent.AppState{Spec: protocol.App{Name: name}} }
	for name, c := range map[string]struct {
		stored agent.Stored
		bundle *protocol.Bundle
		want   string
	}{
		"everything is stored": {agent.Stored{Apps: []agent.AppState{state("web")}}, bundle, ""},
		"nothing is stored":    {agent.Stored{}, nil, "nothing is stored of what was applied before"},
		"the bundle is not": {agent.Stored{Apps: []agent.AppState{state("web")}}, nil,
			"the accepted bundle is not stored"},
		"an app is not": {agent.Stored{Apps: []agent.AppState{state("other")}}, bundle,
			"nothing is stored of app web"},
		"an app cannot be read": {agent.Stored{Damaged: []agent.Damage{{App: "web"}}}, bundle,
			"the stored state of app web cannot be read"},
		"another part cannot be read": {agent.Stored{Damaged: []agent.Damage{{}}, Apps: []agent.AppState{state("web")}},
			bundle, ""},
	} {
		if got := lostState(c.stored, c.bundle); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: %q is missing, want %q", name, got, c.want)
		}
	}
}

func TestOnlyObjectsThatDroverAppliedAreFound(t *testing.T) {
	t.Parallel()
	change := func(f func(*agent.Found)) agent.Found {
		o := of("web", "x", "1")
		f(&o)
		return o
	}
	others := []string{"elsewhere/shop", "own/web", "elsewhere/lonely"}
	for name, c := range map[string]struct {
		found agent.Found
		ours  bool
	}{
		"applied":                   {of("web", "x", "1"), true},
		"of an app that is unknown": {of("gone", "x", "1"), true},
		"of another agent's app":    {of("shop", "x", "1"), false},
		"only labelled":             {change(func(f *agent.Found) { f.Fields = agent.Sum{} }), false},
		"of no app":                 {change(func(f *agent.Found) { f.App = "" }), false},
		"of a hook":                 {change(func(f *agent.Found) { f.HookRun = "1.Sync" }), false},
		"kept":                      {change(func(f *agent.Found) { f.KeptBy = "annotation" }), false},
		"being deleted":             {change(func(f *agent.Found) { f.Deleting = true }), false},
	} {
		if got := len(ours([]agent.Found{c.found}, others, "own")) == 1; got != c.ours {
			t.Errorf("%s: it is an orphan: %v", name, got)
		}
	}
}

func TestWhatNothingWantsIsHeldUntilItIsApproved(t *testing.T) {
	t.Parallel()
	web, shop := []agent.Found{of("web", "a", "1"), of("web", "b", "2")}, of("shop", "c", "3")
	all := append(slices.Clone(web), shop)
	id := func(app string, list ...agent.Found) string { return holdOf("prod", app, list).ID }
	for name, c := range map[string]struct {
		approved []string // uids, by an agent before
		ids      []string // that the bundle approves; nil if it counts nothing
		held     []string // apps
		doomed   string
		grown    int
	}{
		"nothing is approved": {held: []string{"shop", "web"}},
		"one app is": {ids: []string{id("web", web...)}, held: []string{"shop"}, doomed: "a b",
			grown: 2},
		"both are":          {ids: []string{id("web", web...), id("shop", shop)}, doomed: "c a b", grown: 3},
		"a part was before": {approved: []string{"1"}, held: []string{"shop", "web"}, doomed: "a"},
		"a part was, and the rest is": {approved: []string{"1"}, ids: []string{id("web", web[1])},
			held: []string{"shop"}, doomed: "a b", grown: 1},
		"more was found since it was read": {ids: []string{id("web", web[0])}, held: []string{"shop", "web"}},
		"an object was created again":      {approved: []string{"old uid"}, held: []string{"shop", "web"}},
	} {
		var d *protocol.Deletions
		if c.ids != nil {
			d = &protocol.Deletions{Approved: c.ids}
		}
		held, doomed, grown := judge("prod", slices.Clone(all), c.approved, d)
		var apps []string
		for _, h := range held {
			apps = append(apps, h.App)
		}
		if !slices.Equal(apps, c.held) || names(doomed) != c.doomed || len(grown) != c.grown {
			t.Errorf("%s: held %v, deleted %q, %d approved since", name, apps, names(doomed), len(grown))
		}
	}
}

func TestAHoldTellsObjectsOfOneNameApart(t *testing.T) {
	t.Parallel()
	first, again := holdOf("prod", "web", []agent.Found{of("web", "a", "1")}), holdOf("prod", "web",
		[]agent.Found{of("web", "a", "2")})
	if first.ID == again.ID {
		t.Error("another object of the name is approved with it")
	}
	if !strings.Contains(first.Message, "drover approve "+first.ID) || !strings.Contains(first.Message,
		"1 object that Drover applied for app web") {
		t.Error(first.Message)
	}
}

func TestThereIsNothingToSayOfNoSearch(t *testing.T) {
	t.Parallel()
	var none *Search
	if reason, unread, held := none.Says(); reason != "" || unread != "" || held != nil {
		t.Error(reason, unread, held)
	}
}
