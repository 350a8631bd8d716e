package app

import (
	"context"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
)

// objects reaches the objects of an app, with the rights that the app is given. There is no other way to them:
// whatever is done for an app is done with its rights.
func (a *App) objects() agent.Objects { return a.env.Reach(access.Of(a.Spec.Handling)) }

// rights are those of the request.
func (r request) rights() access.Rights {
	return access.Rights{App: r.name, Account: r.account, At: r.at,
		Own: func() access.Reader { return r.env.Reach(agent.Access{}) }}
}

// unpermitted says of a request that was forbidden whose rights did not suffice, where these are not the agent's own.
func (r request) unpermitted(ctx context.Context, err error) error {
	return r.rights().Explain(ctx, err)
}
