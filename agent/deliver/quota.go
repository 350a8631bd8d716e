package deliver

import (
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/protocol"
)

// quotaPause is how long the agent waits for the quota to be counted again after it deleted something to make space
// in it.
const quotaPause = 5 * time.Second

// quotaKey is what a quota counts together: objects of one kind in one namespace.
type quotaKey struct{ namespace, group, kind string }

func quotaOf(ref protocol.ObjectRef) quotaKey { return quotaKey{ref.Namespace, ref.Group, ref.Kind} }

// overQuota counts the app's objects that a quota does not let be applied. ok is false if other objects could not be
// applied for another reason: what left Git may still serve in place of those.
func (a *app) overQuota() (refused map[quotaKey]int, ok bool) {
	refused = map[quotaKey]int{}
	for _, o := range a.own {
		if o.want == nil || o.trouble == nil {
			continue
		}
		if agent.ReasonOf(o.trouble.err) != agent.ReasonQuota {
			return nil, false
		}
		refused[quotaOf(o.item.Ref)]++
	}
	return refused, len(refused) > 0
}

// inTheWay are the objects that left Git and are deleted before everything else is applied, because what is to be
// applied in their place does not fit into a quota beside them: of the same kind in the same namespace, and no more
// than it takes. What holds data is not among them, nor what other objects are applied after.
func (a *app) inTheWay(now time.Time) map[*object]bool {
	refused, ok := a.overQuota()
	if !ok || now.Sub(a.spaceMade) < quotaPause {
		return nil
	}
	for _, o := range a.own {
		if o.want == nil && o.removing {
			refused[quotaOf(o.item.Ref)]--
		}
	}
	out := map[*object]bool{}
	for _, o := range slices.Backward(a.own) {
		key := quotaOf(o.item.Ref)
		if o.want != nil || o.removing || refused[key] <= 0 || guard.Precious(o.item.Ref) || a.awaitedInside(o.item.Ref) {
			continue
		}
		out[o] = true
		refused[key]--
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// awaitedInside says whether an object of the app is applied after another one.
func (a *app) awaitedInside(ref protocol.ObjectRef) bool {
	return slices.ContainsFunc(a.own, func(o *object) bool { return o.want != nil && slices.Contains(o.want.After, ref) })
}

// retryQuota has what did not fit into a quota tried again soon, after something was deleted to make space.
func (a *app) retryQuota(now time.Time) {
	a.spaceMade = now
	for _, o := range a.own {
		if o.want != nil && o.trouble != nil && agent.ReasonOf(o.trouble.err) == agent.ReasonQuota {
			o.trouble.pause.Reset()
			o.trouble.next = now.Add(time.Second)
		}
	}
}

// crowded says whether something is to be deleted before the rest of the app can be applied.
func (a *app) crowded() bool {
	return a.inTheWay(time.Now()) != nil
}

// waitsForQuota says what becomes of the objects that left Git while a quota is used up; "" if there are none, or
// that is not what o waits for.
func (a *app) waitsForQuota(o *object) string {
	if agent.ReasonOf(o.trouble.err) != agent.ReasonQuota || !a.leftover() {
		return ""
	}
	for _, x := range a.own {
		if x.want == nil && guard.Precious(x.item.Ref) && quotaOf(x.item.Ref) == quotaOf(o.item.Ref) {
			return fmt.Sprintf("; %s left Git, and is not deleted before everything else is applied, because its data would be "+
				"lost: delete it by hand, or raise the quota", x.item.Ref)
		}
	}
	return "; " + a.leftovers()
}
