package layout

import (
	"fmt"
	"maps"
	"slices"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/protocol"
)

// holdPlugins refuses the apps of tenants those renderer plugins that the operator did not open to them: a plugin runs
// beside the hub, and what it is told and reads is the tenant's.
func (p *planner) holdPlugins() {
	for _, name := range slices.Sorted(maps.Keys(p.Apps)) {
		app := p.Apps[name]
		if app.Party().Rank() == 0 || app.Err != "" {
			continue
		}
		for _, part := range app.Parts() {
			if part.Plugin == nil {
				continue
			}
			for _, of := range p.pluginsOf(part.Plugin.Name) {
				if of.Tenants || app.Err != "" {
					continue
				}
				app.Err = fmt.Sprintf("%s: the app is held to %s, and the renderer plugin %s is not for such apps: have the "+
					"operator annotate its ConfigManagementPlugin with drover.dev/tenants: \"true\", or say in the source "+
					"how it is rendered otherwise", app.File, app.Party(), of.Name)
				app.Reason = protocol.ReasonProjectForbids
			}
		}
		p.Apps[name] = app
	}
}

// pluginsOf are the plugins that may render a part: the one of a name, or those that are discovered.
func (p *planner) pluginsOf(name string) []*cmplugin.Plugin {
	if name == "" {
		return p.layout.Plugins.Discovered()
	}
	return []*cmplugin.Plugin{p.layout.Plugins.Named(name)}
}
