package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/edit"
	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

func newAgentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "agent", Short: "Install, upgrade and uninstall agents", Example: "  drover agent install --cluster staging",
		Args: exactly(0, "a command: see `drover agent --help`"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newInstallCommand(), newUninstallCommand(), edit.Commands{Connection: connect, Wrong: wrong}.Upgrade(), newManifestCommand(), newTokenCommand())
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
	f.BoolVar(&o.replace, "replace", false, "replace the cluster's agent: it is locked out when the token is used")
	f.DurationVar(&o.ttl, "ttl", 24*time.Hour, "how long the token is good for")
}

// check says what is wrong with the flags.
func (o *tokenOptions) check() error {
	if o.cluster == "" {
		return usageError{errors.New("which cluster? Name it with --cluster")}
	}
	if o.ttl < api.MinTokenTTL || o.ttl > api.MaxTokenTTL {
		return usageError{fmt.Errorf("--ttl %s: choose between %s and %s", o.ttl, api.MinTokenTTL, api.MaxTokenTTL)}
	}
	return nil
}

// token has the hub make a join token.
func (o *tokenOptions) token(ctx context.Context) (protocol.JoinToken, error) {
	var none protocol.JoinToken
	if err := o.check(); err != nil {
		return none, err
	}
	c, err := o.client()
	if err != nil {
		return none, err
	}
	return c.Token(ctx, o.cluster, api.TokenRequest{Replace: o.replace, TTL: int(o.ttl.Seconds())})
}

// agentOptions are the flags that say what agent is to be installed.
type agentOptions struct {
	manifest.Agent
	scope []string
}

func (o *agentOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.Namespace, "namespace", "drover-system", "namespace of the agent")
	f.StringVar(&o.Image, "image", "drover-agent:"+strings.TrimPrefix(version.String(), "v"), "image of the agent, with its registry")
	f.StringSliceVar(&o.scope, "scope", nil, "namespace=a,b: the only namespaces that the agent may touch; they have to be there (default: it may do anything)")
	f.StringVar(&o.Answers, "answers", "", "questions of people that the agent answers: get,tree,diff,events,logs, or "+
		"none (default: all but logs)")
	f.StringVar(&o.Proxy, "proxy", "", "URL of the HTTP proxy through which the agent reaches the hub")
	f.StringVar(&o.NoProxy, "no-proxy", "", "hosts that the agent reaches without the proxy, separated by commas")
	f.StringToStringVar(&o.NodeSelector, "node-selector", nil, "labels of the nodes that it runs on, as zone=edge (default: all nodes)")
	f.StringVar(&o.LeaderNodes, "leader-nodes", "", "nodes that the agent may lead on, and so runs on: control-plane, all, or a label as "+
		"node-restriction.kubernetes.io/drover (default: control-plane; with install all, if there are no such nodes)")
}

// check says what is wrong with the flags, before a token is made for nothing.
func (o *agentOptions) check(cluster string) error {
	o.Cluster, o.Scope = cluster, nil
	for i, word := range o.scope {
		word, named := strings.CutPrefix(word, "namespace=")
		if i == 0 && !named {
			return usageError{fmt.Errorf("--scope %s: it is given as namespace=a,b", strings.Join(o.scope, ","))}
		}
		o.Scope = append(o.Scope, word)
	}
	if err := manifest.Check(o.Agent); err != nil {
		return usageError{err}
	}
	return nil
}

// The formats of `drover agent manifest`.
const (
	formatYAML   = "yaml"
	formatValues = "helm-values"
)

func newManifestCommand() *cobra.Command {
	var o tokenOptions
	var a agentOptions
	var format string
	cmd := &cobra.Command{
		Use: "manifest --cluster NAME", Short: "Print the manifest of a cluster's agent, for kubectl apply",
		Long: `Asks the hub for a join token for a cluster's agent, and prints the namespace, rights, Secret and
DaemonSet that install it. Until the agent has used the token, anyone who reads it can join instead: do not commit it.

The agent may do anything in its cluster (cluster-admin), because it applies all that the repository contains. With
--scope it may do anything in the namespaces named, and nothing elsewhere. Only the leading pod has these rights, and
only nodes that --leader-nodes selects may lead: by default nodes of the control plane.`,
		Example: `  drover agent manifest --cluster staging | kubectl --context staging apply -f -
  drover agent manifest --cluster staging --replace | kubectl --context staging apply -f -   # its agent was lost
  drover agent manifest --cluster staging -o helm-values | helm install drover-agent deploy/charts/drover-agent \
      --namespace drover-system --create-namespace -f -`,
		Args: exactly(0, "no arguments: name the cluster with --cluster"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if err := a.check(o.cluster); err != nil {
				return err
			}
			write := manifest.WriteAgent
			switch format {
			case formatYAML:
			case formatValues:
				write = manifest.WriteValues
			default:
				return usageError{fmt.Errorf("-o %s: choose %s or %s", format, formatYAML, formatValues)}
			}
			warnOfTag(cmd.ErrOrStderr(), a.Image)
			if err := o.join(cmd.Context(), &a.Agent); err != nil {
				return err
			}
			return write(cmd.OutOrStdout(), a.Agent)
		},
	}
	o.flags(cmd)
	a.flags(cmd)
	cmd.Flags().StringVar(&a.Form, "form", manifest.FormDaemonSet, "daemonset, or deployment with two pods, which Git does not upgrade")
	cmd.Flags().StringVarP(&format, "output", "o", formatYAML, "yaml, or helm-values for the chart drover-agent")
	return cmd
}

// warnOfTag says that an image is not named by digest.
func warnOfTag(w io.Writer, image string) {
	if text := manifest.TagWarning(image); text != "" {
		fmt.Fprintln(w, text)
	}
}

// join has the hub make a join token, for the manifest of an agent.
func (o *tokenOptions) join(ctx context.Context, a *manifest.Agent) error {
	t, err := o.token(ctx)
	if err != nil {
		return err
	}
	a.Join, err = json.Marshal(t)
	return err
}

func newTokenCommand() *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use: "token --cluster NAME", Short: "Print a join token, for an agent that you install yourself",
		Long: `Asks the hub for a join token. The agent of one cluster exchanges it for a credential, once, before it
expires. Until then, anyone who reads the token can join in the agent's place: keep it secret. The hub keeps no copy.`,
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
