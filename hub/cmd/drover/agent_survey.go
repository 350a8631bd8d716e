package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/install"
)

// survey looks at what the cluster of a context holds, before anything is written to it, and refuses one that is not
// the one that is meant.
func (o *installOptions) survey(ctx context.Context, hub api.Client, c *install.Cluster) (install.Present, error) {
	present, err := c.Look(ctx, o.Namespace)
	if err != nil {
		return present, err
	}
	others, err := c.Elsewhere(ctx, o.Namespace)
	if err != nil {
		return present, err
	}
	trust, err := hub.Trust(ctx)
	if err != nil {
		return present, err
	}
	if err := o.misplaced(present, others, c.Context, trust.Trust.HubKeys); err != nil {
		return present, err
	}
	if o.kubeTarget.context != "" || present.Joined == o.cluster {
		return present, nil // it was said which cluster is meant
	}
	rights := "which may do anything there (cluster-admin)"
	if len(o.Scope) > 0 {
		rights = "which may do anything in the namespaces " + strings.Join(o.Scope, ", ")
	}
	return present, wrong.Confirm(o.in, o.out, o.yes, fmt.Sprintf("No --context was given. Install the agent of %s, %s, "+
		"into the cluster of the current context %s?",
		o.cluster, rights, c.Context))
}

// misplaced says why an agent must not go into a cluster that holds these already. keys are those that the hub signs
// with.
func (o *installOptions) misplaced(present install.Present, others []install.Present, context string,
	keys [][]byte) error {
	remedy := func(p install.Present) string {
		return fmt.Sprintf("choose another --context, or take that agent away first with `drover agent uninstall "+
			"--context %s --namespace %s`", context, p.Namespace)
	}
	switch {
	case present.Cluster() != "" && present.Cluster() != o.cluster:
		return fmt.Errorf("the cluster of context %s is %s%s, and not %s: nothing was changed; %s", context,
			present.Cluster(), hubOf(present), o.cluster,
			remedy(present))
	case len(others) > 0:
		whose := others[0].Cluster()
		if whose == "" {
			whose = "a cluster that is not known"
		}
		return fmt.Errorf("the cluster of context %s holds the agent of %s already, in namespace %s, whose rights an "+
			"agent in namespace %s would take: nothing was "+
			"changed; give --namespace %s, or "+
			"%s", context, whose, others[0].Namespace, o.Namespace, others[0].Namespace, remedy(others[0]))
	case present.Joined != "" && !present.Of(keys) && !o.replace:
		return fmt.Errorf("the cluster of context %s is %s of another hub%s: nothing was changed; choose another "+
			"--context, ask that hub's people, or, if the hub "+
			"was lost, bring its keys back with `drover hub restore`; --replace makes the cluster one of this "+
			"hub", context, present.Joined, hubOf(present))
	}
	return nil
}

// hubOf says where the hub is that an agent has joined.
func hubOf(p install.Present) string {
	if p.Joined == "" {
		return ""
	}
	return " (joined the hub at " + strings.Join(p.Trust.Servers, ", ") + ")"
}
