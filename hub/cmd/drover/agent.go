package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/internal/version"
)

func newAgentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "agent", Short: "Install agents",
		Args: exactly(0, "a command: see `drover agent --help`"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newManifestCommand(), newCredentialCommand())
	return cmd
}

// issueOptions are the flags of commands that have a credential made.
type issueOptions struct {
	connection
	cluster string
	replace bool
}

func (o *issueOptions) flags(cmd *cobra.Command) {
	o.connection.flags(cmd)
	cmd.Flags().StringVar(&o.cluster, "cluster", "", "name of the cluster: a folder below clusters/ in the repository")
	cmd.Flags().BoolVar(&o.replace, "replace", false, "make a new credential though there is one; the agent that has the old one is locked out")
}

func newManifestCommand() *cobra.Command {
	var o issueOptions
	var namespace, image string
	cmd := &cobra.Command{
		Use: "manifest --cluster NAME", Short: "Print what installs the agent of a cluster: pipe it into kubectl apply",
		Long: `Has the hub make the credential of a cluster's agent and prints the namespace, rights, Secret and DaemonSet that install
it. The output holds the credential, which exists nowhere else: pipe it into kubectl, do not commit it.`,
		Example: `  drover agent manifest --cluster staging | kubectl --context staging apply -f -
  drover agent manifest --cluster staging --replace | kubectl --context staging apply -f -   # the first one was lost`,
		Args: exactly(0, "no arguments: name the cluster with --cluster"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a := manifest.Agent{Namespace: namespace, Image: image}
			if err := manifest.Check(a); err != nil {
				return usageError{err} // before a credential is made for nothing
			}
			err := o.issue(cmd, &a)
			if err != nil {
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

func newCredentialCommand() *cobra.Command {
	var o issueOptions
	cmd := &cobra.Command{
		Use: "credential --cluster NAME", Short: "Print the credential of a cluster's agent, for one that runs outside of its cluster",
		Example: `  umask 077; drover agent credential --cluster staging > staging.json
  drover-agent --credential staging.json --kubeconfig ~/.kube/staging`,
		Args: exactly(0, "no arguments: name the cluster with --cluster"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var a manifest.Agent
			if err := o.issue(cmd, &a); err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(a.Credential)
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *issueOptions) issue(cmd *cobra.Command, a *manifest.Agent) error {
	if o.cluster == "" {
		return usageError{fmt.Errorf("which cluster? Name it with --cluster")}
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	a.Credential, err = c.Credential(cmd.Context(), o.cluster, o.replace)
	return err
}
