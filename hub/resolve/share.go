package resolve

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// shareAlike lets one app deliver an object that several apps of the cluster declare with the same text, such as the
// namespace that each of them brings. It stays with the app that had it; if none had, it goes to the one that waits for
// none of the others, and of several to the first by name. When that app goes, or no longer declares it, the same bundle gives the object to the next, to which the agent hands it over.
// Objects that differ are left to settleClaims.
func shareAlike(r *Resolver, ctx context.Context, snap model.Snapshot, res *Resolution, last []protocol.App) error {
	s := sharing{r: r, res: res, last: last, texts: map[string]map[protocol.ObjectRef][]byte{}}
	owners := claimants(res)
	kept := s.kept(owners)
	yields := map[int][]protocol.ObjectRef{}
	for ref, apps := range owners {
		if len(apps) < 2 && kept[ref] == nil {
			continue
		}
		keeper, text := s.keeper(apps, ref, kept[ref])
		if !sharable(text) {
			continue
		}
		for _, i := range apps {
			if i != keeper.at && s.alike(keeper, i, ref, text) {
				yields[i] = append(yields[i], ref)
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(yields)) {
		if err := s.yield(ctx, snap, &res.Apps[i], yields[i]); err != nil {
			return err
		}
	}
	return nil
}

// sharing is shareAlike at work.
type sharing struct {
	r     *Resolver
	res   *Resolution
	last  []protocol.App
	texts map[string]map[protocol.ObjectRef][]byte // of blobs, by their digests
}

// holder is an app that delivers an object: at is where it is in the resolution.
type holder struct {
	at   int
	blob *protocol.Blob
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

// kept are the objects that apps go on delivering which stay at their last good state.
func (s *sharing) kept(owners map[protocol.ObjectRef][]int) map[protocol.ObjectRef]*holder {
	out := map[protocol.ObjectRef]*holder{}
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
			if ref := model.Claimed(o.Ref, was.Namespace); owners[ref] != nil && out[ref] == nil {
				out[ref] = &holder{i, was.Blob}
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

// keeper is the app that is to deliver an object, with the object's text.
func (s *sharing) keeper(apps []int, ref protocol.ObjectRef, kept *holder) (holder, []byte) {
	had := slices.IndexFunc(apps, func(i int) bool { return s.had(i, ref) })
	if had < 0 && kept != nil {
		return *kept, s.text(*kept.blob, s.before(s.res.Apps[kept.at].App.Name).Namespace, ref)
	}
	i := apps[max(had, 0)]
	if had < 0 {
		i = slices.MinFunc(apps, func(i, j int) int {
			return cmp.Or(waits(s.res.Apps[i].App)-waits(s.res.Apps[j].App), s.waitsFor(i, apps)-s.waitsFor(j, apps))
		})
	}
	a := s.res.Apps[i]
	return holder{i, a.Ref}, s.text(*a.Ref, a.App.Namespace, ref)
}

// waits puts apps that are suspended behind others, which would deliver the object.
func waits(a model.App) int {
	if a.Suspend {
		return 1
	}
	return 0
}

// waitsFor is how many of apps the app i waits for, directly or by way of others. The one that waits for none delivers
// what they share: the others' objects may need it, as those in a namespace do, before they are healthy.
func (s *sharing) waitsFor(i int, apps []int) (n int) {
	seen := map[string]bool{s.res.Apps[i].App.Name: true}
	for next := s.res.Apps[i].App.DependsOn; len(next) > 0; {
		name := next[0]
		next = slices.Clone(next[1:])
		if seen[name] {
			continue
		}
		seen[name] = true
		at := slices.IndexFunc(s.res.Apps, func(a AppResult) bool { return a.App.Name == name })
		if at < 0 {
			continue
		}
		if slices.Contains(apps, at) {
			n++
		}
		next = append(next, s.res.Apps[at].App.DependsOn...)
	}
	return n
}

// had says whether an app delivered the object before.
func (s *sharing) had(i int, ref protocol.ObjectRef) bool {
	was := s.before(s.res.Apps[i].App.Name)
	if was == nil {
		return false
	}
	objects, err := s.r.Contents(*was.Blob)
	return err == nil && slices.ContainsFunc(objects, func(o fleet.Owned) bool { return model.Claimed(o.Ref, was.Namespace) == ref })
}

// alike says whether an app would deliver just what the keeper delivers, by the same account.
func (s *sharing) alike(keeper holder, i int, ref protocol.ObjectRef, text []byte) bool {
	own, a := s.res.Apps[keeper.at].App, s.res.Apps[i]
	decrypts := own.Handling.Decrypt != nil || a.App.Handling.Decrypt != nil
	return own.Handling.ServiceAccount == a.App.Handling.ServiceAccount && !(decrypts && ref.Kind == "Secret") &&
		own.Handling.Substitute == nil && a.App.Handling.Substitute == nil &&
		bytes.Equal(s.text(*a.Ref, a.App.Namespace, ref), text)
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

// sharable says whether an object is the same for all who have the same text of it: a hook runs for each app, and what is
// encrypted may be decrypted with different keys.
func sharable(text []byte) bool {
	var h struct {
		Metadata struct{ Annotations map[string]string }
	}
	return text != nil && json.Unmarshal(text, &h) == nil && !fleet.IsHook(h.Metadata.Annotations) &&
		!bytes.Contains(text, []byte(`"sops":`)) && !bytes.Contains(text, []byte("ENC["))
}

// yield takes objects out of an app that others deliver.
func (s *sharing) yield(ctx context.Context, snap model.Snapshot, a *AppResult, refs []protocol.ObjectRef) error {
	var own []protocol.ObjectRef // as the app has them: without the namespace that it gives them
	for _, ref := range a.Refs {
		if slices.Contains(refs, model.Claimed(ref, a.App.Namespace)) {
			own = append(own, ref)
		}
	}
	slices.SortFunc(own, protocol.ObjectRef.Compare)
	return without(s.r, ctx, snap, a, "share", own, func(i int, _ model.Rendered) bool {
		return slices.Contains(own, a.Refs[i])
	})
}
