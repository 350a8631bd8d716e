package retry

import (
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// app is an app whose goroutine does not run: the test is it.
type app struct {
	Retrier
	set owned.Set
	act actor.Actor
}

// begin makes two apps that have the same: an object for each reason, and one that never failed.
func begin() (web, shop *app) {
	apps := []*app{{set: owned.NewSet("web")}, {set: owned.NewSet("shop")}}
	for _, a := range apps {
		a.act = actor.New(&mailbox.Crew{}, nil)
		a.Retrier = New(&a.set, &a.act, func(name string, what func(*Retrier)) {
			for _, other := range apps {
				if other.Name != name {
					what(&other.Retrier)
				}
			}
		})
		a.has("applied", "", "shop", agent.ReasonOther)
		a.has("denied", "", "shop", agent.ReasonDenied)
		a.has("webhook", "", "shop", agent.ReasonWebhook)
		a.has("unreachable", "", "shop", agent.ReasonUnreachable)
		a.has("forbidden", "", "shop", agent.ReasonForbidden)
		a.has("namespace", "", "shop", agent.ReasonNamespace)
		a.has("ending", "", "shop", agent.ReasonNamespaceEnding)
		a.has("elsewhere", "", "other", agent.ReasonNamespace)
		a.has("kind", "example.com", "shop", agent.ReasonKind)
		a.has("refused", "example.com", "shop", agent.ReasonDenied)
		a.has("unknown", "example.org", "shop", agent.ReasonKind)
	}
	return apps[0], apps[1]
}

// has gives the app an object that failed for a reason; for none, if that is ReasonOther.
func (a *app) has(name, group, namespace string, reason agent.Reason) {
	ref := protocol.ObjectRef{Group: group, Kind: "Thing", Namespace: namespace, Name: name}
	o := owned.New(ref, 1)
	o.Want = &plan.Want{Ref: ref}
	if reason != agent.ReasonOther {
		o.Trouble = owned.NewTrouble()
		o.Trouble.Note(&agent.Failure{Reason: reason, Text: "no"}, time.Now())
		o.Trouble.Pause.Next() // it is not the first failure
	}
	a.Insert(o)
}

// due are the objects that are tried again at once. That a turn is due then, and only then, is checked.
func (a *app) due(t *testing.T) (out []string) {
	t.Helper()
	for _, o := range a.Own {
		if o.Trouble != nil && o.Trouble.Next.IsZero() {
			out = append(out, o.Item.Ref.Name)
		}
	}
	if a.TurnDue != (len(out) > 0) {
		t.Errorf("app %s: a turn is due: %v", a.Name, a.TurnDue)
	}
	return out
}

func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	things := []agent.Resource{{Group: "example.com", Kind: "Other"}, {Group: "example.com", Kind: "Thing"}}
	for name, c := range map[string]struct {
		occasion func(*Retrier)
		due      []string
		others   bool // other apps try again as well
	}{
		"a webhook may answer":         {(*Retrier).Webhooks, []string{"webhook"}, true},
		"a namespace is there":         {func(r *Retrier) { r.Namespace("shop") }, []string{"namespace", "ending"}, true},
		"another namespace is there":   {func(r *Retrier) { r.Namespace("other") }, []string{"elsewhere"}, true},
		"a kind is served":             {func(r *Retrier) { r.Kinds(things) }, []string{"kind", "refused"}, true},
		"another kind is served":       {func(r *Retrier) { r.Kinds(things[:1]) }, nil, true},
		"the API server answers again": {(*Retrier).Regained, []string{"unreachable", "forbidden"}, false},
		"a group changed":              {func(r *Retrier) { r.Group("example.com") }, []string{"kind"}, false},
		"another group changed":        {func(r *Retrier) { r.Group("example.net") }, nil, false},
	} {
		web, shop := begin()
		c.occasion(&web.Retrier)
		if got := web.due(t); !slices.Equal(got, c.due) {
			t.Errorf("%s: tried again are %q", name, got)
		}
		if len(shop.due(t)) > 0 {
			t.Errorf("%s: others are told before the board says what it is about", name)
		}
		web.TellNow()
		if got := shop.due(t); c.others && !slices.Equal(got, c.due) || !c.others && len(got) > 0 {
			t.Errorf("%s: other apps try %q again", name, got)
		}
	}
}

// A kind is served a moment after its definition says so: it is asked for often then.
func TestAKindThatMayBeServedIsAskedForOften(t *testing.T) {
	t.Parallel()
	web, _ := begin()
	web.Group("example.com")
	for _, o := range web.Own {
		often := o.Item.Ref.Name == "kind"
		if t := o.Trouble; t != nil && (t.Pause.Tries() == 0) != often {
			web.TurnDue = false
		}
	}
	if !web.TurnDue {
		t.Error("the pauses of what waits for its kind are not short again, or those of something else are")
	}
}

func TestReplicasAreAppliedWhenNoAutoscalerSetsThem(t *testing.T) {
	t.Parallel()
	line := agent.SumOf([]byte("line"))
	for name, c := range map[string]struct {
		change func(*owned.Object)
		scales bool
		again  bool
	}{
		"it was scaled":        {func(*owned.Object) {}, false, true},
		"it is scaled":         {func(*owned.Object) {}, true, false},
		"it was never scaled":  {func(o *owned.Object) { o.Item.Scaled = false }, false, false},
		"Git no longer has it": {func(o *owned.Object) { o.Want = nil }, false, false},
	} {
		web, _ := begin()
		o := web.Own[0]
		o.Item.Scaled, o.Item.Line = true, line
		c.change(o)
		web.Unscaled(func(ref protocol.ObjectRef) bool { return c.scales && ref == o.Item.Ref })
		if again := o.Item.Line != line; again != c.again || web.TurnDue != c.again {
			t.Errorf("%s: applied again: %v", name, again)
		}
	}
}
