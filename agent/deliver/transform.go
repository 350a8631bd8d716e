package deliver

import (
	"context"
	"fmt"

	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// transformFor reads what an app's lines are transformed with; nil if they are applied as the hub made them. An error
// is *lacking where a required input does not exist.
func (r request) transformFor(ctx context.Context, spec protocol.App, blob []byte) (*plan.Transform, error) {
	var keys *plan.Input
	var vars []plan.Input
	var err error
	if spec.Decrypt != nil && plan.AnyEncrypted(blob) {
		if keys, err = r.readKeys(ctx, spec); err != nil {
			return nil, err
		}
	}
	if spec.Substitute != nil {
		if vars, err = r.readVars(ctx, spec); err != nil {
			return nil, err
		}
	}
	return plan.NewTransform(r.env.plugins, keys, spec.Substitute, vars)
}

// readKeys reads the keys of an app. Those that are the agent's own are for apps that have the agent's own rights: a
// tenant could have anything decrypted with them that stands in Git.
func (r request) readKeys(ctx context.Context, spec protocol.App) (*plan.Input, error) {
	access := accessOf(spec.Handling)
	if spec.Decrypt.Secret == "" && access.Account != "" {
		return nil, fmt.Errorf("objects of it are encrypted, and it names no Secret with keys: the agent's own are not for an app that is applied "+
			"with the rights of a service account (%s): name one that this account may read", access.Account)
	}
	ref := plan.KeysOf(spec.Decrypt, r.env.namespace)
	data, version, err := r.supply(ctx, access, ref)
	if err != nil {
		return nil, err
	}
	if version == 0 {
		return nil, &lacking{ref, "the keys with which its objects are decrypted"}
	}
	return &plan.Input{Ref: ref, Version: version, Data: data}, nil
}

// readVars reads the variables of an app.
func (r request) readVars(ctx context.Context, spec protocol.App) (out []plan.Input, err error) {
	for _, ref := range spec.Substitute.From {
		optional := ref.Optional
		ref.Optional = false
		data, version, err := r.supply(ctx, accessOf(spec.Handling), ref)
		switch {
		case err != nil:
			return nil, err
		case version == 0 && !optional:
			return nil, &lacking{ref, "variables"}
		}
		out = append(out, plan.Input{Ref: ref, Version: version, Data: data})
	}
	return out, nil
}
