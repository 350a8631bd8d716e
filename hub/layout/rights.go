package layout

import (
	"fmt"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// bind gives an app the service account of the app that declares it, or of one further up. In Flux a tenant can make
// only what its own account may make; here nobody asks the cluster who may declare an app, so that an app which named
// another account, or none, would be the way out of the account that its tenant is held to.
//
// An account that the app does not name itself, because it is the default (defaulted), is no other one.
func bind(a *model.App, account string, defaulted bool) {
	own := a.Handling.ServiceAccount
	if defaulted && account != "" {
		own = account
	}
	if account != "" {
		a.Handling.ServiceAccount = account
	}
	switch {
	case a.Err != "":
	case account != "" && own != "" && own != account:
		a.Err = fmt.Sprintf("%s: the app %s names the service account %s, and the app that declares it is held to %s, as "+
			"is all that it declares: "+
			"name that, or declare the app where no service account is named", a.File, a.Name, own, account)
	case own != "" && planning.CheckAccount(own) != nil:
		a.Err = fmt.Sprintf("%s: the app %s: %v", a.File, a.Name, planning.CheckAccount(own))
	}
}
