package flux

import (
	"github.com/drover-dev/drover/hub/layout/planning"
)

// controllers are the accounts of Flux' own controllers. `flux install` gives them all rights, and Drover's agent
// stands in their place.
var controllers = map[string]bool{home + "/kustomize-controller": true, home + "/helm-controller": true}

// accountOf is the service account that an object of Flux names: one of its own namespace; "" for the agent's
// own rights.
// One that names none has the default of the lockdown, if there is one.
func accountOf(p *planning.Plan, o *planning.Object, name string) string {
	if name == "" {
		name = p.Flux.DefaultServiceAccount
	}
	if name == "" || controllers[o.Namespace+"/"+name] {
		return ""
	}
	return o.Namespace + "/" + name
}

// acrossNamespaces refuses the name of a source in another namespace, where the lockdown says so.
func acrossNamespaces(p *planning.Plan, o *planning.Object, at, kind, namespace, name string) error {
	if !p.Flux.NoCrossNamespaceRefs || namespace == "" || namespace == o.Namespace {
		return nil
	}
	return p.Errorf(o, at, "the %s %s/%s is in another namespace, and sources of other namespaces are not to be named here "+
		"(noCrossNamespaceRefs): declare a source in the namespace %s", kind, namespace, name, o.Namespace)
}
