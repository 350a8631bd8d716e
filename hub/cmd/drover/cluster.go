package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/edit"
)

func newClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cluster", Short: "Add, list, show and remove clusters; revoke and rotate their credentials",
		Long: `A cluster is a folder below clusters/ in the fleet's repository. The commands add and remove change that
folder in a commit and push it; the others ask the hub.`,
		Example: "  drover cluster add staging --label env=staging",
		Args:    exactly(0, "a command: see `drover cluster --help`"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	git := edit.Commands{Connection: connect, Wrong: wrong}
	cmd.AddCommand(git.Add(), newClusterListCommand(), newClusterShowCommand(), git.Remove(), newClusterForgetCommand(),
		newRevokeCommand(), newRotateCommand(), newAcceptCommand())
	return cmd
}

func newClusterListCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the clusters",
		Example: `  drover cluster list
  drover cluster list -l env=production -o name`,
		Args: exactly(0, "no arguments: choose with -l, or see one with `drover cluster show NAME`"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := o.output == "name"
			if names {
				o.output = ""
			}
			if err := o.check(nil); err != nil {
				return err
			}
			return o.list(cmd.Context(), cmd.OutOrStdout(), names)
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "wide, name, json or yaml")
	f.StringVarP(&o.selector, "selector", "l", "", "only clusters with these labels, as kubectl's -l")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"wide", "name", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *statusOptions) list(ctx context.Context, w io.Writer, names bool) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	f, err := c.Clusters(ctx, o.selector)
	if err != nil {
		return err
	}
	if names {
		for _, r := range f.Clusters {
			fmt.Fprintln(w, r.Name)
		}
		return nil
	}
	if done, err := o.printData(w, f.Clusters); done {
		return err
	}
	return o.printRows(w, f)
}

func newClusterShowCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show everything that is known of a cluster",
		Long:    "Shows a cluster's state and since when, what it runs, its apps with what is wrong in them, and what happened last.",
		Example: "  drover cluster show production-us-east-1\n  drover cluster show production-us-east-1 -o yaml",
		Args:    exactly(1, "the name of one cluster"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.output == "wide" {
				o.output = ""
			}
			if err := o.check(args); err != nil {
				return err
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			return o.one(cmd.Context(), cmd.OutOrStdout(), c, args[0])
		},
		ValidArgsFunction: o.completion(1),
	}
	o.flags(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func newClusterForgetCommand() *cobra.Command {
	var o connection
	cmd := &cobra.Command{
		Use: "forget NAME...", Short: "Remove released clusters from the list",
		Long: `A cluster whose folder was removed from Git stays on the list as released, because workloads may still
run there. This command removes it. If it is still to be pruned, its objects are kept and its credential is revoked.`,
		Example: "  drover cluster forget staging",
		Args:    wrong.AtLeastOne("the names of released clusters"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := c.Forget(cmd.Context(), name); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is forgotten\n", name)
			}
			return nil
		},
		ValidArgsFunction: o.completion(-1),
	}
	o.flags(cmd)
	return cmd
}

// fleet asks the hub for all clusters.
func (c *connection) fleet(ctx context.Context) (api.Fleet, error) { return c.shared().Fleet(ctx) }

// completion completes the names of up to n clusters, of any number if n is negative.
func (c *connection) completion(n int) cobra.CompletionFunc { return c.shared().Completion(n) }
