package resolve

import (
	"fmt"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// outOfBounds says which of the objects that an app renders to its project does not permit; "" if it permits all.
// Such an app stays at its last good state as a whole: if one object were left out, it would be deleted where it runs
// already.
func outOfBounds(app model.App, refs []protocol.ObjectRef) string {
	if app.Bounds == nil {
		return ""
	}
	known := make([]protocol.ObjectRef, len(refs))
	for i, ref := range refs {
		known[i] = model.Claimed(ref, app.Namespace)
	}
	refused := app.Bounds.Refused(known)
	if len(refused) == 0 {
		return ""
	}
	return fmt.Sprintf(
		"%s: the project %s (%s) does not permit %s, so nothing new of the app %s is delivered: change the app, or what the project permits",
		app.File,
		app.Bounds.Project.Name,
		app.Bounds.Project.Where,
		fewOf(refused),
		app.Name,
	)
}
