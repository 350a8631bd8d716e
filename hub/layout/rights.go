package layout

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// controllers are the accounts of Flux' own controllers. `flux install` gives them all rights, and Drover's agent
// stands in their place.
var controllers = map[string]bool{fluxNamespace + "/kustomize-controller": true, fluxNamespace + "/helm-controller": true}

// accountOf is the service account that an object of Flux names: one of its own namespace; "" for the agent's own rights.
func accountOf(o *Object, name string) string {
	if name == "" || controllers[o.Namespace+"/"+name] {
		return ""
	}
	return o.Namespace + "/" + name
}

// readAccount takes spec.serviceAccount.
func readAccount(d document, spec *yaml.Node, to *string) error {
	if err := d.text(spec, "serviceAccount", to); err != nil || *to == "" {
		return err
	}
	if err := checkAccount(*to); err != nil {
		return d.errorf(field(spec, "serviceAccount"), "serviceAccount %v", err)
	}
	return nil
}

// checkAccount says what is wrong with a service account, which is written namespace/name.
func checkAccount(account string) error {
	namespace, name, ok := strings.Cut(account, "/")
	err := protocol.CheckName(namespace)
	if !ok || err != nil || checkSubdomain(name) != nil { // unlike a namespace
		return fmt.Errorf("%.80q is no service account: write it as namespace/name", account)
	}
	return nil
}

// bind gives an app the service account of the app that declares it, or of one further up. In Flux a tenant can make
// only what its own account may make; here nobody asks the cluster who may declare an app, so that an app which named
// another account, or none, would be the way out of the account that its tenant is held to.
func bind(a *fleet.App, account string) {
	own := a.Handling.ServiceAccount
	if account != "" {
		a.Handling.ServiceAccount = account
	}
	switch {
	case a.Err != "":
	case account != "" && own != "" && own != account:
		a.Err = fmt.Sprintf("%s: the app %s names the service account %s, and the app that declares it is held to %s, as is all that it declares: "+
			"name that, or declare the app where no service account is named", a.File, a.Name, own, account)
	case own != "" && checkAccount(own) != nil:
		a.Err = fmt.Sprintf("%s: the app %s: %v", a.File, a.Name, checkAccount(own))
	}
}
