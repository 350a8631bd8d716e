package app

import (
	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
)

// objects reaches the objects of an app, with the rights that the app is given. There is no other way to them:
// whatever is done for an app is done with its rights.
func (a *App) objects() agent.Objects { return a.env.Reach(access.Of(a.Spec.Handling)) }

// Request begins one with the rights that the app has now.
func (a *App) Request() access.Request {
	env, at := a.env, a.objects()
	return access.Request{Objects: at, Rights: access.Rights{App: a.Name, Names: a.Names, Account: a.Spec.ServiceAccount, At: at,
		Own: func() access.Reader { return env.Reach(agent.Access{}) }}}
}

// RelabelHooks gives the objects of the app's hooks its label, where they have that of a name that it had.
func (a *App) RelabelHooks() {
	if len(a.Names) > 0 && !a.Suspended() {
		a.hooks.Relabel(a.env.Life, a.env.Log)
	}
}
