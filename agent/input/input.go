package input

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// Lacking says that an input does not exist. There is no retry: its watch tells when it does.
type Lacking struct {
	Ref protocol.VarsRef
	Use string
}

// Error says what to do about it.
func (e *Lacking) Error() string {
	return fmt.Sprintf("waits for the %s, from which it takes %s: make it in the cluster, or take it out of the app; "+
		"what was applied before stays", e.Ref, e.Use)
}

// Of are the objects from which an app takes variables and keys. namespace is the agent's own.
func Of(h protocol.Handling, namespace string) (refs []protocol.VarsRef) {
	if h.Substitute != nil {
		for _, ref := range h.Substitute.From {
			ref.Optional = false
			refs = append(refs, ref)
		}
	}
	for _, ref := range opaqueFrom(h.Opaque) {
		ref.Optional = false
		refs = append(refs, ref)
	}
	if h.Decrypt != nil {
		refs = append(refs, plan.KeysOf(h.Decrypt, namespace))
	}
	return refs
}

// opaqueFrom are the objects that opaque values are taken from, each once.
func opaqueFrom(of []protocol.Opaque) (refs []protocol.VarsRef) {
	for _, o := range of {
		for _, ref := range o.From {
			if !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}

// Reader reads inputs.
type Reader struct {
	Reach     func(agent.Access) agent.Objects
	Plugins   agent.PluginHost
	Scope     agent.Scope
	Namespace string                     // the agent's own
	Watch     func(ref protocol.VarsRef) // has the changes of an input told
}

// Transform reads what an app's lines are transformed with; nil if they are applied as the hub made them. An error
// is *Lacking where a required input does not exist.
func (r Reader) Transform(ctx context.Context, spec protocol.App, blob []byte) (*plan.Transform, error) {
	var keys *plan.Input
	var vars []plan.Input
	var err error
	if spec.Decrypt != nil && plan.AnyEncrypted(blob) {
		if keys, err = r.readKeys(ctx, spec); err != nil {
			return nil, err
		}
	}
	if spec.Substitute != nil {
		if vars, err = r.readVars(ctx, spec, spec.Substitute.From); err != nil {
			return nil, err
		}
	}
	t, err := plan.NewTransform(r.Plugins, keys, spec.Substitute, vars)
	if err != nil || len(spec.Opaque) == 0 {
		return t, err
	}
	if vars, err = r.readVars(ctx, spec, opaqueFrom(spec.Opaque)); err != nil {
		return nil, err
	}
	return t.WithOpaque(spec.Opaque, vars)
}

// readKeys reads the keys of an app. Those that are the agent's own are for apps that have the agent's own rights: a
// tenant could have anything decrypted with them that stands in Git.
func (r Reader) readKeys(ctx context.Context, spec protocol.App) (*plan.Input, error) {
	rights := access.Of(spec.Handling)
	if spec.Decrypt.Secret == "" && rights.Account != "" {
		return nil, fmt.Errorf("objects of it are encrypted, and it names no Secret with keys: the agent's own are not "+
			"for an app that is applied "+
			"with the rights of a service account (%s): name one that this account may read", rights.Account)
	}
	ref := plan.KeysOf(spec.Decrypt, r.Namespace)
	data, version, err := r.supply(ctx, rights, ref)
	if err != nil {
		return nil, err
	}
	if version == 0 {
		return nil, &Lacking{ref, "the keys with which its objects are decrypted"}
	}
	return &plan.Input{Ref: ref, Version: version, Data: data}, nil
}

// readVars reads objects from which an app takes variables.
func (r Reader) readVars(ctx context.Context, spec protocol.App, from []protocol.VarsRef) (out []plan.Input,
	err error) {
	for _, ref := range from {
		optional := ref.Optional
		ref.Optional = false
		data, version, err := r.supply(ctx, access.Of(spec.Handling), ref)
		switch {
		case err != nil:
			return nil, err
		case version == 0 && !optional:
			return nil, &Lacking{ref, "variables"}
		}
		out = append(out, plan.Input{Ref: ref, Version: version, Data: data})
	}
	return out, nil
}

// supply reads an input, with the rights of the app, and has it watched. A version of 0 says that it is not there.
func (r Reader) supply(ctx context.Context, rights agent.Access, ref protocol.VarsRef) (data map[string]string,
	version uint64, err error) {
	own := ref == plan.KeysOf(&protocol.Decryption{}, r.Namespace)
	switch {
	case strings.ContainsAny(ref.Namespace+ref.Name, "/%?#") || ref.Namespace == "" || ref.Name == "":
		return nil, 0, fmt.Errorf("the %s has a name that cannot be: correct it in Git", ref)
	case !own && r.Scope.Outside(protocol.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}):
		return nil, 0, fmt.Errorf("the %s: %w", ref, r.Scope.Failure())
	}
	r.Watch(ref)
	at := r.Reach(rights)
	data, version, err = at.Data(ctx, ref)
	if k := agent.ReasonOf(err); k == agent.ReasonMissing || k == agent.ReasonNamespace {
		return nil, 0, nil
	}
	explain := access.Rights{Account: rights.Account, At: at,
		Own: func() access.Reader { return r.Reach(agent.Access{}) }}.Explain
	if err = explain(ctx, err); err != nil {
		return nil, 0, fmt.Errorf("read the %s: %w", ref, err)
	}
	return data, version, nil
}
