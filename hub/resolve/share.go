package resolve

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/claim"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/trust"
	"github.com/drover-dev/drover/protocol"
)

// settleClaims lets one app deliver each object that several apps of the cluster claim (claim.Decide). Those that
// declare it with the same text, such as the namespace that each of them brings, share it: when the owner goes, or
// no longer declares it, the same bundle gives the object to the next, to which the agent hands it over. The others
// go on without it, and say so. So no bundle has an object in two apps.
func settleClaims(r *Resolver, ctx context.Context, snap model.Snapshot, res *Resolution, last []protocol.App) error {
	s := newSharing(r, res, last)
	owners := claimants(res)
	kept := s.kept(owners)
	yields, keeps := map[int][]protocol.ObjectRef{}, map[int][]protocol.ObjectRef{}
	for _, ref := range slices.SortedFunc(maps.Keys(owners), protocol.ObjectRef.Compare) {
		apps := owners[ref]
		if len(apps)+len(kept[ref]) < 2 {
			continue
		}
		ruling := claim.Decide(s.claims(apps, kept[ref], ref))
		for _, c := range slices.Concat(ruling.Share, ruling.Lose) {
			yields[c.App] = append(yields[c.App], ref)
		}
		for _, c := range ruling.Lose {
			s.res.Apps[c.App].lost(ref, c, ruling.Owner, s.res.Apps[ruling.Owner.App].App)
		}
		if ruling.Keep {
			keeps[ruling.Owner.App] = append(keeps[ruling.Owner.App], ref)
		}
	}
	for _, i := range slices.Sorted(maps.Keys(yields)) {
		if err := s.yield(ctx, snap, &res.Apps[i], yields[i]); err != nil {
			return err
		}
	}
	for _, i := range slices.Sorted(maps.Keys(keeps)) {
		if err := s.protect(ctx, snap, &res.Apps[i], keeps[i]); err != nil {
			return err
		}
	}
	return nil
}

// sharing is settleClaims at work.
type sharing struct {
	r     *Resolver
	res   *Resolution
	last  []protocol.App
	apps  []claim.App                              // of res
	texts map[string]map[protocol.ObjectRef][]byte // of blobs, by their digests
}

func newSharing(r *Resolver, res *Resolution, last []protocol.App) sharing {
	s := sharing{r: r, res: res, last: last, texts: map[string]map[protocol.ObjectRef][]byte{}}
	for _, a := range res.Apps {
		s.apps = append(s.apps, claim.App{Name: a.App.Name, Party: party(a.App), DependsOn: a.App.DependsOn})
	}
	return s
}

// claimants are the apps that declare each object, by where they are in the resolution.
func claimants(res *Resolution) map[protocol.ObjectRef][]int {
	owners := map[protocol.ObjectRef][]int{}
	for i, a := range res.Apps {
		for _, ref := range a.Refs {
			ref = model.Claimed(ref, a.App.Namespace)
			if at := owners[ref]; !unnamed(ref) && (len(at) == 0 || at[len(at)-1] != i) {
				owners[ref] = append(at, i)
			}
		}
	}
	return owners
}

// kept are the apps that go on delivering objects since they stay at their last good state, by what is claimed of them.
func (s *sharing) kept(owners map[protocol.ObjectRef][]int) map[protocol.ObjectRef][]int {
	out := map[protocol.ObjectRef][]int{}
	for i, a := range s.res.Apps {
		if a.Ref != nil {
			continue
		}
		was := s.before(a.App.Name)
		if was == nil {
			continue
		}
		objects, err := s.r.Contents(*was.Blob)
		if err != nil {
			continue // nobody can say: the agent finds two apps that claim it
		}
		for _, o := range objects {
			ref := model.Claimed(o.Ref, was.Namespace)
			if at := out[ref]; owners[ref] != nil && (len(at) == 0 || at[len(at)-1] != i) {
				out[ref] = append(at, i)
			}
		}
	}
	return out
}

// before is an app as it was published last, with a blob; nil if there is none.
func (s *sharing) before(app string) *protocol.App {
	at := slices.IndexFunc(s.last, func(a protocol.App) bool { return a.Name == app })
	if at < 0 || s.last[at].Blob == nil {
		return nil
	}
	return &s.last[at]
}

