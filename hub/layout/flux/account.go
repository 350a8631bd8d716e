package flux

import (
	"github.com/drover-dev/drover/hub/layout/planning"
)

// controllers are the accounts of Flux' own controllers. `flux install` gives them all rights, and Drover's agent
// stands in their place.
var controllers = map[string]bool{home + "/kustomize-controller": true, home + "/helm-controller": true}

// accountOf is the service account that an object of Flux names: one of its own namespace; "" for the agent's own rights.
func accountOf(o *planning.Object, name string) string {
	if name == "" || controllers[o.Namespace+"/"+name] {
		return ""
	}
	return o.Namespace + "/" + name
}
