package resolve

import (
	"cmp"
	"fmt"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/trust"
	"github.com/drover-dev/drover/protocol"
)

// held are the service accounts that apps had before, by what declares them, where apps of several accounts declare
// something.
func (e *expansion) held(parties map[string]trust.Party) map[string]string {
	accounts := map[string]bool{}
	for _, p := range parties {
		accounts[p.Account] = true
	}
	if len(accounts) < 2 {
		return nil
	}
	out := map[string]string{}
	for _, a := range e.last {
		if a.ServiceAccount != "" {
			out[cmp.Or(a.Declared, model.KindApp+" "+a.Name)] = a.ServiceAccount
		}
	}
	return out
}

// declarers adds with whose rights apps declare something, but for those with all rights.
func (e *expansion) declarers(in model.Declarations) {
	for name, m := range e.made {
		if p := m.app.Party(); name != model.RootApp && p.Rank() > 0 && m.render != nil && len(m.render.Declared) > 0 {
			in.Parties[name] = p
			if m.app.Bounds != nil {
				in.Bounds[name] = m.app.Bounds
			}
		}
	}
}

func notDelivered(app model.App, ref protocol.VarsRef) string {
	return fmt.Sprintf("%s: the chart's values are to come from the %s, which is not among what %s, or is encrypted there, and Drover "+
		"renders charts before the cluster sees anything: put it into Git as it is%s, write its values under values, or say optional: true",
		app.File, ref, suppliers(app.Party()), inApp(app.Party()))
}

// suppliers are the apps from whose objects one with the rights of a party takes values, for messages. It does not tell
// what other apps deliver.
func suppliers(p trust.Party) string {
	switch {
	case p.Account != "":
		return "apps with the service account " + p.Account + " deliver"
	case p.Project != "":
		return "apps of the project " + p.Project + ", or of none, deliver without a service account"
	}
	return "this cluster's folder renders to without a service account or a project"
}

// inApp says where such an object is to be, where that is not everywhere.
func inApp(p trust.Party) string {
	if p.Rank() == 0 {
		return ""
	}
	return " (in an app with the same rights)"
}
