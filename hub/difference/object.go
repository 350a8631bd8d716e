package difference

import (
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// leaving says of objects that leave an app what becomes of them. Those that are in none of the sets are hooks.
type leaving struct{ deleted, left, renamed map[protocol.ObjectRef]bool }

// leavingOf asks the deletion budget's own rule which objects are deleted.
func leavingOf(had []deletions.Owned, wants []protocol.ObjectRef, prunes bool) leaving {
	out := leaving{map[protocol.ObjectRef]bool{}, map[protocol.ObjectRef]bool{}, map[protocol.ObjectRef]bool{}}
	nowhere := func(protocol.ObjectRef) bool { return false }
	gone, deletes := deletions.Gone(had, wants, nowhere, prunes)
	for _, ref := range deletes {
		out.deleted[ref] = true
	}
	keeps := map[protocol.ObjectRef]bool{}
	for _, o := range had {
		keeps[o.Ref] = o.Keep
	}
	for _, ref := range gone {
		switch {
		case out.deleted[ref]:
		case !prunes || keeps[ref]:
			out.left[ref] = true
		default:
			out.renamed[ref] = true
		}
	}
	return out
}

// of is what becomes of an object that leaves.
func (l leaving) of(ref protocol.ObjectRef) Action {
	switch {
	case l.deleted[ref]:
		return Deleted
	case l.left[ref]:
		return Left
	}
	return Unhooked
}

// objectsOf compares the objects of two versions of an app, sorted by reference.
func objectsOf(before, after map[protocol.ObjectRef]Object, l leaving) (out []ObjectChange) {
	successors := successorsOf(before, after, l)
	follows := map[protocol.ObjectRef]bool{}
	for old, now := range successors {
		follows[now] = true
		o := changeOf(now, renamed(before[old].Fields, now.Name), after[now].Fields)
		o.Action, o.From = Renamed, old.Name
		out = append(out, o)
	}
	for ref, o := range before {
		now, both := after[ref]
		_, replaced := successors[ref]
		switch {
		case both:
			if c := changeOf(ref, o.Fields, now.Fields); len(c.Fields) > 0 || c.Masked > 0 {
				out = append(out, c)
			}
		case l.renamed[ref] && !replaced:
			out = append(out, ObjectChange{Action: Deleted, Object: ref})
		case !replaced:
			out = append(out, ObjectChange{Action: l.of(ref), Object: ref})
		}
	}
	for ref := range after {
		if _, both := before[ref]; !both && !follows[ref] {
			out = append(out, ObjectChange{Action: Added, Object: ref})
		}
	}
	slices.SortFunc(out, func(a, b ObjectChange) int {
		if c := a.Object.Compare(b.Object); c != 0 {
			return c
		}
		return strings.Compare(a.From, b.From)
	})
	return out
}

// successorsOf pairs the objects that go with those that have the same name but for kustomize's hash of the content.
func successorsOf(before, after map[protocol.ObjectRef]Object, l leaving) map[protocol.ObjectRef]protocol.ObjectRef {
	if len(l.renamed) == 0 {
		return nil
	}
	news := map[protocol.ObjectRef][]protocol.ObjectRef{}
	for _, ref := range slices.SortedFunc(maps.Keys(after), protocol.ObjectRef.Compare) {
		if _, both := before[ref]; !both {
			base := deletions.WithoutHash(ref)
			news[base] = append(news[base], ref)
		}
	}
	out := map[protocol.ObjectRef]protocol.ObjectRef{}
	for _, old := range slices.SortedFunc(maps.Keys(l.renamed), protocol.ObjectRef.Compare) {
		base := deletions.WithoutHash(old)
		if list := news[base]; len(list) > 0 {
			out[old], news[base] = list[0], list[1:]
		}
	}
	return out
}

// renamed is an object under another name, so that the name is no difference.
func renamed(object map[string]any, name string) map[string]any {
	meta, is := object["metadata"].(map[string]any)
	if !is {
		return object
	}
	out := maps.Clone(object)
	meta = maps.Clone(meta)
	meta["name"], out["metadata"] = name, meta
	return out
}

// changeOf compares two versions of one object.
func changeOf(ref protocol.ObjectRef, before, after map[string]any) ObjectChange {
	b, a, secret := mask(ref, before, after)
	fields, encrypted := fieldsOf(b, a)
	return ObjectChange{Action: Changed, Object: ref, Fields: fields, Masked: secret + encrypted}
}

func compareNames(a, b string) int { return strings.Compare(a, b) }
