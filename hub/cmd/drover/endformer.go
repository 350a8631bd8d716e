package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

// endFormerUse names the command, for messages.
const endFormerUse = "end-old-credentials"

func newEndFormerCommand() *cobra.Command {
	var c connection
	var force bool
	cmd := &cobra.Command{
		Use: endFormerUse, Short: "End the credentials that an older release of the hub issued",
		Long: `Credentials and join tokens that were issued before the upgrade to this release do not bound what their holder may send
to NATS. They stay good so that agents can connect, and the hub asks these agents to renew. When ` + "`drover status`" + ` shows no
cluster that still uses one, this command ends them all, at once and for good.

Where agents still use one, for example because they are offline, it does nothing: they would have to join again. --force
ends them all the same.`,
		Example: "  drover hub " + endFormerUse, Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			done, err := client.EndFormer(cmd.Context(), force)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			names := strings.Join(done.Left, ", ")
			switch {
			case !done.Ended:
				return fmt.Errorf("nothing was ended: %d %s still %s a credential of an older release (%s): wait until their agents have "+
					"connected and renewed, or end them with --force", len(done.Left), show.Plural(len(done.Left), "cluster"),
					verb(len(done.Left), "uses", "use"), names)
			case len(done.Left) > 0:
				_, err = fmt.Fprintf(out, "The credentials of older releases are ended. These clusters have to join again, each with\n"+
					"  drover agent manifest --cluster NAME | kubectl apply -f -\n%s\n", strings.Join(done.Left, "\n"))
			default:
				_, err = fmt.Fprintln(out, "The credentials of older releases are ended. No agent used one.")
			}
			return err
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "also where agents still use one")
	return cmd
}

// verb is the form that goes with n.
func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
