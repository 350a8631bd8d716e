package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
)

func newRevokeCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "revoke NAME", Short: "Revoke a cluster's credentials at once, and close its connection",
		Long: `Ends all credentials of a cluster's agent, and the join tokens that were not used yet. Its
connection is closed. The agent goes on correcting drift in the cluster; but it gets no new bundle and cannot report.

If a credential may have been copied and the agent is to stay connected, use drover cluster rotate.`,
		Example: "  drover cluster revoke staging", Args: exactly(1, "the name of a cluster"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			was, err := client.Revoke(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if was.Valid == 0 {
				fmt.Fprintf(out, "Cluster %s had no credential that was good. ", args[0])
			} else {
				fmt.Fprintf(out, "The credentials of %s (%d) are revoked, and its connection is cut. What runs there is left running. ", args[0], was.Valid)
			}
			_, err = fmt.Fprintf(out, "To let it join again:\n  drover agent manifest --cluster %s | kubectl apply -f -\n", args[0])
			return err
		},
	}
	c.flags(cmd)
	return cmd
}

func newRotateCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "rotate NAME", Short: "Replace a cluster's credential, and revoke the older ones",
		Long: `Asks a cluster's agent to make new keys and get a credential for them. When it has connected with that,
all older credentials of the cluster and their copies are revoked. An offline agent is asked when it is back.`,
		Example: "  drover cluster rotate staging", Args: exactly(1, "the name of a cluster"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			id, err := client.Rotate(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			d, err := client.Cluster(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			when := "now"
			if d.State != query.StateConnected {
				when = "when it is back, for it is " + string(d.State)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The agent of %s is asked to make a new credential %s. When it uses that, the older ones (%d) are revoked.\n",
				args[0], when, id.Valid)
			return err
		},
	}
	c.flags(cmd)
	return cmd
}

// credential says how long a cluster's credential is good, and what else a person may have to know of it.
func credential(id hub.Identity) string {
	var out []string
	switch {
	case !id.Revoked.IsZero():
		out = append(out, "revoked on "+day(id.Revoked))
	case id.Issued.IsZero():
		out = append(out, "none")
	case id.Valid == 0:
		out = append(out, "expired on "+day(id.Expires))
	default:
		out = append(out, fmt.Sprintf("issued on %s, good until %s", day(id.Issued), day(id.Expires)))
	}
	if id.Valid > 1 {
		out = append(out, fmt.Sprintf("%d are good in all", id.Valid))
	}
	if !id.Rotating.IsZero() {
		out = append(out, "to be rotated since "+day(id.Rotating))
	}
	if !id.Token.IsZero() {
		out = append(out, "a join token is good until "+day(id.Token))
	}
	if !id.Suspended.IsZero() {
		out = append(out, fmt.Sprintf("cut off until %s, because more was sent or read with it than an agent does: see who has it, and run "+
			"`drover cluster rotate`", day(id.Suspended)))
	}
	if id.Dropped > 0 {
		out = append(out, fmt.Sprintf("%d messages in its name were not taken since the hub started, the last at %s: "+
			"%s", id.Dropped,
			day(id.DroppedLast), id.DroppedWhy))
	}
	return strings.Join(out, "; ")
}

func day(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
