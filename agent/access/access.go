package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// Of is how the objects of an app are reached.
func Of(h protocol.Handling) agent.Access {
	secret := h.Decrypt != nil
	isSecret := func(ref protocol.VarsRef) bool { return ref.Kind == "Secret" }
	if h.Substitute != nil {
		secret = secret || slices.ContainsFunc(h.Substitute.From, isSecret)
	}
	for _, o := range h.Opaque {
		secret = secret || slices.ContainsFunc(o.From, isSecret)
	}
	return agent.Access{Account: h.ServiceAccount, Secret: secret}
}

// Reader reads an object's metadata.
type Reader interface {
	Get(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (agent.Live, error)
}

// Rights are those with which something is done for an app.
type Rights struct {
	App     string
	Names   []string      // others that the app had
	Account string        // the service account, as namespace/name; "" for the agent's own rights
	At      Reader        // with these rights
	Own     func() Reader // with the agent's own
}

// Peek reads an object's metadata, before it is deleted. Where the app's account may not, the agent's own rights tell
// whether there is anything to delete: the account may have gone together with its namespace, and what the app could
// never apply belongs to others. They are used for nothing else.
func (r Rights) Peek(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (agent.Live, error) {
	live, err := r.At.Get(ctx, res, ref)
	if agent.ReasonOf(err) != agent.ReasonForbidden || r.Account == "" {
		return live, err
	}
	seen, own := r.Own().Get(ctx, res, ref)
	switch {
	case own == nil && seen.App != r.App, agent.ReasonOf(own) == agent.ReasonMissing,
		agent.ReasonOf(own) == agent.ReasonNamespace:
		return seen, own
	}
	return live, r.Explain(ctx, err)
}

var accounts = agent.Resource{Version: "v1", Kind: "ServiceAccount", Plural: "serviceaccounts", Namespaced: true}

// Explain says of a request that was forbidden whose rights did not suffice, where these are not the agent's own.
func (r Rights) Explain(ctx context.Context, err error) error {
	account := r.Account
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
	} else if _, err := r.Own().Get(ctx, accounts, ref); agent.ReasonOf(err) == agent.ReasonMissing ||
		agent.ReasonOf(err) == agent.ReasonNamespace {
		text = fmt.Sprintf("the service account %s, with whose rights the app is applied, does not exist: make it "+
			"(kubectl create serviceaccount %s --namespace %s) and give it a role, or name another", account, name, namespace)
	}
	return &agent.Failure{Reason: f.Reason, After: f.After, Text: text}
}
