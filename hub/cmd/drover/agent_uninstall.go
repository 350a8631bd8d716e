package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/install"
)

// uninstallOptions are the flags of `drover agent uninstall`.
type uninstallOptions struct {
	kubeTarget
	namespace string
	yes       bool
	timeout   time.Duration
}

func newUninstallCommand() *cobra.Command {
	var o uninstallOptions
	cmd := &cobra.Command{
		Use: "uninstall", Short: "Remove the agent from a cluster; keep what it delivered",
		Long: `Removes the agent from the cluster of a kubeconfig's context: the DaemonSet, its rights, and its
namespace with the agent's credential and state. What the agent delivered from Git keeps running.`,
		Example: `  drover agent uninstall --context staging
  drover agent uninstall --context staging --yes`,
		Args: exactly(0, "no arguments: name the cluster's context with --context"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			err := o.run(ctx, cmd.InOrStdin(), cmd.OutOrStdout())
			if err != nil && cmd.Context().Err() != nil {
				return errors.New("stopped: what was removed is gone; run it again to remove the rest")
			}
			return err
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", "drover-system", "namespace of the agent")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait until everything is deleted")
	return cmd
}

func (o *uninstallOptions) run(ctx context.Context, in io.Reader, out io.Writer) error {
	c, err := install.Connect(ctx, o.kubeconfig, o.context)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The cluster of context %s (%s, Kubernetes %s), namespace %s.\n", c.Context, c.Server, c.Version,
		o.namespace)
	parts, err := c.Parts(ctx, o.namespace)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		fmt.Fprintln(out, "There is no agent.")
		return nil
	}
	present, err := c.Look(ctx, o.namespace)
	if err != nil {
		present = install.Present{} // what is left of it may still be removed
	}
	if name := present.Cluster(); name != "" {
		fmt.Fprintf(out, "It holds the agent of cluster %s%s.\n", name, hubOf(present))
	}
	fmt.Fprintln(out, "To be removed, with all that is in the namespace:")
	for _, p := range parts {
		fmt.Fprintf(out, "  %s\n", p)
	}
	if !o.yes && !confirmed(in, out) {
		return errors.New("nothing was removed: answer yes, or give --yes")
	}
	if err := c.Remove(ctx, parts, func(p install.Part) { fmt.Fprintf(out, "  removed   %s\n", p) }); err != nil {
		return err
	}
	name := present.Cluster()
	if name == "" {
		fmt.Fprintln(out, "The agent is gone; what it delivered stays. Of which cluster it was is not known: `drover "+
			"status` shows whose agent is offline now.")
		return nil
	}
	fmt.Fprintf(out, "The agent of cluster %[1]s is gone; what it delivered stays. Its credential ends by itself, or "+
		"at once with: drover cluster revoke %[1]s\n", name)
	return nil
}

// confirmed asks a person.
func confirmed(in io.Reader, out io.Writer) bool {
	fmt.Fprint(out, "Remove them? [yes/no] ")
	line, _ := bufio.NewReader(in).ReadString('\n') // no answer is no
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}
