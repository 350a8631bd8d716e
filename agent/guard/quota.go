package guard

import (
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// Counted is an object of an app as a quota matters to it.
type Counted struct {
	Ref      protocol.ObjectRef
	Wanted   bool                 // it is in Git
	Removing bool                 // it is being deleted
	Refused  bool                 // a quota does not let it be applied
	Failed   bool                 // it could not be applied for another reason
	After    []protocol.ObjectRef // what it is applied after
}

// quota is what a quota counts together: objects of one kind in one namespace.
type quota struct{ namespace, group, kind string }

func quotaOf(ref protocol.ObjectRef) quota { return quota{ref.Namespace, ref.Group, ref.Kind} }

// SharesQuota says whether a quota counts two objects together.
func SharesQuota(a, b protocol.ObjectRef) bool { return quotaOf(a) == quotaOf(b) }

// InTheWay are those objects of an app, by their index in the order of applying, that are no longer in Git and are
// deleted before everything else is applied, because what is to be applied in their place does not fit into a quota
// beside them: of the same kind in the same namespace, and no more than it takes. Objects that hold data are not among
// them, nor those that other objects are applied after. There are none while other objects cannot be applied for
// another reason: what left Git may still serve in place of those.
func InTheWay(list []Counted) []int {
	missing := map[quota]int{}
	for _, o := range list {
		switch {
		case o.Wanted && o.Failed:
			return nil
		case o.Wanted && o.Refused:
			missing[quotaOf(o.Ref)]++
		}
	}
	for _, o := range list {
		if !o.Wanted && o.Removing {
			missing[quotaOf(o.Ref)]--
		}
	}
	needed := func(ref protocol.ObjectRef) bool {
		return slices.ContainsFunc(list, func(o Counted) bool { return o.Wanted && slices.Contains(o.After, ref) })
	}
	var out []int
	for i, o := range slices.Backward(list) {
		key := quotaOf(o.Ref)
		if o.Wanted || o.Removing || missing[key] <= 0 || Precious(o.Ref) || needed(o.Ref) {
			continue
		}
		out = append(out, i)
		missing[key]--
	}
	return out
}
