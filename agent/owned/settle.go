package owned

import "github.com/drover-dev/drover/protocol"

// SettleOwners gives each object one owner where it is in two inventories, as after a crash.
func SettleOwners(sets []*Set) {
	all := map[protocol.ObjectRef]*Object{}
	for _, h := range sets {
		for _, o := range append([]*Object(nil), h.Own...) {
			switch other := all[o.Item.Ref]; {
			case other == nil:
				all[o.Item.Ref] = o
			case other.Want == nil && o.Want != nil, o.Want != nil && h.Plan.Later(other.in.Plan):
				all[o.Item.Ref] = o
				o.inherit(other)
			default:
				other.inherit(o)
			}
		}
	}
	for ref, o := range all {
		o.in.ByRef[ref] = o
	}
}

// inherit notes that another app was stored with the same object. Until the owner has stored that it has it, it stays
// in what is stored of the other.
func (o *Object) inherit(other *Object) {
	from := other.in
	from.Disown(other)
	o.Item.Remember(from.Name)
	o.Formers = append(o.Formers, from.Name)
	if from != o.in {
		from.Given[other.Item.Ref] = other.Item
	}
	o.in.Dirty = true
}
