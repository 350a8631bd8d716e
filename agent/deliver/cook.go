package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/envsubst"
	"github.com/drover-dev/drover/protocol"
)

// cookFor prepares what an app's lines are made by; nil if they are applied as the hub made them. An error is *lacking where an input is
// not there that has to be.
func (s *session) cookFor(ctx context.Context, a *app, spec protocol.App, blob []byte) (*plan.Cook, error) {
	c := &plan.Cook{Taken: map[protocol.VarsRef]uint64{}}
	if spec.Decrypt != nil && plan.AnyEncrypted(blob) {
		if err := s.takeKeys(ctx, a, spec, c); err != nil {
			return nil, err
		}
	}
	if spec.Substitute != nil {
		if err := s.takeVars(ctx, a, spec, c); err != nil {
			return nil, err
		}
	}
	if c.Decrypt == nil && c.Sub == nil {
		return nil, nil
	}
	return c, nil
}

// takeKeys reads the keys of an app. Those that are the agent's own are for apps that have the agent's own rights: a tenant could have
// anything decrypted with them that stands in Git.
func (s *session) takeKeys(ctx context.Context, a *app, spec protocol.App, c *plan.Cook) error {
	access := accessOf(spec.Handling)
	if spec.Decrypt.Secret == "" && access.Account != "" {
		return fmt.Errorf("objects of it are encrypted, and it names no Secret with keys: the agent's own are not for an app that is applied "+
			"with the rights of a service account (%s): name one that this account may read", access.Account)
	}
	ref := plan.KeysOf(spec.Decrypt, s.namespace)
	data, version, err := s.supply(ctx, a, access, ref)
	if err != nil {
		return err
	}
	if version == 0 {
		return &lacking{ref, "the keys with which its objects are decrypted"}
	}
	c.Taken[ref] = version
	c.Decrypt = &plan.Decrypter{Plugins: s.plugins, Keys: make(map[string][]byte, len(data))}
	for k, v := range data {
		c.Decrypt.Keys[k] = []byte(v)
	}
	return nil
}

// takeVars reads the variables of an app.
func (s *session) takeVars(ctx context.Context, a *app, spec protocol.App, c *plan.Cook) error {
	c.Sub, c.Vars = spec.Substitute, map[string]string{}
	var versions []uint64
	for _, ref := range spec.Substitute.From {
		optional := ref.Optional
		ref.Optional = false
		data, version, err := s.supply(ctx, a, accessOf(spec.Handling), ref)
		switch {
		case err != nil:
			return err
		case version == 0 && !optional:
			return &lacking{ref, "variables"}
		}
		c.Taken[ref] = version
		maps.Copy(c.Vars, data)
		versions = append(versions, version)
	}
	maps.Copy(c.Vars, spec.Substitute.Vars)
	if !spec.Substitute.Strict {
		if err := envsubst.CheckNames(c.Vars); err != nil {
			return err
		}
	}
	var err error
	c.Stamp, err = json.Marshal([]any{spec.Substitute, versions})
	return err
}
