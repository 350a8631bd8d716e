package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// Follow tells sight of one object until ctx is done. Its health is judged by a rule, if there is one.
func (c *Client) Follow(ctx context.Context, res agent.Resource, namespace, name string, rule *health.Rule, sight func(agent.Sighting)) {
	ref := protocol.ObjectRef{Group: res.Group, Kind: res.Kind, Namespace: namespace, Name: name}
	c.single(ctx, res, namespace, name, func(raw []byte) (enough bool) {
		s := agent.Sighting{Kind: agent.SightGone, Resource: res, Live: agent.Live{Ref: ref}}
		if raw != nil {
			var err error
			if s, err = judgedBy(rule, res, raw); err != nil {
				c.log.Warn("an object that is followed cannot be read", "object", ref.String(), "err", err)
				return false
			}
		}
		s.Namespace, s.At = namespace, time.Now()
		sight(s)
		return ctx.Err() != nil
	})
}

// Served finds where a kind is served, in the version that the API server prefers.
func (c *Client) Served(ctx context.Context, group, kind string) (agent.Resource, error) {
	key := groupKind{group, kind}
	if r, ok := c.kinds.preferred(key); ok {
		return r, nil
	}
	c.kinds.load.Lock()
	defer c.kinds.load.Unlock()
	if r, ok := c.kinds.preferred(key); ok {
		return r, nil
	}
	version, err := c.preferredVersion(ctx, group)
	if err == nil {
		err = c.discover(ctx, version)
	}
	if err == nil { // discover reads all the first time; what came later than that needs the version
		err = c.discoverVersion(ctx, version)
	}
	if r, ok := c.kinds.preferred(key); ok {
		return r, nil
	}
	var f *agent.Failure
	if err != nil && (!errors.As(err, &f) || f.Reason != agent.ReasonKind && f.Reason != agent.ReasonMissing) {
		return agent.Resource{}, fmt.Errorf("ask what kinds the cluster serves: %w", err)
	}
	return agent.Resource{}, &agent.Failure{Reason: agent.ReasonKind, Text: fmt.Sprintf(
		"this cluster does not serve %s of group %q: install its CustomResourceDefinition, or correct group and kind", kind, group)}
}

// preferredVersion is the group and version that the API server names first.
func (c *Client) preferredVersion(ctx context.Context, group string) (string, error) {
	if group == "" {
		return "v1", nil
	}
	var g struct {
		PreferredVersion struct{ GroupVersion string }
	}
	if _, err := c.do(ctx, call{method: http.MethodGet, path: "/apis/" + url.PathEscape(group), accept: acceptJSON}, &g); err != nil {
		return "", err
	}
	return g.PreferredVersion.GroupVersion, nil
}

func (k *kinds) preferred(key groupKind) (agent.Resource, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.first[key]
	return r, ok
}
