package resolve

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// settleClaims finds objects that more than one app of the cluster claims, and that are not shared (shareAlike). The
// app that had the object in what was published last keeps it and goes on; the others stop at their last good state.
// Where none had it, or several, all of them stop: whichever went first would take the object from the next.
func settleClaims(r *Resolver, res *Resolution, last []protocol.App) {
	owners := claimants(res)
	claims := map[int][]string{}
	for _, ref := range slices.SortedFunc(maps.Keys(owners), protocol.ObjectRef.Compare) {
		if len(owners[ref]) < 2 {
			continue
		}
		keeper := keeper(r, res, owners[ref], ref, last)
		for _, i := range owners[ref] {
			for _, j := range owners[ref] {
				if i != j && i != keeper {
					b := res.Apps[j].App
					claims[i] = append(claims[i], fmt.Sprintf("%s is also in app %s (%s)", ref, b.Name, b.Path))
				}
			}
		}
	}
	for i, c := range claims {
		res.Apps[i].stop(c)
	}
}

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

// stop takes what was rendered away, so that the app stays at its last good state, and says why.
func (a *AppResult) stop(claims []string) {
	a.Ref, a.Refs, a.Reason = nil, nil, protocol.ReasonSharedObject
	a.Err = fmt.Sprintf("%s: %s: an object belongs to one app; remove it from all but one",
		a.App.File, fewOf(claims))
}

// keeper is the one among the claimants that had the object before, or -1.
func keeper(r *Resolver, res *Resolution, claimants []int, ref protocol.ObjectRef, last []protocol.App) int {
	keeper := -1
	for _, i := range claimants {
		if !had(r, res.Apps[i].App.Name, ref, last) {
			continue
		}
		if keeper >= 0 {
			return -1
		}
		keeper = i
	}
	return keeper
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
