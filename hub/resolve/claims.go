package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/claim"
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

// lost notes that an app goes on without an object, which another one has.
func (a *AppResult) lost(ref protocol.ObjectRef, own, owner claim.Claim, to model.App) {
	n := fleet.Note{File: a.App.File, Object: ref.String(),
		Text: own.Lost(owner, a.App.Name, fmt.Sprintf("%s (%s)", to.Name, cmp.Or(to.Path, to.File)))}
	a.App.Notes, a.Left = append(slices.Clone(a.App.Notes), n), append(a.Left, n)
	if own.Form == "" || own.Form != owner.Form {
		a.Clashes = append(a.Clashes, n)
	}
}
