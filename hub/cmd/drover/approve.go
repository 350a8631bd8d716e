package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/protocol"
)

// approveOptions are the flags of `drover approve`.
type approveOptions struct {
	connection
	yes bool
}

func newApproveCommand() *cobra.Command {
	var o approveOptions
	cmd := &cobra.Command{
		Use: "approve ID", Short: "Approve a change that is held",
		Long: `Some changes are held until a person approves them: deletions of more than a commit usually deletes, a
Namespace or CustomResourceDefinition that is not empty, the removal of several clusters, and newer content of Argo CD
Applications without automated sync. Everything else in the commit is applied. ` + "`drover status`" + ` shows what is held, with
an id; ` + "`drover status CLUSTER`" + ` has an id for each app in that cluster where several are held together.

The command shows what would happen and asks. It approves exactly what the id stands for; another change has another id.
Instead of the id you may give the commit, by 7 or more characters of its hash, if it caused only one hold.`,
		Example: `  drover approve 0f1e2d3c4b
  drover approve 0f1e2d3c4b --yes`,
		Args: exactly(1, "one id: `drover status` shows what is held"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args[0], cmd.InOrStdin(), cmd.OutOrStdout())
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var out []string
			if f, err := o.fleet(cmd.Context()); err == nil && len(args) == 0 {
				for _, h := range f.Source.Held {
					out = append(out, h.Name()+"\t"+show.OneLine(h.Text()))
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (o *approveOptions) run(ctx context.Context, name string, stdin io.Reader, stdout io.Writer) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	held, err := c.Held(ctx, name)
	if err != nil {
		return err
	}
	printHold(stdout, held)
	if err := wrong.Confirm(stdin, stdout, o.yes, question(held)); err != nil {
		return err
	}
	hold, err := c.Approve(ctx, held.Name())
	if err != nil {
		return err
	}
	if removed(hold) {
		for _, cluster := range hold.Clusters {
			fmt.Fprintf(stdout, "%s is let go\n", cluster)
		}
		return nil
	}
	fmt.Fprintf(stdout, "%s is approved; `drover status` shows when it is done\n", held.Name())
	return nil
}

// removed says whether a hold is of the folders of clusters.
func removed(h query.Hold) bool { return h.Kind == protocol.HoldClusters || h.Kind == "" }

// question is what a person is asked.
func question(h query.Hold) string {
	switch {
	case removed(h):
		return "Let these clusters go?"
	case h.Kind == protocol.HoldRelease:
		return "Deliver this?"
	case h.Object != "":
		return fmt.Sprintf("Delete %s, and with it %d %s?", h.Object, h.Count, show.Plural(h.Count, "object"))
	case h.Count > 0:
		return fmt.Sprintf("Delete %d %s?", h.Count, show.Plural(h.Count, "object"))
	}
	return "Approve this?"
}

// printHold shows what would happen.
func printHold(w io.Writer, h query.Hold) {
	show.Sayf(w, "%s: %s", h.Name(), show.OneLine(h.Text()))
	if len(h.Clusters) > 3 {
		show.Sayf(w, "  clusters: %s", strings.Join(h.Clusters, ", "))
	}
	if len(h.Apps) > 1 {
		show.Sayf(w, "  apps: %s", strings.Join(h.Apps, ", "))
	}
	printObjects(w, h)
}

// printObjects lists what a hold names.
func printObjects(w io.Writer, h query.Hold) {
	if h.Object != "" {
		show.Sayf(w, "  %s, which holds:", show.OneLine(h.Object))
	}
	for _, o := range h.Objects {
		show.Sayf(w, "  %s", show.OneLine(o))
	}
	if n := h.Count + h.Added + h.Changed + h.Removed - len(h.Objects); n > 0 && len(h.Objects) > 0 {
		show.Sayf(w, "  and %d more", n)
	}
}
