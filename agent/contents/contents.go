package contents

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// Cluster is what a Check needs of the cluster.
type Cluster interface {
	// Inside finds what a Namespace or CustomResourceDefinition holds, see agent.Searcher.
	Inside(ctx context.Context, container protocol.ObjectRef) (kinds []agent.Resource, found []agent.Found, more bool,
		err error)
	// Resolve finds where a kind is served, see agent.Kinds.
	Resolve(ctx context.Context, apiVersion, kind string) (agent.Resource, error)
}

// Reader reads an object's metadata with the agent's own rights.
type Reader interface {
	Get(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (agent.Live, error)
}

// Apps is what the apps of the cluster know of objects.
type Apps interface {
	// Owner is the app that owns an object; "" if there is none.
	Owner(ref protocol.ObjectRef) string
	// Hooked says whether an object is a hook of any app.
	Hooked(ref protocol.ObjectRef) bool
	// Staying leaves out those of an app's objects that the app deletes. All of them stay if there is no such app.
	Staying(app string, found []agent.Found) []agent.Found
	// Dependents are the objects, by their app, that an app wants and that belong to the object with a uid.
	Dependents(uid string) map[protocol.ObjectRef]string
	// EachWanted calls do with every object that a plan of an app has.
	EachWanted(do func(app string, ref protocol.ObjectRef))
}

// Check finds out what would be lost with an object.
type Check struct {
	Cluster Cluster
	Reader  Reader
	Apps    Apps
	Name    string // of the cluster
	// Protected says of an object whether the agent never deletes it.
	Protected func(ref protocol.ObjectRef) bool
	// Approved says whether a person approved what is held under an id.
	Approved func(id string) bool
}

// Lost says what would be lost with an object that is about to be deleted, unless a person approved that. An error
// says that it is not known. name is the app; goes says of an object that it is deleted anyway, in addition to those
// that left their app. It asks the apps, so no app's goroutine may call it.
func (c Check) Lost(ctx context.Context, name string, live agent.Live, goes func(agent.Found) bool) (*protocol.Held,
	error) {
	lost, others := map[protocol.ObjectRef]string{}, false
	if guard.Container(live.Ref) {
		kinds, found, beyond, err := c.Cluster.Inside(ctx, live.Ref)
		if err != nil {
			return nil, fmt.Errorf("it is not known what it holds, so it is not deleted: %w", err)
		}
		rest := slices.DeleteFunc(c.remaining(guard.Roots(found)), func(f agent.Found) bool { return goes != nil && goes(f) })
		for _, f := range c.lasting(ctx, rest) {
			lost[f.Ref] = f.App
		}
		others = beyond
		c.Apps.EachWanted(func(app string, ref protocol.ObjectRef) {
			if guard.Within(ref, live.Ref, kinds) && ref != live.Ref {
				lost[ref] = app
			}
		})
	}
	if live.UID != "" {
		maps.Copy(lost, c.Apps.Dependents(live.UID))
	}
	if len(lost) == 0 {
		return nil, nil
	}
	h := held(c.Name, name, live.Ref, lost, others)
	if c.Approved(h.ID) {
		return nil, nil
	}
	return &h, nil
}

// held is the hold of an object of an app that others would be lost with.
func held(cluster, app string, object protocol.ObjectRef, lost map[protocol.ObjectRef]string,
	others bool) protocol.Held {
	refs := slices.Collect(maps.Keys(lost))
	also := []string{object.Group + " " + object.String()}
	if others {
		also = append(also, "and others")
	}
	h := guard.Held(protocol.HoldContents, cluster, app, refs, also...)
	h.Object = &object
	first := ""
	for i, ref := range h.Objects[:min(len(h.Objects), 3)] {
		if i > 0 {
			first += ", "
		}
		if first += ref.String(); lost[ref] != "" && lost[ref] != app {
			first += " (app " + lost[ref] + ")"
		}
	}
	number := phrase.Count(len(refs), "object")
	if others {
		number = "more than " + number
	}
	h.Message = fmt.Sprintf("%s is not deleted, because %s that Git does not delete would go with it: %s%s; "+
		"move or delete them, or let them go with drover approve %s", object, number, first,
		phrase.More(len(refs)-min(len(refs), 3)), h.ID)
	return h
}

// remaining leaves out the objects that are deleted because they left their app, and what a hook left that no app has
// any more. Each owner is asked about its own.
func (c Check) remaining(found []agent.Found) (out []agent.Found) {
	byOwner := map[string][]agent.Found{}
	for _, f := range found {
		owner := c.Apps.Owner(f.Ref)
		switch {
		case f.KeptBy != "" || c.Protected(f.Ref):
			out = append(out, f)
		case f.HookRun != "":
			if c.Apps.Hooked(f.Ref) || f.App == "" || f.Fields == (agent.Sum{}) {
				out = append(out, f)
			}
		case owner == "":
			out = append(out, f)
		default:
			byOwner[owner] = append(byOwner[owner], f)
		}
	}
	for _, owner := range slices.Sorted(maps.Keys(byOwner)) {
		out = append(out, c.Apps.Staying(owner, byOwner[owner])...)
	}
	return out
}

// maxLookups is how many objects are looked for one by one before a container is deleted.
const maxLookups = 100

// lasting leaves out the objects whose controller is gone, which are about to be collected as garbage, and those of
// Drover's that were deleted since they were listed.
func (c Check) lasting(ctx context.Context, list []agent.Found) (out []agent.Found) {
	there, lookups := map[string]bool{}, 0
	lives := func(uid string, look func() bool) bool {
		yes, known := there[uid]
		if !known && lookups < maxLookups {
			lookups++
			yes, known = look(), true
			there[uid] = yes
		}
		return yes || !known
	}
	for _, f := range list {
		if owner := f.Controller(); owner != nil && !lives(owner.UID, func() bool {
			return c.exists(ctx, *owner,
				f.Ref.Namespace)
		}) {
			continue
		}
		if f.Fields != (agent.Sum{}) && !lives(f.UID, func() bool { return c.stays(ctx, f) }) {
			continue
		}
		out = append(out, f)
	}
	return out
}

// stays says whether an object that was found still exists and is not being deleted. It does if that is not known.
func (c Check) stays(ctx context.Context, f agent.Found) bool {
	live, err := c.Reader.Get(ctx, f.Resource, f.Ref)
	if err != nil {
		return agent.ReasonOf(err) != agent.ReasonMissing
	}
	return live.UID == f.UID && !live.Deleting
}

// exists says whether an owner exists. It does if that is not known.
func (c Check) exists(ctx context.Context, o agent.Owner, namespace string) bool {
	res, err := c.Cluster.Resolve(ctx, o.APIVersion, o.Kind)
	if err != nil {
		return true
	}
	ref := protocol.ObjectRef{Group: res.Group, Kind: res.Kind, Name: o.Name}
	if res.Namespaced {
		ref.Namespace = namespace
	}
	live, err := c.Reader.Get(ctx, res, ref)
	switch {
	case agent.ReasonOf(err) == agent.ReasonMissing:
		return false
	case err != nil:
		return true
	}
	return live.UID == o.UID
}
