package assess

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// check has the objects of others followed that the app's bundle says are to be checked, and no others.
func (a *Assessor) check(ctx context.Context) {
	var want []protocol.ObjectRef
	if !a.Leaving && ctx.Err() == nil {
		want = a.foreign(a.Spec.Handling.Checks)
	}
	a.Checks.Set(ctx, want, a.Home())
}

// foreign are those objects, each once, that are not the app's own: these are judged anyway.
func (a *Assessor) foreign(refs []protocol.ObjectRef) (out []protocol.ObjectRef) {
	for _, ref := range refs {
		if !slices.Contains(out, ref) && !a.has(ref) {
			out = append(out, ref)
		}
	}
	return out
}

// has says whether an object is the app's own.
func (a *Assessor) has(ref protocol.ObjectRef) bool {
	homes := []string{ref.Namespace}
	if ref.Namespace == "" {
		homes = append(homes, a.Home())
	} else {
		homes = append(homes, "") // of a kind that has no namespaces
	}
	for _, ns := range homes {
		ref.Namespace = ns
		if o := a.ByRef[ref]; o != nil && o.Want != nil {
			return true
		}
	}
	return false
}
