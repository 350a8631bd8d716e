package fleet

import (
	"cmp"
	"fmt"

	"github.com/drover-dev/drover/protocol"
)

// WhyKept says why an app that is not in a bundle may be wanted all the same, so that it must be kept: the bundle is incomplete, or the
// nearest ancestor that is still in it has an error, so that what it declares is not known, or is suspended. It is "" if there is no doubt.
// parentOf gives the parent that an app had, and "" if it had none or is not known.
//
// Hub and agent both ask it: the hub where it remembers what it published last, the agent because the hub may have lost that.
func WhyKept(b protocol.Bundle, app string, parentOf func(app string) string) string {
	if b.Incomplete != "" {
		return b.Incomplete
	}
	in := make(map[string]protocol.App, len(b.Apps))
	for _, a := range b.Apps {
		in[a.Name] = a
	}
	seen := map[string]bool{}
	for parent := parentOf(app); parent != "" && !seen[parent]; parent = parentOf(parent) {
		seen[parent] = true // what is stored may contain a cycle
		p, present := in[parent]
		switch {
		case !present:
			continue
		case p.Error != "":
			return fmt.Sprintf("the app %s, which declared it, has an error: %s", parent, p.Error)
		case p.Suspend:
			return fmt.Sprintf("the app %s, which declared it, is suspended", parent)
		}
		return ""
	}
	return ""
}

// Doubted is the error of an app that is kept because of WhyKept.
func Doubted(doubt string) string {
	return "it is not known whether the app is still wanted, so it is kept: " + doubt
}

// KeepKnown is what an agent makes of an app that comes with an error and without a blob: the hub could not read its declaration and does not
// remember the last one either. What else the declaration says may be as broken as what made the error, so everything but the error
// is taken from known, which is the app as it was accepted last.
func KeepKnown(app, known protocol.App) protocol.App {
	if app.Error == "" || app.Blob != nil || known.Name != app.Name {
		return app
	}
	known.Error, known.Reason, known.Parent = app.Error, app.Reason, cmp.Or(app.Parent, known.Parent)
	return known
}
