package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

func newAcceptCommand() *cobra.Command {
	var c connection
	var yes bool
	cmd := &cobra.Command{
		Use: "accept NAME", Short: "Let a cluster that has a copy of another one's credential take its place",
		Long: `When a cluster's etcd or a backup of it is restored into another cluster, two clusters have the
credential. The hub believes the one that joined, tells them apart by the uid of the namespace kube-system, and the
agent in the other applies nothing. This command accepts the other one: its agent applies the cluster's bundle from
then on, and the agent of the first one, if it still runs, applies nothing.

If the other one is only a copy, remove its agent with drover agent uninstall instead, and end its credential with
drover cluster rotate.`,
		Example: "  drover cluster accept staging", Args: exactly(1, "the name of a cluster"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			d, err := client.Cluster(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if d.Copy == nil {
				return fmt.Errorf("no other cluster uses the credential of %s: there is nothing to decide", args[0])
			}
			before := "a cluster that the hub does not know"
			if d.Copy.Known != "" {
				before = "the one with uid " + d.Copy.Known
			}
			out := cmd.OutOrStdout()
			question := fmt.Sprintf("Does the cluster whose kube-system has uid %s (pod %s) take the place of %s as "+
				"%s?", d.Copy.UID, show.OrDash(d.Copy.Agent), before, args[0])
			if err := wrong.Confirm(cmd.InOrStdin(), out, yes, question); err != nil {
				return err
			}
			if _, err := client.Accept(cmd.Context(), args[0], d.Copy.UID); err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "The cluster with uid %s is %s now. An agent that still runs in the other "+
				"applies nothing: take it away with `drover agent uninstall`, and end "+
				"its credential with `drover cluster rotate %s`.\n", d.Copy.UID, args[0], args[0])
			return err
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}
