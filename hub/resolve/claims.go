package resolve

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// stopRepeats stops apps that have an object twice.
func stopRepeats(res *Resolution) {
	for i := range res.Apps {
		a := &res.Apps[i]
		seen := map[protocol.ObjectRef]int{}
		var twice []string
		for _, ref := range a.Refs {
			ref = model.Claimed(ref, a.App.Namespace)
			if seen[ref]++; seen[ref] == 2 && !unnamed(ref) {
				twice = append(twice, ref.String())
			}
		}
		if len(twice) > 0 {
			a.repeats(twice)
		}
	}
}

// repeats takes what was rendered away, because it has objects twice.
func (a *AppResult) repeats(refs []string) {
	remedy := "remove one of the two"
	if a.App.Charts() {
		remedy = "its templates render one object more than once with these values: change the values, or correct the chart"
	}
	a.Ref, a.Refs = nil, nil
	a.Err = fmt.Sprintf("%s: the app has %s twice, and only one of the two could be applied: %s", a.App.File, fewOf(refs), remedy)
}

// fewOf lists at most three.
func fewOf(all []string) string {
	if n := len(all) - 3; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:3], ", "), n)
	}
	return strings.Join(all, ", ")
}

// lost notes that an app goes on without an object, which another one has and declares otherwise.
func (a *AppResult) lost(ref protocol.ObjectRef, to model.App) {
	where := to.Path
	if where == "" {
		where = to.File
	}
	a.Clashes = append(a.Clashes, fleet.Note{File: a.App.File, Object: ref.String(), Text: fmt.Sprintf("it is also in app %s (%s), which has it and declares "+
		"it otherwise: an object belongs to one app, so this one delivers all but that; make the two alike, or remove it from one", to.Name, where)})
	a.App.Notes = append(slices.Clone(a.App.Notes), a.Clashes[len(a.Clashes)-1])
}

// had says whether the object was in the app's last published blob.
func had(r *Resolver, app string, ref protocol.ObjectRef, last []protocol.App) bool {
	at := slices.IndexFunc(last, func(a protocol.App) bool { return a.Name == app })
	if at < 0 || last[at].Blob == nil {
		return false
	}
	objects, err := r.Objects(*last[at].Blob)
	if err != nil {
		return false // nobody can say: then all claimants stop, which harms nothing
	}
	return slices.ContainsFunc(objects, func(o model.Rendered) bool {
		var m map[string]any
		return json.Unmarshal(o.JSON, &m) == nil && model.Claimed(fleet.RefOf(m), last[at].Namespace) == ref
	})
}