// claims are what apps have to do with an object: those that declare it, and those that stay at a last good state
// with it.
func (s *sharing) claims(declare, stay []int, ref protocol.ObjectRef) []claim.Claim {
	var out []claim.Claim
	add := func(c claim.Claim, blob protocol.Blob, namespace string) {
		a := s.res.Apps[c.App].App
		text := s.text(blob, namespace, ref)
		c.Party, c.Form = party(a), form(a, ref, text)
		c.Keeps = !a.Prune || a.Handling.Orphan || claim.Kept(text)
		out = append(out, c)
	}
	for _, i := range declare {
		a := s.res.Apps[i]
		waits := claim.Waits(s.apps, i, declare)
		if a.App.Suspend || a.App.Manual != "" { // behind all others, which would deliver the object
			waits += len(s.res.Apps)
		}
		add(claim.Claim{App: i, Had: s.had(a.App, ref), Waits: waits}, *a.Ref, a.App.Namespace)
	}
	for _, i := range stay {
		a := s.res.Apps[i].App
		had := s.had(a, ref) // it is no claim of an app that may not have it any more
		was := s.before(a.Name)
		c := claim.Claim{App: i, Had: had, Stays: had}
		if !had {
			c.Waits = 2 * len(s.res.Apps)
		}
		add(c, *was.Blob, was.Namespace)
	}
	return out
}

// party is with whose rights an app is declared and delivered.
func party(a model.App) trust.Party {
	out := trust.Party{Account: a.Handling.ServiceAccount}
	if a.Bounds != nil {
		out.Project = a.Bounds.Project.Name
	}
	return out
}

// had says whether an app delivered the object before, and may have it still.
func (s *sharing) had(a model.App, ref protocol.ObjectRef) bool {
	was := s.before(a.Name)
	return was != nil && s.text(*was.Blob, was.Namespace, ref) != nil &&
		(a.Bounds == nil || len(a.Bounds.Refused([]protocol.ObjectRef{ref})) == 0)
}

// form is what an app would deliver; "" where the agent may make something else of the text, or what it is depends
// on who delivers it.
func form(a model.App, ref protocol.ObjectRef, text []byte) string {
	if a.Handling.Decrypt != nil && ref.Kind == "Secret" || a.Handling.Substitute != nil || len(a.Handling.Opaque) > 0 {
		return ""
	}
	return claim.Form(text)
}

// protect keeps objects in the cluster when the app goes that delivers them for others, of which one would leave them.
func (s *sharing) protect(ctx context.Context, snap model.Snapshot, a *AppResult, refs []protocol.ObjectRef) error {
	has, mine := a.Refs, own(a.Refs, refs, a.App.Namespace)
	mark := model.Metadata{Annotations: map[string]string{fleet.AnnotationPrune: fleet.PruneDisabled}}
	return rewrite(s.r, ctx, snap, a, "protect", mine, func(i int, o model.Rendered) ([]model.Rendered, error) {
		if !slices.Contains(mine, has[i]) {
			return []model.Rendered{o}, nil
		}
		return mark.On([]model.Rendered{o})
	})
}

// text is an object of a blob; nil if it cannot be read.
func (s *sharing) text(blob protocol.Blob, namespace string, ref protocol.ObjectRef) []byte {
	key := blob.Digest + " " + namespace
	if s.texts[key] == nil {
		objects, err := s.r.Objects(blob)
		if err != nil {
			return nil
		}
		s.texts[key] = map[protocol.ObjectRef][]byte{}
		for _, o := range objects {
			var m map[string]any
			if json.Unmarshal(o.JSON, &m) == nil {
				s.texts[key][model.Claimed(fleet.RefOf(m), namespace)] = o.JSON
			}
		}
	}
	return s.texts[key][ref]
}

// yield takes objects out of an app that others deliver: out of what it stays at, if nothing newer of it is delivered.
func (s *sharing) yield(ctx context.Context, snap model.Snapshot, a *AppResult, refs []protocol.ObjectRef) error {
	from, namespace := AppResult{App: a.App, Ref: a.Ref, Refs: a.Refs, cluster: a.cluster}, a.App.Namespace
	if a.Ref == nil {
		was := s.before(a.App.Name)
		objects, err := s.r.Objects(*was.Blob)
		if err != nil {
			return err
		}
		from.Ref, namespace = was.Blob, was.Namespace
		for _, o := range objects {
			var m map[string]any
			if err := json.Unmarshal(o.JSON, &m); err != nil {
				return err
			}
			from.Refs = append(from.Refs, fleet.RefOf(m))
		}
	}
	has, mine := from.Refs, own(from.Refs, refs, namespace)
	err := without(s.r, ctx, snap, &from, "share", mine, func(i int, _ model.Rendered) bool {
		return slices.Contains(mine, has[i])
	})
	if a.Ref == nil {
		a.Kept = from.Ref
	} else {
		a.Ref, a.Refs = from.Ref, from.Refs
	}
	return err
}

// own are objects of the cluster as an app has them: without the namespace that it gives them. They are sorted.
func own(has, refs []protocol.ObjectRef, namespace string) (out []protocol.ObjectRef) {
	for _, ref := range has {
		if slices.Contains(refs, model.Claimed(ref, namespace)) {
			out = append(out, ref)
		}
	}
	slices.SortFunc(out, protocol.ObjectRef.Compare)
	return out
}
