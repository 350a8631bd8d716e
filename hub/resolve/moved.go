package resolve

import (
	"cmp"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// moved are the apps that a cluster was told to run before, with the names that they have now.
func moved(last []protocol.App, apps []model.App) []protocol.App {
	now := make([]protocol.App, len(apps))
	for i, a := range apps {
		now[i] = protocol.App{Name: a.Name, Declared: cmp.Or(a.Declared, identity.ID{Kind: identity.KindApp, Name: a.Name}.String()),
			Formerly: a.Formerly}
	}
	to := identity.Successors(last, now)
	if len(to) == 0 {
		return last
	}
	out := make([]protocol.App, len(last))
	for i, a := range last {
		out[i] = identity.Rename(a, to)
	}
	return out
}
