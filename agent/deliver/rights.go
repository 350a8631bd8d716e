package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// objects reaches the objects of an app, with the rights that the app is given. There is no other way to them:
// whatever is done for an app is done with its rights.
func (a *app) objects() agent.Objects { return a.env.reach(accessOf(a.spec.Handling)) }

// accessOf is how the objects of an app are reached.
func accessOf(h protocol.Handling) agent.Access {
	secret := h.Decrypt != nil
	if h.Substitute != nil {
		secret = secret || slices.ContainsFunc(h.Substitute.From, func(ref protocol.VarsRef) bool { return ref.Kind == "Secret" })
	}
	return agent.Access{Account: h.ServiceAccount, Secret: secret}
}

// peek reads an object's metadata, before it is deleted. Where the app's account may not, the agent's own rights tell
// whether there is anything to delete: the account may have gone together with its namespace, and what the app could
// never apply is somebody else's. They are used for nothing else.
func (r request) peek(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (agent.Live, error) {
	live, err := r.at.Get(ctx, res, ref)
	if agent.ReasonOf(err) != agent.ReasonForbidden || r.account == "" {
		return live, err
	}
	seen, own := r.env.reach(agent.Access{}).Get(ctx, res, ref)
	switch {
	case own == nil && seen.App != r.name, agent.ReasonOf(own) == agent.ReasonMissing, agent.ReasonOf(own) == agent.ReasonNamespace:
		return seen, own
	}
	return live, r.unpermitted(ctx, err)
}

var accounts = agent.Resource{Version: "v1", Kind: "ServiceAccount", Plural: "serviceaccounts", Namespaced: true}

// unpermitted says of a request that was forbidden whose rights did not suffice, where these are not the agent's own.
func (r request) unpermitted(ctx context.Context, err error) error {
	account := r.account
	var f *agent.Failure
	if account == "" || !errors.As(err, &f) || f.Reason != agent.ReasonForbidden {
		return err
	}
	namespace, name, _ := strings.Cut(account, "/")
	text := fmt.Sprintf("the app is applied with the rights of the service account %s, which may not do this: "+
		"give it the right, or take the object out of the app (%s)", account, f.Said)
	ref := protocol.ObjectRef{Kind: accounts.Kind, Namespace: namespace, Name: name}
	if strings.Contains(f.Said, "cannot impersonate") {
		text = fmt.Sprintf("the agent may not act as the service account %s, with whose rights the app is applied: "+
			"give the agent the right to impersonate it, in its namespace (%s)", account, f.Said)
	} else if _, err := r.env.reach(agent.Access{}).Get(ctx, accounts, ref); agent.ReasonOf(err) == agent.ReasonMissing ||
		agent.ReasonOf(err) == agent.ReasonNamespace {
		text = fmt.Sprintf("the service account %s, with whose rights the app is applied, does not exist: make it "+
			"(kubectl create serviceaccount %s --namespace %s) and give it a role, or name another", account, name, namespace)
	}
	return &agent.Failure{Reason: f.Reason, After: f.After, Text: text}
}
