package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

func newAgentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "agent", Short: "Install and upgrade agents",
		Args: exactly(0, "a command: see `drover agent --help`"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newManifestCommand(), newTokenCommand(), newUpgradeCommand())
	return cmd
}

// tokenOptions are the flags of commands that have a join token made.
type tokenOptions struct {
	connection
	cluster string
	replace bool
	ttl     time.Duration
}

func (o *tokenOptions) flags(cmd *cobra.Command) {
	o.connection.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.cluster, "cluster", "", "name of the cluster: a folder below clusters/ in the repository")
	f.BoolVar(&o.replace, "replace", false, "though the cluster has an agent: that one is locked out when the token is used")
	f.DurationVar(&o.ttl, "ttl", 24*time.Hour, "how long the token is good for")
}

// token has the hub make a join token.
func (o *tokenOptions) token(ctx context.Context) (protocol.JoinToken, error) {
	var none protocol.JoinToken
	if o.cluster == "" {
		return none, usageError{errors.New("which cluster? Name it with --cluster")}
	}
	if o.ttl < api.MinTokenTTL || o.ttl > api.MaxTokenTTL {
		return none, usageError{fmt.Errorf("--ttl %s: choose between %s and %s", o.ttl, api.MinTokenTTL, api.MaxTokenTTL)}
	}
	c, err := o.client()
	if err != nil {
		return none, err
	}
	return c.Token(ctx, o.cluster, api.TokenRequest{Replace: o.replace, TTL: int(o.ttl.Seconds())})
}

func newManifestCommand() *cobra.Command {
	var o tokenOptions
	var namespace, image string
	cmd := &cobra.Command{
		Use: "manifest --cluster NAME", Short: "Print what installs the agent of a cluster: pipe it into kubectl apply",
		Long: `Has the hub make a join token for a cluster's agent and prints the namespace, rights, Secret and DaemonSet that install
it. Whoever has the token before the agent has used it can join in its place: pipe the output into kubectl, do not commit it.`,
		Example: `  drover agent manifest --cluster staging | kubectl --context staging apply -f -
  drover agent manifest --cluster staging --replace | kubectl --context staging apply -f -   # its agent was lost`,
		Args: exactly(0, "no arguments: name the cluster with --cluster"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a := manifest.Agent{Namespace: namespace, Image: image}
			if err := manifest.Check(a); err != nil {
				return usageError{err} // before a token is made for nothing
			}
			var err error
			if a.Token, err = o.token(cmd.Context()); err != nil {
				return err
			}
			return manifest.WriteAgent(cmd.OutOrStdout(), a)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&namespace, "namespace", "drover-system", "namespace of the agent")
	cmd.Flags().StringVar(&image, "image", "drover-agent:"+strings.TrimPrefix(version.String(), "v"), "image of the agent, with its registry")
	return cmd
}

func newTokenCommand() *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use: "token --cluster NAME", Short: "Print a join token, for an agent that is installed in a way of your own",
		Long: `Has the hub make a join token: it buys one credential for the agent of one cluster, once, until it expires. The agent makes
its keys itself, in its cluster. Who has the token before that agent has used it can join in its place: hand it over as the secret
that it is. The hub keeps no copy.`,
		Example: `  umask 077; drover agent token --cluster staging > join.json
  drover-agent --join join.json --kubeconfig ~/.kube/staging`,
		Args: exactly(0, "no arguments: name the cluster with --cluster"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := o.token(cmd.Context())
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(t)
		},
	}
	o.flags(cmd)
	return cmd
}
