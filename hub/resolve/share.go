package resolve

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// settleClaims lets one app deliver each object that several apps of the cluster claim (decide). Those that declare it
// with the same text, such as the namespace that each of them brings, share it: when the owner goes, or no longer declares
// it, the same bundle gives the object to the next, to which the agent hands it over. Those that declare it otherwise go on
// without it, and say so.
func settleClaims(r *Resolver, ctx context.Context, snap model.Snapshot, res *Resolution, last []protocol.App) error {
	s := sharing{r: r, res: res, last: last, texts: map[string]map[protocol.ObjectRef][]byte{}}
	owners := claimants(res)
	kept := s.kept(owners)
	yields, keeps := map[int][]protocol.ObjectRef{}, map[int][]protocol.ObjectRef{}
	for _, ref := range slices.SortedFunc(maps.Keys(owners), protocol.ObjectRef.Compare) {
		apps := owners[ref]
		if len(apps) < 2 && kept[ref] == nil {
			continue
		}
		ruling := decide(s.claims(apps, ref, kept[ref]))
		for _, c := range slices.Concat(ruling.share, ruling.lose) {
			yields[c.app] = append(yields[c.app], ref)
		}
		for _, c := range ruling.lose {
			s.res.Apps[c.app].lost(ref, s.res.Apps[ruling.owner.app].App)
		}
		if ruling.keep {
			keeps[ruling.owner.app] = append(keeps[ruling.owner.app], ref)
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

// claims are what apps have to do with an object, sorted by where they are. kept is an app that stays at its last good
// state, with the object; nil if none does.
func (s *sharing) claims(apps []int, ref protocol.ObjectRef, kept *holder) []claim {
	var out []claim
	for _, i := range apps {
		a := s.res.Apps[i]
		text := s.text(*a.Ref, a.App.Namespace, ref)
		out = append(out, claim{app: i, had: s.had(i, ref), waits: waits(a.App)*len(s.res.Apps) + s.waitsFor(i, apps),
			keeps: keeps(a.App, text), form: s.form(a.App, ref, text)})
	}
	if kept != nil {
		a := s.res.Apps[kept.at].App
		text := s.text(*kept.blob, s.before(a.Name).Namespace, ref)
		out = append(out, claim{app: kept.at, had: true, stays: true, keeps: keeps(a, text), form: s.form(a, ref, text)})
		slices.SortFunc(out, func(a, b claim) int { return cmp.Compare(a.app, b.app) })
	}
	return out
}

// keeps says whether an app would leave an object in the cluster when it goes.
func keeps(a model.App, text []byte) bool {
	var h struct {
		Metadata struct{ Annotations, Labels map[string]any }
	}
	return !a.Prune || a.Handling.Orphan || json.Unmarshal(text, &h) == nil && fleet.NeverPruned(h.Metadata.Annotations, h.Metadata.Labels)
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

// form is what an app would deliver, and by which account; "" where the agent may make something else of the text, or what
// it is depends on who delivers it.
func (s *sharing) form(a model.App, ref protocol.ObjectRef, text []byte) string {
	if !sharable(text) || a.Handling.Decrypt != nil && ref.Kind == "Secret" || a.Handling.Substitute != nil {
		return ""
	}
	return a.Handling.ServiceAccount + " " + string(unprotected(text))
}

// unprotected is an object without the annotation by which protect keeps it.
func unprotected(text []byte) []byte {
	if !bytes.Contains(text, []byte(fleet.AnnotationPrune)) {
		return text
	}
	var o map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&o) != nil {
		return text
	}
	meta, _ := o["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if annotations[fleet.AnnotationPrune] != any(fleet.PruneDisabled) {
		return text
	}
	if delete(annotations, fleet.AnnotationPrune); len(annotations) == 0 {
		delete(meta, "annotations")
	}
	out, err := json.Marshal(o)
	if err != nil {
		return text
	}
	return out
}

// protect keeps objects in the cluster when the app goes that delivers them for others, of which one would leave them.
func (s *sharing) protect(ctx context.Context, snap model.Snapshot, a *AppResult, refs []protocol.ObjectRef) error {
	key := memoKey("protect", struct {
		Digest, Namespace string
		Refs              []protocol.ObjectRef
	}{a.Ref.Digest, a.App.Namespace, refs})
	kept, err := s.r.memo.do(ctx, snap, key, func(*Recorder) (Render, []model.Packed, error) {
		objects, err := s.r.Objects(*a.Ref)
		if err != nil {
			return Render{}, nil, err
		}
		for i, o := range objects {
			if slices.Contains(refs, model.Claimed(a.Refs[i], a.App.Namespace)) {
				marked, err := withMetadata([]model.Rendered{o}, model.Metadata{Annotations: map[string]string{fleet.AnnotationPrune: fleet.PruneDisabled}})
				if err != nil {
					return Render{}, nil, err
				}
				objects[i] = marked[0]
			}
		}
		return s.r.pack(objects)
	})
	if err != nil {
		return err
	}
	if kept.Err != "" {
		return fmt.Errorf("app %s: %s", a.App.Name, kept.Err)
	}
	a.Ref, a.Refs = &kept.Ref, kept.Refs
	return nil
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
