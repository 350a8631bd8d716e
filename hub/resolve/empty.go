package resolve

import (
	"fmt"
	"slices"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// refuseEmpty stops apps that render to nothing where there was something, and do not say that this is meant: more
// often a slip than a wish. An app is not empty that declares others, and nothing is lost of one whose objects other
// apps of the cluster have now.
func refuseEmpty(r *Resolver, res *Resolution, last []protocol.App) {
	var wanted map[protocol.ObjectRef]bool
	for i := range res.Apps {
		a := &res.Apps[i]
		at := slices.IndexFunc(last, func(x protocol.App) bool { return x.Name == a.App.Name })
		if at < 0 || a.Err != "" || a.App.AllowEmpty || a.declares || len(a.Refs) > 0 {
			continue
		}
		was := last[at]
		children := 0
		for _, other := range last {
			if other.Parent == a.App.Name && !res.has(other.Name) {
				children++
			}
		}
		objects := 0
		if was.Blob != nil && was.Blob.Objects > 0 {
			if wanted == nil {
				wanted = res.wanted()
			}
			objects = lost(r, was, wanted)
		}
		if objects == 0 && children == 0 {
			continue
		}
		had := fmt.Sprintf("objects (%d)", objects)
		if objects == 0 {
			had = fmt.Sprintf("declared apps (%d)", children)
		}
		a.Ref, a.Refs = nil, nil
		a.Err = fmt.Sprintf("%s: %s renders to nothing, and had %s before: keeping the last applied version; if this is "+
			"meant, write allowEmpty: true under spec of the App (of an Argo CD Application under spec.syncPolicy.automated), "+
			"or annotate the object that declares the app with drover.dev/allow-empty: \"true\"", a.App.File, a.App.Path, had)
	}
}

// has says whether there is an app of a name.
func (r *Resolution) has(name string) bool {
	return slices.ContainsFunc(r.Apps, func(a AppResult) bool { return a.App.Name == name })
}

// wanted are the objects that the apps ask for.
func (r *Resolution) wanted() map[protocol.ObjectRef]bool {
	out := map[protocol.ObjectRef]bool{}
	for _, a := range r.Apps {
		for _, ref := range a.Refs {
			out[model.Claimed(ref, a.App.Namespace)] = true
		}
	}
	return out
}

// lost counts the objects of an app that nothing wants any more.
func lost(r *Resolver, a protocol.App, wanted map[protocol.ObjectRef]bool) (n int) {
	objects, err := r.Contents(*a.Blob)
	if err != nil {
		return a.Blob.Objects
	}
	for _, o := range objects {
		if !wanted[model.Claimed(o.Ref, a.Namespace)] {
			n++
		}
	}
	return n
}
